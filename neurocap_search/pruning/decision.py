"""What a policy answers to a report."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from neurocap_search.prediction import Prediction


class Action(StrEnum):
    """What happens to the trial next; the values are those of Ray Tune's ``TrialScheduler``."""

    CONTINUE = "CONTINUE"
    STOP = "STOP"
    PAUSE = "PAUSE"


class Decision:
    """A decision with its reason.

    A decision takes a microsecond or two, its sentence as long again and a prediction ten times as long.
    So both may be given as functions, which are called once, when somebody first reads the attribute.
    Such a function must give the same whenever that is: it rests on values that nobody changes any more.

    Args:
        action: Go on, stop or pause.
        epoch: The epoch of the report that is answered.
        reason: One readable sentence with the numbers the decision rests on.
        prediction: The prediction at this epoch, if the policy makes any.
        pruned: True if a STOP takes epochs from the trial that full training would have given it.
        failed: True if a STOP ends a trial whose numbers are of no use, such as a diverged one.

    Example:
        >>> decision = Decision(Action.PAUSE, 3, lambda: "epoch 3: it waits")
        >>> decision
        Decision(action=PAUSE, epoch=3, reason='epoch 3: it waits')
        >>> decision == Decision(Action.PAUSE, 3, "epoch 3: it waits")
        True
    """

    __slots__ = ("_prediction", "_reason", "action", "epoch", "failed", "pruned")

    def __init__(
        self,
        action: Action,
        epoch: float,
        reason: str | Callable[[], str],
        prediction: Prediction | Callable[[], Prediction] | None = None,
        pruned: bool = False,
        failed: bool = False,
    ) -> None:
        self.action: Final = action
        self.epoch: Final = epoch
        self._reason = reason
        self._prediction = prediction
        self.pruned: Final = pruned
        self.failed: Final = failed

    @property
    def reason(self) -> str:
        """One readable sentence with the numbers the decision rests on."""
        if not isinstance(self._reason, str):
            self._reason = self._reason()
        return self._reason

    @property
    def prediction(self) -> Prediction | None:
        """The prediction at this epoch, if the policy makes any."""
        if callable(self._prediction):
            self._prediction = self._prediction()
        return self._prediction

    def with_prediction(self, prediction: Prediction | Callable[[], Prediction] | None) -> "Decision":
        """Return the same decision with a prediction beside it."""
        if prediction is None:
            return self
        return Decision(self.action, self.epoch, self._reason, prediction, self.pruned, self.failed)

    def with_reason(self, reason: str | Callable[[], str]) -> "Decision":
        """Return the same decision with another reason."""
        return Decision(self.action, self.epoch, reason, self._prediction, self.pruned, self.failed)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, inverse of :meth:`from_json`."""
        prediction = self.prediction
        return {
            "action": self.action.value,
            "epoch": self.epoch,
            "reason": self.reason,
            "prediction": None if prediction is None else prediction.to_json(),
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

    def __repr__(self) -> str:
        facts = f"action={self.action}, epoch={self.epoch}, reason={self.reason!r}"
        more = {"prediction": self.prediction, "pruned": self.pruned, "failed": self.failed}
        return f"Decision({facts}{''.join(f', {name}={value!r}' for name, value in more.items() if value)})"

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Decision) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __reduce__(self) -> tuple[Any, ...]:  # Ray's snapshots hold decisions; functions stay out of them
        return Decision, self._values()

    def _values(self) -> tuple[Any, ...]:
        return self.action, self.epoch, self.reason, self.prediction, self.pruned, self.failed
