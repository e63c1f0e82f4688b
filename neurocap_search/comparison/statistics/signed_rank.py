"""Wilcoxon's signed-rank test, exact also with ties."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

EXACT_UP_TO = 100
"""Differences up to which the distribution is counted out; beyond, the normal one is as good."""


def signed_rank_p(differences: Sequence[float]) -> float:
    """Return the two-sided p value of Wilcoxon's signed-rank test.

    Differences of 0 are left out, equal ones share the mean of their ranks. The p value is that
    of all :math:`2^n` choices of the signs, which are equally likely if the pairs are exchangeable. The sums
    of ranks are counted, so it takes no time; ``scipy.stats.wilcoxon`` does so only without ties, with ties
    it tries the choices one by one or approximates.

    Source: F. Wilcoxon, Individual Comparisons by Ranking Methods, Biometrics Bulletin 1 (1945).

    Args:
        differences: One for each pair; equal ones must be equal to the last digit.

    Returns:
        1 if there is no difference at all.

    Example:
        >>> signed_rank_p([1.0, 2.0, 3.0, 4.0, 5.0, 0.0])
        0.0625
    """
    known = np.array([value for value in differences if value != 0])
    if not len(known):
        return 1.0
    if len(known) > EXACT_UP_TO:
        return float(stats.wilcoxon(known, method="asymptotic").pvalue)
    doubled = np.rint(2 * stats.rankdata(abs(known))).astype(int)  # mid-ranks are halves at worst
    chances = np.zeros(doubled.sum() + 1)
    chances[0] = 1.0
    for rank in doubled:
        chances[rank:] = (chances[rank:] + chances[: len(chances) - rank]) / 2
        chances[:rank] /= 2
    positive = int(doubled[known > 0].sum())
    return float(min(1.0, 2 * min(chances[: positive + 1].sum(), chances[positive:].sum())))
