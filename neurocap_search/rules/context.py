"""What a rule is told before it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neurocap_search.traces.trace import Trace


@dataclass(frozen=True, kw_only=True)
class RuleContext:
    """The stream of trials a rule is to prune.

    Attributes:
        metric: Name of the number that is optimised.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.
        seed: Of whatever the rule draws at random.
        stream: The recorded trainings in the order of their trial ids "0", "1", ...; empty in a live search.
            Only the oracle looks at their numbers.
        trials: How many trials are to come; 0 where that is unknown.
        grace_period: Epochs before a trial is first compared.
        reduction_factor: One in how many goes on at each rung.
    """

    metric: str = "val_accuracy"
    mode: Literal["max", "min"] = "max"
    max_t: int
    seed: int = 0
    stream: Sequence[Trace] = ()
    trials: int = 0
    grace_period: int = 1
    reduction_factor: float = 3

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Range of the metric that predictions are clipped to: an accuracy is a share."""
        return (0.0, 1.0) if self.metric.endswith("accuracy") else None

    def compared(self) -> dict[str, Any]:
        """Return the arguments of every policy that compares trials."""
        return {
            "metric": self.metric,
            "mode": self.mode,
            "max_t": self.max_t,
            "grace_period": self.grace_period,
        }

    def halving(self) -> dict[str, Any]:
        """Return the arguments of every kind of successive halving."""
        return {**self.compared(), "reduction_factor": self.reduction_factor}
