"""Average ranks of the rules, and how far apart two must be to differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
from scipy import stats

from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.units import MEASURES, Measure, common_means

LEVEL = 0.05
FEWEST_BLOCKS = 2
ENOUGH_BLOCKS = 10
"""Below this many blocks the distributions behind Friedman's and Nemenyi's tests are rough approximations."""


@dataclass(frozen=True)
class AverageRanks:
    """The ranks of the rules over the pools, as in a critical-difference diagram.

    Attributes:
        ranks: Average rank of each rule, best first; 1 is the best.
        critical_difference: Two rules whose ranks are closer do not differ at 5 % (Nemenyi); nan if there is
            too little to tell.
        friedman_p: Of the hypothesis that all rules are alike; nan with fewer than three rules or two pools.
        blocks: Number of pools.
        note: What to know about it; None if nothing.
    """

    ranks: Mapping[str, float]
    critical_difference: float
    friedman_p: float
    blocks: int
    note: str | None = None


def average_ranks(
    results: Results, measure: Measure = "regret", *, workers: int | None = None
) -> AverageRanks:
    """Rank the rules within each pool and average.

    Blocks are the pools, after the mean over their seeds and numbers of workers. Equal values share the mean
    of their ranks.

    When not to use it: for how large a difference is; ranks forget that. Pools of one task count as
    independent blocks here.

    Source: J. Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006).

    Raises:
        ValueError: If the rules have no run in common.
    """
    means = common_means(results, MEASURES[measure], workers)
    lower_is_better = measure != "test" or results.mode == "min"
    table = np.round([list(values.values()) for values in means.values()], 12).T
    blocks, rules = table.shape
    ranks = stats.rankdata(table if lower_is_better else -table, axis=1).mean(axis=0)
    ordered = dict(sorted(zip(means, map(float, ranks), strict=True), key=lambda pair: pair[1]))
    if blocks < FEWEST_BLOCKS or rules < 2:
        note = f"{blocks} pool(s) and {rules} rule(s): too few to say which ranks differ"
        return AverageRanks(ordered, nan, nan, blocks, note)
    rough = f"only {blocks} pools: the critical difference is a rough approximation below {ENOUGH_BLOCKS}"
    return AverageRanks(
        ordered,
        critical_difference(rules, blocks),
        _friedman(table),
        blocks,
        rough if blocks < ENOUGH_BLOCKS else None,
    )


def critical_difference(rules: int, blocks: int, level: float = LEVEL) -> float:
    r"""Return Nemenyi's critical difference of two average ranks.

    .. math:: q_\alpha \sqrt{k (k + 1) / (6 N)}

    for :math:`k` rules and :math:`N` blocks, with :math:`q_\alpha` the quantile of the studentized range for
    infinitely many degrees of freedom, divided by :math:`\sqrt 2`.

    Example:
        >>> round(critical_difference(4, 14), 2)
        1.25
    """
    quantile = stats.studentized_range.ppf(1 - level, rules, inf) / sqrt(2)
    return float(quantile * sqrt(rules * (rules + 1) / (6 * blocks)))


def _friedman(table: np.ndarray) -> float:
    if table.shape[1] < 3:
        return nan
    if (table == table[:, :1]).all():
        return 1.0
    return float(stats.friedmanchisquare(*table.T).pvalue)
