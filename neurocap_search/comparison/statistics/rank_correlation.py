"""Spearman's rank correlation, also within groups, with a bootstrap over the networks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurocap_search.comparison.bootstrap import Array, Estimate, expanded_tail

FEWEST = 5
"""Networks of a group below which its correlation is not worth a number."""

Groups = Sequence[NDArray[np.intp]]
"""The networks of each group, by their places."""


def weighted_spearman(x: Array, y: Array, weights: Array) -> Array:
    r"""Return Spearman's correlation of a sample in which each pair counts as often as its weight says.

    A pair of weight :math:`w` is ranked as :math:`w` equal pairs would be: the rank of a value is the weight
    below it plus half of the weight at it. The correlation is Pearson's of these ranks. With all weights
    equal it is the usual Spearman correlation with mean ranks for ties.

    Args:
        x: Shape (pairs,), finite.
        y: Shape (pairs,), finite.
        weights: Shape (rows, pairs), not negative.

    Returns:
        Shape (rows,); nan where x or y is constant.

    Example:
        >>> x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])
        >>> weighted_spearman(x, y, np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 0.0]])).tolist()
        [0.5, 1.0]
    """
    total = weights.sum(axis=1)
    a, b = (_midranks(values, weights) - total[:, None] / 2 for values in (x, y))
    a_weighted = weights * a
    covariance = np.einsum("ij,ij->i", a_weighted, b)
    spread = np.einsum("ij,ij->i", a_weighted, a) * np.einsum("ij,ij,ij->i", weights, b, b)
    out = np.full(len(weights), np.nan)
    np.divide(covariance, np.sqrt(spread), out=out, where=spread > 0)
    return np.asarray(np.clip(out, -1.0, 1.0))


def _midranks(values: Array, weights: Array) -> Array:
    """Return the weighted mid-ranks; their weighted mean is half of the total weight."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
    mass = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = np.cumsum(mass, axis=1) - mass / 2
    group = np.empty(len(values), dtype=np.intp)
    group[order] = np.searchsorted(starts, np.arange(len(values)), side="right") - 1
    return np.asarray(ranks[:, group])


def draw_counts(groups: Groups, size: int, seed: int, resamples: int) -> Array:
    """Return how often each network is drawn in each resample, shape (resamples, size).

    Each group is resampled by itself, as many networks as it has.
    """
    generator = np.random.default_rng(seed)
    counts = np.zeros((resamples, size))
    for group in groups:
        counts[:, group] = generator.multinomial(len(group), [1 / len(group)] * len(group), size=resamples)
    return counts


def group_correlation(x: Array, y: Array, groups: Groups, counts: Array) -> Array:
    """Return the mean over the groups of Spearman's correlation within them.

    Networks for which x or y is not finite are left out, then groups of fewer than five networks.

    Args:
        x: Shape (networks,).
        y: Shape (networks,).
        groups: Places of the networks of each group.
        counts: Of the resamples, from :func:`draw_counts`, shape (resamples, networks).

    Returns:
        Shape (1 + resamples,): of the networks themselves, then of each resample; nan where undefined.
    """
    finite = np.isfinite(x) & np.isfinite(y)
    weights = np.vstack([np.ones(len(x)), counts])
    parts = [group[finite[group]] for group in groups]
    rows = [weighted_spearman(x[part], y[part], weights[:, part]) for part in parts if len(part) >= FEWEST]
    return mean_of_known([row for row in rows if np.isfinite(row[0])], len(weights))


def mean_of_known(rows: Sequence[Array], length: int) -> Array:
    """Return the mean of arrays where they are not nan; all nan if there are none."""
    if not len(rows):
        return np.full(length, np.nan)
    known = np.isfinite(rows).sum(axis=0)
    out = np.full(length, np.nan)
    np.divide(np.nansum(rows, axis=0), known, out=out, where=known > 0)
    return out


def with_interval(found: Array, networks: int) -> Estimate:
    """Return the first of the numbers, with the 95 % interval of the rest, drawn from so many networks."""
    value, drawn = float(found[0]), found[1:][np.isfinite(found[1:])]
    if np.isnan(value) or not len(drawn):
        return Estimate(round(value, 12))
    tail = expanded_tail(networks)
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(round(value, 12), round(float(low), 12), round(float(high), 12))
