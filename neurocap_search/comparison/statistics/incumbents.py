"""How good the best network is that a rule has found so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurocap_search.comparison.bootstrap import Array, Resampling
from neurocap_search.comparison.results import Results, RunResult, Unit
from neurocap_search.comparison.statistics.units import RunKey, shared_runs, workers_of

Axis = Literal["seconds", "epochs"]
RESAMPLES = 2_000


@dataclass(frozen=True, eq=False)
class IncumbentCurve:
    """The regret of one rule's best fully trained trial so far.

    Attributes:
        rule: Name of the rule.
        axis: ``seconds`` of wall-clock, or ``epochs`` as a share of full training of all.
        workers: Trials at a time.
        grid: Points on that axis, shape (points,).
        regret: Mean or interquartile mean at each, in the unit of the metric.
        low: Lower end of the 95 % band; nan with fewer than two pools.
        high: Upper end.
        units: Number of pools.
    """

    rule: str
    axis: Axis
    workers: int
    grid: Array
    regret: Array
    low: Array
    high: Array
    units: int


def incumbent_curves(
    results: Results,
    grid: int | Sequence[float] = 60,
    *,
    axis: Axis = "seconds",
    statistic: Literal["mean", "iqm"] = "mean",
    workers: int | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[IncumbentCurve]:
    """Return a curve with a band for each rule, from the runs that all rules have.

    Before a run has its first fully trained trial, its regret counts as that of the median network: |best -
    median|. After its end it stays what it was. Runs are averaged within a pool; the statistic and the band
    are over pools, point by point.

    Args:
        results: The comparison.
        grid: Points to look at, ascending, or how many, evenly from 0 to the end of the longest run.
        axis: Seconds, which depend on the machine, or epochs. Seconds of tasks of different size are averaged
            as they are: the curve starts to fall when the quickest task does.
        statistic: The mean, or the interquartile mean, which leaves out the best and the worst quarter of the
            pools.
        workers: Number of workers; None: the largest that was compared.
        seed: Of the resampling.
        resamples: How many.

    Raises:
        ValueError: If the rules have no run in common with that number of workers.
    """
    workers = max(workers_of(results), default=1) if workers is None else workers
    runs = shared_runs(results, workers)
    points = _grid(grid, axis, [run for by_key in runs.values() for run in by_key.values()])
    curves = []
    for rule, by_key in runs.items():
        by_unit = _unit_curves(by_key, points, axis)
        resampling = Resampling.of(by_unit.keys(), seed, resamples)
        values = np.array([by_unit[unit] for unit in resampling.units])
        summarise = _weighted_mean if statistic == "mean" else interquartile_mean
        low, high = resampling.interval(summarise(values, resampling.weights))
        regret = summarise(values, resampling.center[None])[0]
        curves.append(IncumbentCurve(rule, axis, workers, points, regret, low, high, len(values)))
    return curves


def interquartile_mean(values: Array, weights: Array) -> Array:
    """Return the weighted mean of the middle half.

    Args:
        values: Shape (units, points).
        weights: Shape (rows, units); each row sums to 1.

    Returns:
        Shape (rows, points).

    Example:
        >>> interquartile_mean(np.array([[9.0], [1.0], [2.0], [0.0]]), np.full((1, 4), 0.25)).tolist()
        [[1.5]]
    """
    order = np.argsort(values, axis=0, kind="stable")
    upper = np.cumsum(weights[:, order], axis=1)
    lower = upper - weights[:, order]
    middle = np.clip(upper, 0.25, 0.75) - np.clip(lower, 0.25, 0.75)
    return np.asarray(2 * np.einsum("bup,up->bp", middle, np.take_along_axis(values, order, axis=0)))


def _weighted_mean(values: Array, weights: Array) -> Array:
    return np.asarray(np.einsum("bu,up->bp", weights, values))


def _grid(grid: int | Sequence[float], axis: Axis, runs: Sequence[RunResult]) -> Array:
    if not isinstance(grid, int):
        return np.asarray(grid, dtype=float)
    return np.linspace(0.0, max(run.seconds if axis == "seconds" else run.epoch_share for run in runs), grid)


def _unit_curves(runs: dict[RunKey, RunResult], points: Array, axis: Axis) -> dict[Unit, Array]:
    groups: dict[Unit, list[Array]] = {}
    for key, run in runs.items():
        groups.setdefault(key.unit, []).append(_regret_at(run, points, axis))
    return {unit: np.mean(curves, axis=0) for unit, curves in groups.items()}


def _regret_at(run: RunResult, points: Array, axis: Axis) -> Array:
    """Return the regret of the incumbent at each point."""
    share = 1 / run.full_epochs
    times = [point.seconds if axis == "seconds" else point.epochs * share for point in run.incumbents]
    regrets = [abs(run.best - value) for value in (run.median, *(point.final for point in run.incumbents))]
    return np.array(regrets)[np.searchsorted(times, points, side="right")]
