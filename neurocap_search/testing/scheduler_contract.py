"""What Ray Tune asks of a scheduler and what it shows it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

if TYPE_CHECKING:
    from neurocap_search.testing.mock_controller import MockController

DECISIONS = (TrialScheduler.CONTINUE, TrialScheduler.PAUSE, TrialScheduler.STOP, TrialScheduler.NOOP)
_SHOWN = frozenset(
    {
        "search_alg",
        "get_trials",
        "get_live_trials",
        "pause_trial",
        "stop_trial",
        "_set_trial_status",
        "_schedule_trial_save",
    }
)


class ContractError(AssertionError):
    """A scheduler did what would hang or end an experiment under Ray Tune."""


class Event(NamedTuple):
    """What happened to a trial.

    Attributes:
        what: ``"resume"``, ``"remove"``, ``"complete"``, ``"error"`` or the decision on a result.
        trial_id: The trial.
        result: Its last result, flattened.
    """

    what: str
    trial_id: str
    result: Mapping[str, Any]


def stub_trial(trial_id: str, config: dict[str, Any] | None = None) -> Trial:
    """Return a PENDING trial without a trainable, which needs no running Ray."""
    return Trial("trainable", stub=True, trial_id=trial_id, config=config)


class ShownController:
    """The part of a controller that Ray lets schedulers use."""

    def __init__(self, controller: "MockController") -> None:
        self._controller = controller

    def __getattr__(self, name: str) -> Any:
        if name not in _SHOWN:
            raise AttributeError(
                f"Ray's controller shows schedulers no {name!r}, only {', '.join(sorted(_SHOWN))}."
            )
        return getattr(self._controller, name)
