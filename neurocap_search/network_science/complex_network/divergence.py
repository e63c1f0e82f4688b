"""Jeffreys divergence of two samples by kernel density estimation (arXiv 2110.02628)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def jeffreys_divergence(p_sample: ArrayLike, q_sample: ArrayLike, grid: int = 1000) -> float:
    """Compute the symmetrised Kullback-Leibler divergence of two samples' estimated densities.

    The Gaussian kernel densities P and Q (bandwidth by Scott's rule) are read on ``grid`` equidistant points
    between the joint minimum and maximum, and, as in the code of arXiv 2110.02628,

        J = sum P log(P / Q) + Q log(Q / P) = sum (P - Q) (log P - log Q),

    a plain sum: without the step dx, so J grows with ``grid``, and in proportion to it. Compare only values
    of one grid. J is infinite where one density underflows to zero and the other does not, as it happens
    with samples far apart; ``without_infinities`` prepares such values for a heat map.

    Not for categories, nor for samples of millions: the cost is ``grid`` times the sample sizes.

    Args:
        p_sample: two or more numbers, not all equal, of any shape.
        q_sample: likewise.
        grid: number of points, at least 2.

    Returns:
        J, at least 0 and exactly symmetric in the samples; infinity as said above.

    Raises:
        ValueError: if a sample holds infinite or NaN values or fewer than two different ones, or if the grid
            has fewer than 2 points.

    Example:
        >>> jeffreys_divergence([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])
        0.0
        >>> round(jeffreys_divergence([0.0, 1.0, 2.0], [0.0, 1.0, 3.0]), 1)
        25.0
    """
    if grid < 2:
        raise ValueError(f"grid: expected at least 2 points, received {grid}; the paper uses 1000")
    p_values, q_values = _checked("p_sample", p_sample), _checked("q_sample", q_sample)
    low, high = min(p_values.min(), q_values.min()), max(p_values.max(), q_values.max())
    points = np.linspace(low, high, grid)
    # Imported here: it takes half a second, which every worker of a search would wait.
    from scipy.stats import gaussian_kde

    p, q = gaussian_kde(p_values)(points), gaussian_kde(q_values)(points)
    differ = p != q  # Also leaves out points at which both densities underflow to zero.
    with np.errstate(divide="ignore"):
        terms = (p - q)[differ] * (np.log(p[differ]) - np.log(q[differ]))
    return float(terms.sum())


def drop_outliers(sample: ArrayLike, m: float | None) -> NDArray[np.float64]:
    """Keep the values closer to the mean than m population standard deviations.

    The filter before the density estimate in arXiv 2110.02628: m = 3 at initialisation scale 0.5, 2.5 at
    scale 5 and none at 0.05. A sample of one repeated value is kept whole.

    Not for a comparison of tails, which it cuts off.

    Args:
        sample: finite numbers of any shape.
        m: the number of standard deviations, above 0; None keeps everything.

    Returns:
        The values kept, (n,), in their order.

    Raises:
        ValueError: if m is not above 0, or a value is infinite or NaN.

    Example:
        >>> drop_outliers([0.0, 0.0, 0.0, 0.0, 9.0], m=1.5).tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    if m is not None and not m > 0:
        raise ValueError(f"m: expected a number above 0 or None, received {m}; the paper uses 2.5 or 3")
    values = _finite("sample", sample)
    if m is None or not values.size or values.min() == values.max():
        return values
    kept: NDArray[np.float64] = values[np.abs(values - values.mean()) < m * values.std()]
    return kept


def without_infinities(divergences: ArrayLike) -> NDArray[np.float64]:
    """Replace infinite divergences by the largest finite one plus 1, as the paper's heat maps do.

    Not for statistics: the number put in stands for "beyond the scale" and measures nothing.

    Args:
        divergences: values of any shape, none of them NaN.

    Returns:
        The same shape; where nothing is finite, the largest finite one counts as 0.

    Example:
        >>> without_infinities([0.0, 2.5, float("inf")]).tolist()
        [0.0, 2.5, 3.5]
    """
    values = np.asarray(divergences, np.float64)
    finite = np.isfinite(values)
    return np.where(finite, values, values.max(where=finite, initial=0.0) + 1.0)


def _checked(name: str, sample: ArrayLike) -> NDArray[np.float64]:
    values = _finite(name, sample)
    if not values.size or values.min() == values.max():
        raise ValueError(
            f"{name}: expected two or more different values, received {values.size} value(s), all equal; "
            "a constant sample has no density, so leave this layer or this bin out"
        )
    return values


def _finite(name: str, sample: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(sample, np.float64).ravel()
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise ValueError(
            f"{name}: expected finite values, received {broken} infinite or NaN of {values.size}; "
            "leave out the networks whose training diverged"
        )
    return values
