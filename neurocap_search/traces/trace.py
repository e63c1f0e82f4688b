"""The recorded life of one network: every epoch, to the end."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from neurocap_search.prediction import Report


class TraceKey(NamedTuple):
    """Which network, and which training of it.

    Attributes:
        trial: Number of the architecture in its population, from 0.
        seed: Of initial weights and order of the images.
    """

    trial: int
    seed: int


@dataclass(frozen=True)
class Trace:
    """What one network reported when nothing pruned it.

    Attributes:
        key: Architecture and seed.
        architecture: Plain JSON, with the name of its space under ``space``.
        training: The searched hyper-parameters such as ``learning_rate``.
        description: The architecture in a few words.
        multiply_adds: Of one image's forward pass; 0 where unknown.
        reports: One for each epoch, from 1 without a gap.
        failure: Why the training ended before its last epoch; None if it did not.
        early: Reports from within the first epoch, whose seconds are part of those of epoch 1; empty where
            nobody recorded any.

    Raises:
        ValueError: If an epoch is missing or out of order.

    Example:
        >>> reports = (Report(1, {"val_accuracy": 0.5}), Report(2, {"val_accuracy": 0.75}))
        >>> trace = Trace(TraceKey(0, 0), {"space": "mlp"}, {}, "8 relu", 100, reports)
        >>> trace.last("val_accuracy")
        0.75
    """

    key: TraceKey
    architecture: dict[str, Any]
    training: dict[str, float]
    description: str
    multiply_adds: int
    reports: tuple[Report, ...]
    failure: str | None = None
    early: tuple[Report, ...] = ()

    def __post_init__(self) -> None:
        epochs = [report.epoch for report in self.reports]
        if epochs != list(range(1, len(epochs) + 1)):
            raise ValueError(
                f"trial {self.key.trial}, seed {self.key.seed}: epochs must run from 1 without a gap, "
                f"received {epochs}; record the trial again"
            )
        marks = [report.epoch for report in self.early]
        if marks != sorted({mark for mark in marks if 0 < mark < 1}):
            raise ValueError(
                f"trial {self.key.trial}, seed {self.key.seed}: early reports must ascend between 0 and 1, "
                f"received {marks}; record the trial again"
            )

    @cached_property
    def seconds(self) -> float:
        """Wall-clock seconds of the whole training; 0 for each epoch whose cost is unknown."""
        return sum(report.seconds or 0.0 for report in self.reports)

    def last(self, name: str) -> float | None:
        """Return a number at the last epoch, or None if it was not reported."""
        return self.reports[-1].get(name) if self.reports else None

    def seen_at(self, epoch: float) -> tuple[Report, ...]:
        """Return the reports that count after an epoch: all so far, within the first only the one there."""
        if epoch < 1:
            return tuple(report for report in self.early if report.epoch == epoch)
        return self.reports[: int(epoch)]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, inverse of :meth:`from_json`."""
        return {
            "trial": self.key.trial,
            "seed": self.key.seed,
            "architecture": self.architecture,
            "training": self.training,
            "description": self.description,
            "multiply_adds": self.multiply_adds,
            "reports": [report.to_json() for report in self.reports],
            "failure": self.failure,
            "early": [report.to_json() for report in self.early],
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> "Trace":
        """Rebuild a trace from :meth:`to_json`."""
        return cls(
            key=TraceKey(state["trial"], state["seed"]),
            architecture=state["architecture"],
            training=state["training"],
            description=state["description"],
            multiply_adds=state["multiply_adds"],
            reports=tuple(Report.from_json(report) for report in state["reports"]),
            failure=state["failure"],
            early=tuple(Report.from_json(report) for report in state.get("early", ())),
        )
