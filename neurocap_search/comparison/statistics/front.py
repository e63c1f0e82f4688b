"""Epochs spent against regret, and the front of the trivial rule everything is judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from neurocap_search.comparison.bootstrap import RESAMPLES, Array, Estimate, Resampling
from neurocap_search.comparison.results import Results, Unit
from neurocap_search.comparison.statistics.units import MEASURES, check_rule, common_means, workers_of

I_EPOCH = "i_epoch"
"""What the names of the rules of the front begin with: ``i_epoch:3`` stops everybody after three epochs."""


class FrontRow(NamedTuple):
    """What one rule costs and loses with one number of workers.

    Attributes:
        rule: Name of the rule.
        workers: Trials at a time.
        epochs: Epochs spent, as a share of full training, with interval.
        regret: Mean regret in the unit of the metric, with interval.
        dominated_by: The i-epoch rules with no more epochs and no more regret, and less of one of them. By
            the means alone: see :func:`above_front` for how sure that is.
        units: Number of pools.
    """

    rule: str
    workers: int
    epochs: Estimate
    regret: Estimate
    dominated_by: tuple[str, ...]
    units: int


@dataclass(frozen=True)
class AboveFront:
    """A rule beside what the i-epoch rules reach with the same epochs.

    Attributes:
        rule: Name of the rule.
        epochs: Its mean epochs, as a share of full training.
        regret: Its mean regret, in the unit of the metric.
        reference: Regret of the front at these epochs.
        difference: regret - reference, with interval; above zero: the trivial rule does better.
        units: Number of pools.
    """

    rule: str
    epochs: float
    regret: float
    reference: float
    difference: Estimate
    units: int


def is_i_epoch(rule: str) -> bool:
    """Tell whether a rule is one of the front, by its name.

    Example:
        >>> is_i_epoch("i_epoch:3"), is_i_epoch("asha")
        (True, False)
    """
    return rule.partition(":")[0] == I_EPOCH


def front(results: Results, *, seed: int = 0, resamples: int = RESAMPLES) -> list[FrontRow]:
    """Return epochs and regret of each rule, for each number of workers, from the runs that all rules have.

    Raises:
        ValueError: If the rules have no run in common.
    """
    rows = []
    for workers in workers_of(results):
        shares = common_means(results, MEASURES["epochs"], workers)
        regrets = common_means(results, MEASURES["regret"], workers)
        resampling = Resampling.of(next(iter(shares.values())).keys(), seed, resamples)
        points = {
            rule: (
                resampling.estimate(list(shares[rule].values())),
                resampling.estimate(list(regrets[rule].values())),
            )
            for rule in shares
        }
        for rule, (epochs, regret) in points.items():
            better = _dominating(rule, points)
            rows.append(FrontRow(rule, workers, epochs, regret, better, len(resampling.units)))
    return rows


def above_front(
    results: Results,
    rule: str,
    *,
    workers: int | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> AboveFront:
    r"""Return how far a rule's regret is above that of the i-epoch rules at the same epochs.

    The reference is the lower convex hull of these points (share of epochs, mean regret): no training at
    all, which picks about the median; every i-epoch rule; full training, which has no regret by definition.
    Who may spend a share :math:`s` can toss a coin between two of them that spend :math:`s` on average, and
    loses on average what the line between them says; or leave epochs unspent. So the reference is

    .. math:: F(s) = \min\Big(\min_{s_i \le s} r_i,\; \min_{s_i \le s \le s_j}
              \frac{(s_j - s) r_i + (s - s_i) r_j}{s_j - s_i}\Big),

    never worse than the best i-epoch rule at that budget. It is the strictest such reference: the best of
    several noisy means looks a little better than it is, which never is to the rule's advantage. Each
    resample draws the hull and the rule anew, from the same pools.

    Args:
        results: The comparison.
        rule: Name of the rule. An i-epoch rule itself is on or above the hull.
        workers: Only runs with so many workers; None: the mean over all of them.
        seed: Of the resampling.
        resamples: How many.

    Raises:
        ValueError: If the rule has no runs, or there is no i-epoch rule.
    """
    check_rule(results, rule)
    fronts = [name for name in results.rules if is_i_epoch(name)]
    if not fronts:
        raise ValueError(
            f"no i-epoch rule was compared, only {', '.join(results.rules)}; add some, such as 'i_epoch:1'"
        )
    shares = common_means(results, MEASURES["epochs"], workers)
    regrets = common_means(results, MEASURES["regret"], workers)
    untrained = common_means(results, lambda run: abs(run.best - run.median), workers)[rule]
    resampling = Resampling.of(untrained.keys(), seed, resamples)
    xs = _stack([dict.fromkeys(untrained, 0.0), *(shares[i] for i in fronts), dict.fromkeys(untrained, 1.0)])
    ys = _stack([untrained, *(regrets[i] for i in fronts), dict.fromkeys(untrained, 0.0)])
    own = _stack([shares[rule], regrets[rule]])
    share, regret = resampling.mean(own)
    reference = float(hull_at(resampling.mean(xs)[None], resampling.mean(ys)[None], share[None])[0])
    drawn = resampling.draws(own)
    references = hull_at(resampling.draws(xs), resampling.draws(ys), drawn[:, 0])
    low, high = resampling.interval(np.round(drawn[:, 1] - references, 12))
    difference = Estimate(round(float(regret) - reference, 12), float(low), float(high))
    return AboveFront(rule, float(share), float(regret), reference, difference, len(untrained))


def hull_at(shares: Array, regrets: Array, budget: Array) -> Array:
    """Return the lower convex hull of points at a budget, where spending less is always allowed.

    Args:
        shares: Epochs of the points, shape (rows, points); each row has one at 0.
        regrets: Their regrets, of the same shape.
        budget: Epochs that may be spent, shape (rows,).

    Example:
        >>> x, y = np.array([[0.0, 0.2, 1.0]]), np.array([[1.0, 0.5, 0.1]])
        >>> [round(float(hull_at(x, y, np.array([s]))[0]), 3) for s in (0.0, 0.1, 0.2, 0.6, 2.0)]
        [1.0, 0.75, 0.5, 0.3, 0.1]
    """
    best = np.where(shares <= budget[:, None], regrets, np.inf).min(axis=1)
    for i, j in combinations(range(shares.shape[1]), 2):
        width = shares[:, j] - shares[:, i]
        part = np.divide(budget - shares[:, i], width, out=np.full(len(budget), -1.0), where=width != 0)
        between = (1 - part) * regrets[:, i] + part * regrets[:, j]
        best = np.where((part >= 0) & (part <= 1), np.minimum(best, between), best)
    return np.asarray(best)


def _stack(columns: Sequence[Mapping[Unit, float]]) -> Array:
    """Return values of shape (units, columns)."""
    return np.array([list(column.values()) for column in columns]).T


def _dominating(rule: str, points: Mapping[str, tuple[Estimate, Estimate]]) -> tuple[str, ...]:
    own = tuple(estimate.value for estimate in points[rule])
    found = []
    for other, estimates in points.items():
        theirs = tuple(estimate.value for estimate in estimates)
        if is_i_epoch(other) and theirs != own and all(t <= o for t, o in zip(theirs, own, strict=True)):
            found.append(other)
    return tuple(found)
