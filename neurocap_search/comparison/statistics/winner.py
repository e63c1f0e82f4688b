"""Would it have killed the winner?"""

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import NamedTuple

from scipy import stats

from neurocap_search.comparison.bootstrap import CONFIDENCE, RESAMPLES, Estimate, Resampling
from neurocap_search.comparison.results import Results, RunResult
from neurocap_search.comparison.statistics.units import key_of, mean, shared_runs, unit_means


class WinnerPruned(NamedTuple):
    """How often a rule pruned the best network of the pool, and what that cost.

    Attributes:
        rule: Name of the rule.
        share: Share of the runs, with interval over the pools.
        by_epoch: The same share by the epoch of the pruning, ascending; adds up to ``share``.
        cost: Mean regret of the runs in which it happened, in the unit of the metric; nan if in none. Less
            than it seems: the second best often is nearly as good.
        units: Number of pools.
        runs: Number of runs.
    """

    rule: str
    share: Estimate
    by_epoch: Mapping[float, float]
    cost: float
    units: int
    runs: int


def winner_pruned(
    results: Results, *, workers: int | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> list[WinnerPruned]:
    """Return for each rule how often it pruned the best network of its pool.

    Where every run of a rule gives the same answer the bootstrap has nothing to vary; the interval then is
    Wilson's for as many observations as there are pools, so that "never" in few pools does not look certain.

    Args:
        results: The comparison; the runs that all rules have are counted.
        workers: Only runs with so many workers; None: all.
        seed: Of the resampling.
        resamples: How many.

    Raises:
        ValueError: If the rules have no run in common.
    """
    return [
        _of_rule(rule, list(by_key.values()), seed, resamples)
        for rule, by_key in shared_runs(results, workers).items()
    ]


def _of_rule(rule: str, runs: Sequence[RunResult], seed: int, resamples: int) -> WinnerPruned:
    resampling = Resampling.of({run.unit for run in runs}, seed, resamples)
    pruned = [run for run in runs if run.winner_pruned_at is not None]
    share = resampling.estimate(_shares(runs, lambda run: run.winner_pruned_at is not None))
    by_epoch = {
        epoch: float(resampling.mean(_shares(runs, _pruned_at(epoch))))
        for epoch in sorted({run.winner_pruned_at for run in pruned if run.winner_pruned_at is not None})
    }
    cost = mean(run.regret for run in pruned) if pruned else nan
    units = len(resampling.units)
    return WinnerPruned(rule, _with_wilson(share, units), by_epoch, cost, units, len(runs))


def _pruned_at(epoch: float) -> Callable[[RunResult], bool]:
    return lambda run: run.winner_pruned_at == epoch


def _shares(runs: Sequence[RunResult], happened: Callable[[RunResult], bool]) -> list[float]:
    """Return the share of the runs of each pool in which something happened, by pool."""
    return list(unit_means({key_of(run): float(happened(run)) for run in runs}).values())


def _with_wilson(share: Estimate, units: int) -> Estimate:
    if not share.has_interval or share.value not in (0.0, 1.0):
        return share
    interval = stats.binomtest(round(share.value * units), units).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(share.value, float(interval.low), float(interval.high))
