"""What a trial says after an epoch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """All numbers a trial reports after one epoch, or within its first.

    A report never is one scalar, so that several objectives and signals travel together.

    Attributes:
        epoch: Number of finished epochs, from 1; below 1 for a share of the first epoch. Within it a trial
            reports what training itself has told so far, and has no metric yet.
        metrics: Named numbers such as ``val_accuracy`` (a share, 0 to 1) or ``beta_eff``; may be nan.
        seconds: Wall-clock cost in seconds since the report before, if known.

    Example:
        >>> Report(epoch=1, metrics={"val_accuracy": 0.5}).get("beta_eff") is None
        True
    """

    epoch: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None

    @property
    def is_early(self) -> bool:
        """True for a report from within the first epoch."""
        return self.epoch < 1

    def get(self, name: str) -> float | None:
        """Return the number called ``name``, or None where the trial did not report it."""
        return self.metrics.get(name)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; a number that is not finite becomes null."""
        metrics: dict[str, float | None] = dict(self.metrics)
        if not all(map(math.isfinite, self.metrics.values())):
            metrics = {name: value if math.isfinite(value) else None for name, value in self.metrics.items()}
        return {"epoch": self.epoch, "metrics": metrics, "seconds": self.seconds}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Report":
        """Rebuild a report from :meth:`to_json`; null becomes nan."""
        metrics = {name: math.nan if value is None else value for name, value in state["metrics"].items()}
        return cls(epoch=state["epoch"], metrics=metrics, seconds=state["seconds"])


History = Sequence[Report]
"""The reports of one trial, in the order of their epochs."""
