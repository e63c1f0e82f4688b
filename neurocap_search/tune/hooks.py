"""Hooks of a scheduler that must not raise: an exception in one would end the whole experiment."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from neurocap_search.errors import UserError

Hook = TypeVar("Hook", bound=Callable[..., Any])


def survives(answer: Any = None) -> Callable[[Hook], Hook]:
    """Let a scheduler's hook answer ``answer`` where it fails, after its ``count_error`` was told.

    Example:
        >>> class Scheduler:
        ...     def count_error(self, hook):
        ...         print("failed in", hook)
        ...     @survives(answer="CONTINUE")
        ...     def on_trial_result(self):
        ...         raise RuntimeError
        >>> Scheduler().on_trial_result()
        failed in on_trial_result
        'CONTINUE'
    """

    def wrap(hook: Hook) -> Hook:
        @functools.wraps(hook)
        def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return hook(self, *args, **kwargs)
            except UserError:  # the user has to do something before anything is trained
                raise
            except Exception:  # a policy is anybody's code
                self.count_error(hook.__name__.lstrip("_"))
                return answer

        return cast(Hook, guarded)

    return wrap
