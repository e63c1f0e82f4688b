"""Rules of other people: by entry point or by a dotted path."""

import importlib
import importlib.util
import re
from importlib.metadata import EntryPoint, entry_points
from typing import Any
from weakref import WeakValueDictionary

from neurocap_search.errors import UserError
from neurocap_search.pruning import PruningPolicy
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.rule import PolicyMaker

GROUP = "neurocap_search.rules"
"""Entry points of this group are rules; each names a function of a RuleContext that returns a policy."""

_PATH = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", re.ASCII)


def plugins() -> dict[str, EntryPoint]:
    """Return the installed rules by name; none of them is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def from_plugin(point: EntryPoint) -> PolicyMaker:
    """Import an installed rule.

    Raises:
        UserError: If it cannot be imported or is no function.
    """
    try:
        factory = point.load()
    except Exception as error:
        source = f"the entry point {point.value!r} of group {GROUP!r}"
        raise UserError(f"Rule {point.name!r}: {source} cannot be imported: {_told(error)}") from error
    return _checked(point.name, factory)


def from_path(path: str) -> PolicyMaker | None:
    """Import ``package.module:factory``; None if the text is no such path.

    Text without a dot before the colon is a path only if there is a module of that name, so that a misspelt
    rule with parameters is not taken for one.

    Raises:
        UserError: If the module cannot be imported, or lacks the factory.
    """
    found = _PATH.fullmatch(path)
    if found is None or not ("." in found[1] or _exists(found[1])):
        return None
    try:
        factory: Any = importlib.import_module(found[1])
    except Exception as error:
        raise UserError(
            f"Rule {path!r}: the module {found[1]!r} cannot be imported: {_told(error)}. Is it installed, or "
            "its folder named in PYTHONPATH?"
        ) from error
    for name in found[2].split("."):
        if not hasattr(factory, name):
            raise UserError(f"Rule {path!r}: the module {found[1]!r} has no {found[2]!r}.")
        factory = getattr(factory, name)
    return _checked(path, factory)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module that was not imported in the ordinary way, such as __main__
        return False


def _checked(rule: str, factory: Any) -> PolicyMaker:
    """Return the factory, with its policies looked at."""
    if not callable(factory):
        raise UserError(
            f"Rule {rule!r} is {factory!r}, which cannot be called. It must be a function of a RuleContext "
            "that returns a PruningPolicy."
        )
    made = WeakValueDictionary[int, PruningPolicy]()

    def make(context: RuleContext) -> PruningPolicy:
        try:
            policy = factory(context)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"Rule {rule!r} made no policy: {_told(error)}") from error
        if not isinstance(policy, PruningPolicy):
            raise UserError(
                f"Rule {rule!r} returned {policy!r} of type {type(policy).__name__}. It must return a "
                "PruningPolicy."
            )
        if made.get(id(policy)) is policy:
            raise UserError(
                f"Rule {rule!r} returned the same policy twice. It must make a new one each time, because a "
                "policy remembers the trials of its stream."
            )
        made[id(policy)] = policy
        return policy

    return make


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
