"""How well each reported number ranks the networks, after each epoch, by how they end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurocap_search.comparison.bootstrap import Array, Estimate
from neurocap_search.comparison.statistics.networks import Networks, Scope
from neurocap_search.comparison.statistics.rank_correlation import (
    Groups,
    draw_counts,
    group_correlation,
    mean_of_known,
    with_interval,
)
from neurocap_search.comparison.statistics.signal_names import (
    Sign,
    known_sign,
    ordered_signals,
    shown_signal,
    source_of,
)
from neurocap_search.traces.schema import TaskTraces

RESAMPLES = 500
_DRAWN = 0.9
"""Share of the first networks that must have been trained again to count as drawn: a few may have failed."""


@dataclass(frozen=True)
class SignalCurve:
    """One signal's rank correlation with the final metric.

    Attributes:
        signal: Its name; ``|NAME|`` is a magnitude.
        sign: 1 if larger counts as better, -1 if smaller does.
        is_known: Whether the sign was known beforehand. If not, it was read off the finals, one sign for all
            epochs, which flatters the signal a little.
        epochs: Epochs at which it was looked at.
        correlation: Positive where the signal says what its sign promises; nan where undefined.
        low: Lower end of the 95 % interval over the networks.
        high: Upper end.
    """

    signal: str
    sign: Sign
    is_known: bool
    epochs: tuple[int, ...]
    correlation: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def label(self) -> str:
        """Its name with its sign."""
        return shown_signal(self.signal, self.sign, self.is_known)

    def at(self, epoch: int) -> Estimate:
        """Return the correlation at an epoch with its interval; nan if it was not looked at."""
        if epoch not in self.epochs:
            return Estimate(float("nan"))
        k = self.epochs.index(epoch)
        return Estimate(self.correlation[k], self.low[k], self.high[k])


@dataclass(frozen=True)
class SignalCorrelations:
    """All signals of one task over one set of networks.

    Attributes:
        task: Name of the task.
        scope: Which networks: ``all``, the ``top tenth`` by their final metric, or ``size classes``: the mean
            of the correlations within the smallest, the middling and the largest third by parameters.
        networks: How many.
        curves: The signals, the best known ones first.
        ceiling: Rank correlation of the final with that of another training of the same network, with other
            initial weights and order of the images; nan where too few networks were trained again.
        repeated: How many were.
    """

    task: str
    scope: Scope
    networks: int
    curves: tuple[SignalCurve, ...]
    ceiling: Estimate
    repeated: int

    def of(self, signal: str) -> SignalCurve | None:
        """Return the curve of a signal; None if it was not looked at."""
        return next((curve for curve in self.curves if curve.signal == signal), None)


def signal_correlations(
    task: TaskTraces,
    signals: Sequence[str] | None = None,
    *,
    scope: Scope = "all",
    epochs: Sequence[int] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> SignalCorrelations:
    """Return Spearman's rank correlation of each signal at each epoch with the final metric.

    One training of each network counts, its first; those that failed are left out. Losses and whatever else
    is better when small are turned round, see
    :func:`~neurocap_search.comparison.statistics.signal_names.known_sign`. The interval is a bootstrap over
    the networks, the same draws for all signals; the top tenth and the size classes stay what they are.

    The ceiling is the mean over the further trainings. It is no strict bound: a signal comes from the very
    training that it foretells, so late in it it may know more of that training's luck than another does.

    When not to use it: to choose a rule. Rank correlation is not regret; a signal may rank the middle well
    and lose the best.

    Args:
        task: Its traces.
        signals: Names of reported numbers, ``|NAME|`` for magnitudes; None: all that differ between networks.
        scope: Which networks.
        epochs: Epochs to look at; None: all.
        seed: Of the resampling.
        resamples: How many; 0 for no intervals.

    Raises:
        ValueError: If a signal is not reported or an epoch does not exist.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> from neurocap_search.traces.trace import Trace, TraceKey
        >>> def trace(k):
        ...     reports = (Report(1, {"a_loss": 9.0 - k}), Report(2, {"a_loss": 0.0, "val_accuracy": k / 9}))
        ...     return Trace(TraceKey(k, 0), {}, {}, "", 0, reports)
        >>> task = TaskTraces("t", 2, tuple(trace(k) for k in range(9)))
        >>> curve = signal_correlations(task, ["a_loss"], epochs=[1]).curves[0]
        >>> curve.label, curve.correlation
        ('-a_loss', (1.0,))
    """
    looked_at = tuple(range(1, task.epochs + 1) if epochs is None else epochs)
    if wrong := [epoch for epoch in looked_at if not 1 <= epoch <= task.epochs]:
        raise ValueError(f"epochs must be from 1 to {task.epochs}, received {wrong[0]}")
    networks = Networks(task)
    names = _names(networks, signals)
    groups = networks.groups(scope)
    counts = draw_counts(groups, len(networks), seed, resamples)
    curves = tuple(_curve(networks, name, looked_at, groups, counts) for name in names)
    ceiling, repeated = _ceiling(_trained_again(networks, scope), groups, counts, networks.finals)
    return SignalCorrelations(task.task, scope, sum(map(len, groups)), curves, ceiling, repeated)


def _names(networks: Networks, wanted: Sequence[str] | None) -> list[str]:
    task, reported = networks.task, networks.reported
    if wanted is None:
        return [name for name in ordered_signals(reported, task.metric) if networks.varies(name)]
    if missing := [name for name in wanted if source_of(name) not in reported]:
        known = ", ".join(sorted(reported)) or "nothing"
        raise ValueError(f"no training of {task.task!r} reports {missing[0]!r}; reported: {known}")
    return list(wanted)


def _curve(
    networks: Networks, name: str, epochs: tuple[int, ...], groups: Groups, counts: Array
) -> SignalCurve:
    values, task = networks.values(name), networks.task
    known = known_sign(name, task.metric, task.mode)
    sign = known or _sign_from(values, networks.finals)
    columns = [sign * values[:, epoch - 1] for epoch in epochs]
    size = sum(map(len, groups))
    found = [with_interval(group_correlation(c, networks.finals, groups, counts), size) for c in columns]
    value, low, high = (tuple(estimate[k] for estimate in found) for k in range(3))
    return SignalCurve(name, sign, known is not None, epochs, value, low, high)


def _sign_from(values: Array, finals: Array) -> Sign:
    """Return the sign of the sum of the correlations over all epochs, among all networks."""
    everybody, no_draws = [np.arange(len(finals))], np.zeros((0, len(finals)))
    found = [group_correlation(column, finals, everybody, no_draws)[0] for column in values.T]
    return -1 if np.nansum(found) < 0 else 1


def _trained_again(networks: Networks, scope: Scope) -> Array:
    """Return the finals of further trainings; among all networks only of those that were drawn for it.

    A recording repeats the first networks, which are a random draw, and may repeat the best ones besides:
    these would make all networks look more alike than they are.
    """
    again = networks.trained_again()
    if scope == "all" and again.size:
        share = np.cumsum(np.isfinite(again).any(axis=0)) / np.arange(1, len(networks) + 1)
        drawn = np.flatnonzero(share >= _DRAWN)
        again[:, drawn[-1] + 1 if len(drawn) else len(networks) :] = np.nan
    return again


def _ceiling(again: Array, groups: Groups, counts: Array, finals: Array) -> tuple[Estimate, int]:
    inside = np.isin(np.arange(len(finals)), [k for group in groups for k in group])
    repeated = int((inside & np.isfinite(again).any(axis=0)).sum())
    rows = [group_correlation(column, finals, groups, counts) for column in again]
    found = mean_of_known([row for row in rows if np.isfinite(row[0])], 1 + len(counts))
    return with_interval(found, repeated), repeated
