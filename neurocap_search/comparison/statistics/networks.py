"""The networks of a task as arrays: what they report, how they end, and which belong together."""

from collections.abc import Sequence
from functools import cached_property
from math import ceil
from typing import Literal

import numpy as np

from neurocap_search.comparison.bootstrap import Array
from neurocap_search.comparison.statistics.rank_correlation import Groups
from neurocap_search.comparison.statistics.signal_names import source_of
from neurocap_search.traces.bank import first_seeds
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace

Scope = Literal["all", "top tenth", "size classes"]
TOP = 0.1
SIZE_CLASSES = 3


class Networks:
    """One training of each network of a task, its first; those that failed are left out.

    Args:
        task: The traces.

    Attributes:
        task: The traces.
        traces: One for each network.
        finals: Final metric, turned so that larger is better, shape (networks,).
    """

    def __init__(self, task: TaskTraces) -> None:
        self.task = task
        self.traces = [trace for trace in first_seeds(task) if self._ended(trace)]
        self.finals = self._final(self.traces)

    def __len__(self) -> int:
        return len(self.traces)

    @cached_property
    def reported(self) -> set[str]:
        """Names of all reported numbers."""
        return {name for trace in self.traces for report in trace.reports for name in report.metrics}

    def values(self, signal: str) -> Array:
        """Return a signal, shape (networks, epochs); nan where it was not reported."""
        source, epochs = source_of(signal), self.task.epochs
        table = [[report.metrics.get(source, np.nan) for report in t.reports[:epochs]] for t in self.traces]
        values = np.array(table, dtype=float).reshape(len(self), epochs)
        return values if source == signal else np.abs(values)

    def varies(self, signal: str) -> bool:
        """Tell whether networks differ in it after their first epoch: what comes later is too late."""
        first = self.values(signal)[:, 0]
        return len(np.unique(first[np.isfinite(first)])) > 1

    def groups(self, scope: Scope) -> Groups:
        """Return the places of those to compare with each other."""
        ended = np.flatnonzero(np.isfinite(self.finals))
        if scope == "top tenth":
            best = ended[np.argsort(-self.finals[ended], kind="stable")]
            ended = np.sort(best[: ceil(TOP * len(ended))])
        if scope != "size classes":
            return [ended] if len(ended) else []
        by_size = ended[np.argsort([_size(self.traces[k]) for k in ended], kind="stable")]
        return [np.sort(part) for part in np.array_split(by_size, SIZE_CLASSES) if len(part)]

    def trained_again(self) -> Array:
        """Return the finals of the other trainings, shape (others, networks); nan where there is none."""
        others: list[list[float]] = [[] for _ in self.traces]
        place = {trace.key.trial: k for k, trace in enumerate(self.traces)}
        first = {trace.key for trace in self.traces}
        for trace in self.task.traces:
            if trace.key not in first and trace.key.trial in place and self._ended(trace):
                others[place[trace.key.trial]].append(float(self._final([trace])[0]))
        again = np.full((max(map(len, others), default=0), len(self)), np.nan)
        for k, finals in enumerate(others):
            again[: len(finals), k] = finals
        return again

    def _ended(self, trace: Trace) -> bool:
        return len(trace.reports) >= self.task.epochs

    def _final(self, traces: Sequence[Trace]) -> Array:
        last = self.task.epochs - 1
        values = [trace.reports[last].metrics.get(self.task.metric, np.nan) for trace in traces]
        return np.array(values, dtype=float) * (1 if self.task.mode == "max" else -1)


def _size(trace: Trace) -> float:
    """Return the number of parameters; the multiply-adds where it is unknown."""
    return trace.reports[0].metrics.get("parameters", float(trace.multiply_adds))
