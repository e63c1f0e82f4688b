"""What can be checked by the recorded trainings: is the candidate's signal one at all?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.check import Check, graded
from neurocap_search.comparison.statistics.networks import Networks, Scope
from neurocap_search.comparison.statistics.signal_names import signal_of, source_of
from neurocap_search.comparison.statistics.signals import signal_correlations
from neurocap_search.comparison.statistics.words import count, percent
from neurocap_search.traces.schema import TaskTraces

EARLY = (1, 2, 3, 5)
"""Epochs at which rules decide first."""
PLAIN = "train_loss"
"""Beside the optimised metric, what everybody reports and a signal has to beat."""
NOTICEABLE = 0.2
"""Rank correlation below which there is nothing that size could explain."""


@dataclass(frozen=True)
class _Early:
    """Mean rank correlations of some signals over the tasks at the early epochs, and the mean ceiling."""

    epochs: tuple[int, ...]
    by_signal: Mapping[str, tuple[float, ...]]
    ceiling: float

    def words(self, signal: str) -> str:
        return f"{signal} {', '.join(f'{value:.2f}' for value in self.by_signal[signal])}"


def checks_of_traces(results: Results, tasks: Mapping[str, TaskTraces], seed: int) -> Iterator[Check]:
    """Return the checks that need traces; none if there are no tasks."""
    used = {run.unit.task for run in results.runs}
    chosen = [task for name, task in tasks.items() if name in used] or list(tasks.values())
    if not chosen:
        return
    yield _failures(chosen)
    ours = signal_of(results.candidate, results.metric)
    with_it = [task for task in chosen if _reports(task, ours)]
    if not with_it:
        yield Check("signal of the candidate", "WARNING", f"no recorded training reports {source_of(ours)}")
        return
    early = _early(with_it, [ours, results.metric, PLAIN], "all", seed)
    yield _against_plain(ours, early)
    yield from _against_size(ours, early, _early(with_it, [ours], "size classes", seed))
    yield _against_ceiling(ours, early)


def _reports(task: TaskTraces, signal: str) -> bool:
    return source_of(signal) in Networks(task).reported


def _failures(tasks: Sequence[TaskTraces]) -> Check:
    traces = [trace for task in tasks for trace in task.traces]
    failed = [trace for trace in traces if trace.failure is not None]
    share = len(failed) / max(1, len(traces))
    reason = f"{len(failed)} of {count(len(traces), 'recorded training')} failed ({percent(share)})"
    reason += f", such as: {failed[0].failure}" if failed else ""
    return Check("failed trainings", graded(share > 0.1, share > 0.01), reason)


def _early(tasks: Sequence[TaskTraces], signals: Sequence[str], scope: Scope, seed: int) -> _Early:
    """Average over the tasks; a signal that some task does not report is left out."""
    epochs = tuple(epoch for epoch in EARLY if epoch < min(task.epochs for task in tasks))
    names = [name for name in dict.fromkeys(signals) if all(_reports(task, name) for task in tasks)]
    found = [
        signal_correlations(task, names, scope=scope, epochs=epochs, seed=seed, resamples=0) for task in tasks
    ]
    tables = np.array([[curve.correlation for curve in one.curves] for one in found])
    means = tables.reshape(len(tasks), len(names), len(epochs)).mean(axis=0)
    by_signal = {name: tuple(map(float, row)) for name, row in zip(names, means, strict=True)}
    return _Early(epochs, by_signal, float(np.mean([one.ceiling.value for one in found])))


def _against_plain(ours: str, early: _Early) -> Check:
    name = "signal of the candidate"
    rivals = [signal for signal in early.by_signal if signal != ours]
    if not rivals or not early.epochs:
        return Check(name, "WARNING", f"nothing plain is reported that {ours} could be compared with")
    best = np.max([early.by_signal[signal] for signal in rivals], axis=0)
    lead = early.by_signal[ours] - best
    ahead = [epoch for epoch, gap in zip(early.epochs, lead, strict=True) if gap > 0]
    where = f"ahead at {'epoch ' + ', '.join(map(str, ahead)) if ahead else 'no epoch'}"
    said = "; ".join(early.words(signal) for signal in (ours, *rivals))
    reason = (
        f"rank correlation with the final at epochs {', '.join(map(str, early.epochs))}: {said} ({where})"
    )
    return Check(name, graded(not ahead, len(ahead) < len(early.epochs)), reason)


def _against_size(ours: str, early: _Early, within: _Early) -> Iterator[Check]:
    """Compare with the mean within size classes; left out where there is nothing that size could explain."""
    if not early.epochs:
        return
    overall, inside = (max(found.by_signal[ours]) for found in (early, within))
    if not overall >= NOTICEABLE:
        return
    falls = not inside >= overall / 2
    reason = f"highest rank correlation of {ours} up to epoch {early.epochs[-1]}: {overall:.2f} among all "
    reason += f"networks, {inside:.2f} within thirds by size"
    reason += "; much of what it measures is size" if falls else ""
    yield Check("more than size", graded(falls and not inside >= NOTICEABLE / 2, falls), reason)


def _against_ceiling(ours: str, early: _Early) -> Check:
    name = "against the seed ceiling"
    if np.isnan(early.ceiling) or not early.epochs:
        reason = "too few networks were trained again: nobody knows how well any signal could do"
        return Check(name, "WARNING", reason)
    own = early.by_signal[ours][-1]
    reason = f"rank correlation of {ours} at epoch {early.epochs[-1]}: {own:.2f}; of another training of the "
    reason += f"same network: {early.ceiling:.2f}"
    return Check(name, graded(False, not early.ceiling / 2 <= own <= early.ceiling), reason)
