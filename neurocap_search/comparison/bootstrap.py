"""Intervals by resampling tasks and the pools of architectures within them."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from neurocap_search.comparison.results import Unit

Array = NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 10_000
_DIGITS = 12
"""Decimals kept: sums in another order must not turn an interval that ends at 0 into one that does not."""


class Estimate(NamedTuple):
    """A number with its 95 % interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval; nan where there is too little to tell.
        high: Upper end.

    Example:
        >>> Estimate(0.5, 0.25, 0.75).excludes_zero, Estimate(0.5).excludes_zero
        (True, False)
    """

    value: float
    low: float = nan
    high: float = nan

    @property
    def has_interval(self) -> bool:
        """Whether there was enough to give an interval."""
        return self.low == self.low

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval is on one side of 0; False without an interval."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Resampling:
    r"""A paired, hierarchical bootstrap, drawn once and applied to as many numbers as needed.

    Every task counts the same, and within a task every pool. One resample draws as many tasks as there are,
    with replacement, and for each drawn task as many of its pools as it has, with replacement. All rules are
    seen through the same draws, so differences are paired. Seeds, orders of the trials and numbers of
    workers are averaged within a pool beforehand: reshuffles of one pool are no independent evidence. With a
    single task only its pools are drawn, and the interval says nothing of other tasks.

    The percentiles are those of Hesterberg's expanded interval: the plain 2.5 and 97.5 are too narrow for
    few tasks, so the tail is :math:`\Phi(t_{n-1,0.025} \sqrt{n/(n-1)})` with :math:`n` tasks (pools, where
    there is one task). With two or three tasks that differ much the interval still covers less than 95 %.

    When not to use it: with fewer than two pools. There is no interval then.

    Source: T. Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69
    (2015); two-stage resampling: Davison and Hinkley, Bootstrap Methods and Their Application (1997), 3.8.

    Attributes:
        units: The pools, sorted.
        center: Weight of each pool in the mean, shape (units,).
        weights: The same in each resample, shape (resamples, units); no rows with fewer than two units.
        tail: Share of the resamples beyond each end of the interval.

    Example:
        >>> draws = Resampling.of([Unit("a", 0), Unit("a", 1), Unit("b", 0)], seed=0)
        >>> estimate = draws.estimate([1.0, 3.0, 4.0])
        >>> estimate.value, estimate.low, estimate.high
        (3.0, 1.0, 4.0)
    """

    units: tuple[Unit, ...]
    center: Array
    weights: Array
    tail: float

    @classmethod
    def of(cls, units: Collection[Unit], seed: int, resamples: int = RESAMPLES) -> "Resampling":
        """Draw the resamples.

        Args:
            units: The pools, each once, in any order.
            seed: Of the draws; the same seed gives the same numbers.
            resamples: How many.

        Raises:
            ValueError: If there is no pool.
        """
        if not units:
            raise ValueError("there is no pool to resample, received an empty collection; give at least one")
        ordered = tuple(sorted(set(units)))
        pools = list(Counter(unit.task for unit in ordered).values())
        center = np.repeat([1 / (len(pools) * count) for count in pools], pools)
        rows = resamples if len(ordered) > 1 else 0
        weights = _draw(pools, rows, np.random.default_rng(seed))
        return cls(ordered, center, weights, expanded_tail(len(pools) if len(pools) > 1 else len(ordered)))

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return len({unit.task for unit in self.units})

    def mean(self, values: ArrayLike) -> Any:
        """Return the mean of values of shape (units, ...)."""
        return np.round(np.einsum("u,u...->...", self.center, np.asarray(values, dtype=float)), _DIGITS)

    def draws(self, values: ArrayLike) -> Array:
        """Return the mean in each resample, shape (resamples, ...), of values of shape (units, ...)."""
        drawn = np.einsum("bu,u...->b...", self.weights, np.asarray(values, dtype=float))
        return np.asarray(np.round(drawn, _DIGITS))

    def interval(self, draws: Array) -> tuple[Array, Array]:
        """Return the two ends of the interval from one value, or one array, for each resample."""
        if not len(draws):
            nothing = np.full(draws.shape[1:], nan)
            return nothing, nothing
        low, high = np.quantile(draws, [self.tail, 1 - self.tail], axis=0)
        return np.round(low, _DIGITS), np.round(high, _DIGITS)

    def estimate(self, values: Sequence[float]) -> Estimate:
        """Return the mean over the units, in their sorted order, with its interval."""
        low, high = self.interval(self.draws(values))
        return Estimate(float(self.mean(values)), float(low), float(high))

    def ratio(self, values: ArrayLike) -> Estimate:
        """Return the mean of one number as a share of the mean of another; each resample draws both anew.

        Args:
            values: (units, 2), in the units' sorted order: the number, and what it is a share of.

        Example:
            >>> draws = Resampling.of([Unit("a", 0), Unit("a", 1)], seed=0)
            >>> tuple(draws.ratio([[1.0, 2.0], [2.0, 4.0]]))  # the same in every pool: no doubt
            (0.5, 0.5, 0.5)
        """
        number, whole = self.mean(values)
        drawn = self.draws(values)
        low, high = self.interval(drawn[:, 0] / drawn[:, 1])
        return Estimate(float(number / whole), float(low), float(high))


def expanded_tail(count: int) -> float:
    """Return the share to cut off at each end for an interval from this many independent observations.

    Example:
        >>> round(expanded_tail(1_000_000), 3), round(expanded_tail(6), 4)
        (0.025, 0.0024)
    """
    if count < 2:
        return 0.0
    quantile = stats.t.ppf((1 - CONFIDENCE) / 2, count - 1)
    return float(stats.norm.cdf(quantile * sqrt(count / (count - 1))))


def _draw(pools: Sequence[int], resamples: int, generator: np.random.Generator) -> Array:
    """Return the weights of all pools, task by task, in each resample."""
    tasks = len(pools)
    drawn = generator.multinomial(tasks, [1 / tasks] * tasks, size=resamples)
    columns = []
    for task, count in enumerate(pools):
        times = generator.multinomial(count * drawn[:, task], [1 / count] * count)
        columns.append(times / (count * tasks))
    return np.concatenate(columns, axis=1)
