"""Whether the stated spread of the predictions can be trusted."""

from collections.abc import Iterable, Sequence
from math import inf, isfinite
from typing import NamedTuple

from scipy import stats

from neurocap_search.comparison.bootstrap import CONFIDENCE, Estimate
from neurocap_search.comparison.results import Guess

LEVELS = (0.5, 0.8, 0.95)


class Coverage(NamedTuple):
    """How many finals lay inside the stated interval of the predictions made at one epoch.

    Attributes:
        epoch: At which they were made.
        level: Share that should lie inside.
        observed: Share that did, with Wilson's interval. It takes the guesses for independent, so it is too
            narrow where they are of the same networks in several orders.
        guesses: How many there are.
    """

    epoch: float
    level: float
    observed: Estimate
    guesses: int


def calibration(guesses: Iterable[Guess], levels: Sequence[float] = LEVELS) -> list[Coverage]:
    r"""Return the coverage of the predictions' normal intervals, by epoch and level.

    A final counts as inside if :math:`|\text{final} - \text{mean}| \le z\,\text{std}` with the two-sided
    quantile :math:`z` of the normal distribution. Guesses without a spread, and those of trainings that
    failed, are left out.

    Example:
        >>> guesses = [Guess(1, 0.5, 0.1, 0.55, False), Guess(1, 0.5, 0.1, 0.9, True)]
        >>> [coverage.observed.value for coverage in calibration(guesses)]
        [0.5, 0.5, 0.5]
    """
    by_epoch: dict[float, list[float]] = {}
    for guess in guesses:
        if isfinite(guess.std) and isfinite(guess.final):
            by_epoch.setdefault(guess.epoch, []).append(_deviation(guess))
    return [
        _coverage(epoch, level, by_epoch[epoch]) for epoch in sorted(by_epoch) for level in sorted(levels)
    ]


def _deviation(guess: Guess) -> float:
    """Return how many standard deviations the final lies off."""
    distance = abs(guess.final - guess.mean)
    if guess.std > 0:
        return distance / guess.std
    return 0.0 if distance == 0 else inf


def _coverage(epoch: float, level: float, deviations: Sequence[float]) -> Coverage:
    reach = float(stats.norm.ppf((1 + level) / 2))
    inside, count = sum(deviation <= reach for deviation in deviations), len(deviations)
    interval = stats.binomtest(inside, count).proportion_ci(CONFIDENCE, method="wilson")
    return Coverage(epoch, level, Estimate(inside / count, float(interval.low), float(interval.high)), count)
