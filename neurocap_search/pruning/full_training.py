"""No pruning at all."""

from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.pruning.arguments import check_max_t, check_state
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.outcomes import fully_trained
from neurocap_search.pruning.policy import PruningPolicy

_STATE = ("full_training", 2)


class FullTrainingPolicy(PruningPolicy):
    """Trains every trial to the end: the yardstick every pruning rule is measured by.

    It looks at no metric, so it doesn't stop a trial that has diverged either.

    Args:
        max_t: Epochs of full training.

    Raises:
        ValueError: If ``max_t`` is not above 0.

    Example:
        >>> policy = FullTrainingPolicy(max_t=2)
        >>> policy.on_report("a", Report(epoch=1)).action.value
        'CONTINUE'
        >>> policy.on_report("a", Report(epoch=2)).reason
        'epoch 2 of 2: fully trained'
    """

    def __init__(self, max_t: int) -> None:
        check_max_t(max_t)
        self.max_t = max_t

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Continue until ``max_t``."""
        if report.epoch >= self.max_t:
            return fully_trained(report.epoch, self.max_t)
        return Decision(Action.CONTINUE, report.epoch, f"epoch {report.epoch} of {self.max_t}: no pruning")

    def state_dict(self) -> dict[str, Any]:
        """Return the settings only: there is no state."""
        return {"policy": _STATE[0], "version": _STATE[1], "settings": {"max_t": self.max_t}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Check that the state is one of this policy."""
        check_state(state, *_STATE, {"max_t": self.max_t})
