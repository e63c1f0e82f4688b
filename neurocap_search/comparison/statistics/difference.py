"""Two rules on the same work: by how much they differ, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurocap_search.comparison.bootstrap import RESAMPLES, Estimate, Resampling
from neurocap_search.comparison.results import Results, Unit
from neurocap_search.comparison.statistics.holm import holm
from neurocap_search.comparison.statistics.signed_rank import signed_rank_p
from neurocap_search.comparison.statistics.units import (
    MEASURES,
    Measure,
    RunKey,
    check_rule,
    unit_means,
    values_by_rule,
)

_SAME = 1e-12
"""Differences up to this are ties: sums of the same numbers in another order."""


@dataclass(frozen=True)
class Difference:
    """How far rule ``a`` is from rule ``b``, from the runs both have.

    Attributes:
        a: The first rule.
        b: The second.
        measure: What is compared: ``regret`` and ``test`` in the unit of the metric, ``epochs`` as a share of
            full training, ``seconds``.
        mean_a: Mean of the first, every task counting the same.
        mean_b: Mean of the second.
        difference: a - b with its 95 % interval (:class:`~neurocap_search.comparison.bootstrap.Resampling`).
        p: Wilcoxon's signed-rank test over the units, two-sided; pools without a difference are left out, and
            it is 1 where none differs. It takes pools of one task for independent, the interval does not.
        p_holm: The same after Holm's correction over ``family`` comparisons: of ``a`` with every other rule.
        family: How many these are.
        wins: Units in which ``a`` is better.
        ties: Units without a difference.
        losses: Units in which ``b`` is better.
        tasks: Number of tasks.
        runs: Pairs of runs.
        note: What to know about it; None if nothing.
    """

    a: str
    b: str
    measure: Measure
    mean_a: float
    mean_b: float
    difference: Estimate
    p: float
    p_holm: float
    family: int
    wins: int
    ties: int
    losses: int
    tasks: int
    runs: int
    note: str | None = None

    @property
    def units(self) -> int:
        """Number of pools."""
        return self.wins + self.ties + self.losses

    @property
    def win_rate(self) -> float:
        """Share of the pools in which ``a`` is better; a tie is no win."""
        return self.wins / self.units


@dataclass(frozen=True)
class _Pairs:
    runs: int
    first: Mapping[Unit, float]
    second: Mapping[Unit, float]

    @property
    def differences(self) -> np.ndarray:
        pairs = np.array([[self.first[unit], self.second[unit]] for unit in self.first])
        differences = pairs[:, 0] - pairs[:, 1]
        return np.where(abs(differences) <= _SAME, 0.0, differences)


def compare_rules(
    results: Results,
    a: str,
    b: str,
    measure: Measure = "regret",
    *,
    workers: int | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """Compare two rules, pool by pool.

    Args:
        results: The comparison.
        a: Name of the first rule.
        b: Name of the second.
        measure: What to compare.
        workers: Only runs with so many workers; None: the mean over all of them.
        seed: Of the resampling.
        resamples: How many.

    Returns:
        The difference a - b. With fewer than two pools it has no interval, and says so in ``note``.

    Raises:
        ValueError: If a rule has no runs, or the two have none in common with a known number.

    Example:
        >>> from neurocap_search.comparison.results import RunResult
        >>> def run(rule, pool, final):
        ...     return RunResult(rule, Unit("t", pool), 0, 1, 9, 9, 81, 1.0, "0", final, 0.9, 0.5)
        >>> runs = [run("x", i, 0.88 + i / 1000) for i in range(8)] + [run("y", i, 0.8) for i in range(8)]
        >>> found = compare_rules(Results(tuple(runs)), "x", "y")
        >>> round(found.difference.value, 4), found.difference.excludes_zero, found.p, found.win_rate
        (-0.0835, True, 0.0078125, 1.0)
    """
    for rule in (a, b):
        check_rule(results, rule)
    values = values_by_rule(results, MEASURES[measure], workers)
    pairs = _pair(values, a, b)
    if not pairs.runs:
        raise ValueError(
            f"{a!r} and {b!r} have no run in common whose {measure} is known; run both on the same pools, "
            "seeds and numbers of workers"
        )
    others = {rule: _wilcoxon(_pair(values, a, rule)) for rule in values if rule != a}
    adjusted = dict(zip(others, holm(list(others.values())), strict=True))
    resampling = Resampling.of(pairs.first.keys(), seed, resamples)
    differences = pairs.differences
    lower_is_better = measure != "test" or results.mode == "min"
    gains = -differences if lower_is_better else differences
    return Difference(
        a=a,
        b=b,
        measure=measure,
        mean_a=float(resampling.mean(list(pairs.first.values()))),
        mean_b=float(resampling.mean(list(pairs.second.values()))),
        difference=resampling.estimate(list(differences)),
        p=others.get(b, 1.0),
        p_holm=adjusted.get(b, 1.0),
        family=len(others),
        wins=int((gains > 0).sum()),
        ties=int((gains == 0).sum()),
        losses=int((gains < 0).sum()),
        tasks=resampling.tasks,
        runs=pairs.runs,
        note=_note(resampling),
    )


def compare_with_all(
    results: Results, a: str, measure: Measure = "regret", *, seed: int = 0
) -> list[Difference]:
    """Compare a rule with each of the others; those without a run in common are left out."""
    values = values_by_rule(results, MEASURES[measure])
    check_rule(results, a)
    others = [rule for rule in values if rule != a and values[rule].keys() & values[a].keys()]
    return [compare_rules(results, a, rule, measure, seed=seed) for rule in others]


def _pair(values: Mapping[str, Mapping[RunKey, float]], a: str, b: str) -> _Pairs:
    shared = sorted(values[a].keys() & values[b].keys())
    first, second = (unit_means({key: values[rule][key] for key in shared}) for rule in (a, b))
    return _Pairs(len(shared), first, second)


def _wilcoxon(pairs: _Pairs) -> float:
    if not pairs.runs or not pairs.differences.any():
        return 1.0
    # Rounded, so that equal differences are ties although they were computed from different numbers.
    return signed_rank_p(list(np.round(pairs.differences, 12)))


def _note(resampling: Resampling) -> str | None:
    if len(resampling.units) < 2:
        return "one pool of architectures: there is nothing to resample, so no interval"
    if resampling.tasks == 1:
        return "one task: the interval is over its pools and says nothing of other tasks"
    return None
