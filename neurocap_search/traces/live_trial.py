"""A recorded training while it is replayed."""

import math
from dataclasses import dataclass, field

from neurocap_search.prediction import Report
from neurocap_search.pruning import Decision
from neurocap_search.traces.replayed import End, ReplayedTrial
from neurocap_search.traces.trace import Trace


@dataclass(slots=True, eq=False)
class LiveTrial:
    """Where a replayed trial stands.

    Attributes:
        key: The trial id the policy sees.
        trace: What it will report.
        last: Epochs after which it is over, at most those of the trace.
        fails: Why it fails once its reports are used up; None if it does not.
        epochs: Epochs trained so far.
        is_pausing: True while it writes the checkpoint of a pause.
    """

    key: str
    trace: Trace
    last: int
    fails: str | None
    epochs: int = 0
    started: float = 0.0
    ended: float = 0.0
    end: End | None = None
    is_pausing: bool = False
    decisions: list[Decision] = field(default_factory=list)

    @classmethod
    def of(cls, key: str, trace: Trace, epochs: int) -> "LiveTrial":
        """Return a trial that has not begun and trains for ``epochs`` epochs, or as long as its trace."""
        recorded = len(trace.reports)
        fails = None
        if recorded < epochs and (trace.failure is not None or recorded == 0):
            fails = trace.failure or "no epoch of it was recorded"
        return cls(key, trace, min(recorded, epochs), fails)

    @property
    def is_over(self) -> bool:
        """True if nothing is left to train."""
        return self.epochs == self.last and self.fails is None

    def seconds(self, cost: str, unknown: float) -> float:
        """Return the cost of its next epoch, ``unknown`` where none was recorded."""
        if self.epochs == self.last:  # the epoch in which it fails
            return unknown
        report = self.trace.reports[self.epochs]
        value = report.seconds if cost == "seconds" else report.metrics.get(cost)
        return value if value is not None and 0 <= value < math.inf else unknown

    def train(self) -> Report:
        """Train one epoch and return what it reports."""
        report = self.trace.reports[self.epochs]
        self.epochs += 1
        return report

    def replayed(self) -> ReplayedTrial:
        """Return how it went, once it has ended."""
        if self.end is None:
            raise ValueError(f"trial {self.key} has not ended")
        return ReplayedTrial(
            self.trace, self.end, self.epochs, self.started, self.ended, tuple(self.decisions)
        )
