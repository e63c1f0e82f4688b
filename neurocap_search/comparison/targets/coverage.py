"""How many finals lay within the 80 % intervals of the predictions, with an interval over pools."""

from collections.abc import Mapping

from neurocap_search.comparison.bootstrap import Estimate, Resampling
from neurocap_search.comparison.results import Guess, Results, Unit
from neurocap_search.comparison.statistics.calibration import calibration

LEVEL = 0.8


def coverages(results: Results, rule: str) -> dict[float, tuple[Estimate, int]]:
    """Return by epoch which share of the finals lay within, and of how many; the interval is over pools."""
    pools: dict[Unit, list[Guess]] = {}
    for run in results.of(rule):
        pools.setdefault(run.unit, []).extend(run.guesses)
    counted: dict[float, dict[Unit, tuple[float, float]]] = {}
    for unit, guesses in pools.items():
        for row in calibration(guesses, (LEVEL,)):
            inside = row.observed.value * row.guesses
            counted.setdefault(row.epoch, {})[unit] = (inside, float(row.guesses))
    return {epoch: _covered(counted[epoch]) for epoch in sorted(counted)}


def _covered(counts: Mapping[Unit, tuple[float, float]]) -> tuple[Estimate, int]:
    resampling = Resampling.of(counts.keys(), seed=0)
    pairs = [counts[unit] for unit in resampling.units]
    return resampling.ratio(pairs), int(sum(guesses for _, guesses in pairs))
