"""What a policy answers to a report."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from neurocap_search.prediction import Prediction


class Action(StrEnum):
    """What happens to the trial next; the values are those of Ray Tune's ``TrialScheduler``."""

    CONTINUE = "CONTINUE"
    STOP = "STOP"
    PAUSE = "PAUSE"


@dataclass(frozen=True)
class Decision:
    """A decision with its reason.

    Attributes:
        action: Go on, stop or pause.
        epoch: The epoch of the report that is answered.
        reason: One readable sentence with the numbers the decision rests on.
        prediction: The prediction at this epoch, if the policy makes any.
        pruned: True if a STOP takes epochs from the trial that full training would have given it.
        failed: True if a STOP ends a trial whose numbers are of no use, such as a diverged one.
    """

    action: Action
    epoch: int
    reason: str
    prediction: Prediction | None = None
    pruned: bool = False
    failed: bool = False

    def with_prediction(self, prediction: Prediction | None) -> "Decision":
        """Return the same decision with a prediction beside it."""
        return self if prediction is None else replace(self, prediction=prediction)

    def with_reason(self, reason: str) -> "Decision":
        """Return the same decision with another reason."""
        return replace(self, reason=reason)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, inverse of :meth:`from_json`."""
        prediction = self.prediction.to_json() if self.prediction else None
        return {
            "action": self.action.value,
            "epoch": self.epoch,
            "reason": self.reason,
            "prediction": prediction,
            "pruned": self.pruned,
            "failed": self.failed,
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Decision":
        """Rebuild a decision from :meth:`to_json`."""
        prediction = Prediction.from_json(state["prediction"]) if state["prediction"] else None
        return cls(
            action=Action(state["action"]),
            epoch=state["epoch"],
            reason=state["reason"],
            prediction=prediction,
            pruned=state["pruned"],
            failed=state.get("failed", False),
        )
