"""A recorded training while it is replayed."""

import math
from collections.abc import Collection
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
        reports: What it reports from now to its end: early ones where a policy asks for them, then one for
            each epoch.
        fails: Why it fails once its reports are used up; None if it does not.
        reported: How many of them it has reported.
        is_pausing: True while it writes the checkpoint of a pause.
    """

    key: str
    trace: Trace
    reports: tuple[Report, ...]
    fails: str | None
    reported: int = 0
    started: float = 0.0
    ended: float = 0.0
    end: End | None = None
    is_pausing: bool = False
    decisions: list[Decision] = field(default_factory=list)

    @classmethod
    def of(cls, key: str, trace: Trace, epochs: int, marks: Collection[float] = ()) -> "LiveTrial":
        """Return a trial that has not begun and trains for ``epochs`` epochs, or as long as its trace.

        Args:
            key: The trial id the policy sees.
            trace: What was recorded.
            epochs: Of full training.
            marks: Shares of the first epoch at which it reports too, where the trace has them.
        """
        recorded = len(trace.reports)
        fails = None
        if recorded < epochs and (trace.failure is not None or recorded == 0):
            fails = trace.failure or "no epoch of it was recorded"
        early = tuple(report for report in trace.early if report.epoch in marks)
        return cls(key, trace, early + trace.reports[:epochs], fails)

    @property
    def epochs(self) -> float:
        """Epochs trained so far."""
        return self.reports[self.reported - 1].epoch if self.reported else 0

    @property
    def next_epoch(self) -> float:
        """Epochs trained by its next report; the one in which it fails has no report."""
        return self.epochs + 1 if self.has_told_all else self.reports[self.reported].epoch

    @property
    def has_told_all(self) -> bool:
        """True once nothing more of it was recorded."""
        return self.reported == len(self.reports)

    @property
    def is_over(self) -> bool:
        """True if nothing is left to train."""
        return self.has_told_all and self.fails is None

    def seconds(self, cost: str, unknown: float) -> float:
        """Return the cost until its next report; of an epoch ``unknown`` where none was recorded."""
        share, number = self.next_epoch - self.epochs, math.ceil(self.next_epoch)
        if self.has_told_all or number > len(self.trace.reports):  # the epoch in which it fails
            return share * unknown
        report = self.trace.reports[number - 1]
        value = report.seconds if cost == "seconds" else report.metrics.get(cost)
        return share * (value if value is not None and 0 <= value < math.inf else unknown)

    def train(self) -> Report:
        """Train on to its next report and return it."""
        self.reported += 1
        return self.reports[self.reported - 1]

    def replayed(self) -> ReplayedTrial:
        """Return how it went, once it has ended."""
        if self.end is None:
            raise ValueError(f"trial {self.key} has not ended")
        return ReplayedTrial(
            self.trace, self.end, self.epochs, self.started, self.ended, tuple(self.decisions)
        )
