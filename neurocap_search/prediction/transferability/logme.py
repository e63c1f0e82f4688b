"""LogME: the evidence of a linear model from the features to the labels."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurocap_search.prediction.transferability.checks import Matrix, as_classes, as_matrix, indicators

_RATIOS = (1e-10, 1e10)
"""Least and largest alpha / beta, in units of the largest squared singular value of the features."""

_CONSTANT = 1 + math.log(2 * math.pi)


def logme(features: ArrayLike, labels: ArrayLike) -> float:
    r"""Logarithm of the maximum evidence of a Bayesian linear model, per sample, mean over the classes.

    For the one-hot column :math:`y` of each class, with :math:`w \sim N(0, I/\alpha)` and
    :math:`y \mid w \sim N(F w, I/\beta)`, the score is the maximum over both precisions of

    .. math:: \tfrac1N \log p(y \mid F, \alpha, \beta), \qquad
        y \sim N\left(0,\; \tfrac1\beta I + \tfrac1\alpha F F^\top\right).

    For a given :math:`t = \alpha / \beta` the best :math:`\beta` has a closed form, so only t is searched: on
    a grid that zooms in, from 1e-10 to 1e10 of the largest squared singular value of F. The authors iterate
    instead, with 1e-5 added to the denominators; the two agree to about three digits.

    When not to use it: where the labels are an exact linear function of the features and there are fewer
    features than samples, the evidence has no maximum, and the score only says where the search for t ends.
    Features are taken as they are, without an intercept: a shift of them changes the score.

    Source: arXiv 2102.11005, section 4.

    Args:
        features: (N, D), the network's features of each sample.
        labels: (N,) integers.

    Returns:
        The score in nats a sample; it has no bounds.

    Raises:
        ValueError: If the shapes do not go together, labels are not integers or a value is not finite.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> labels = np.arange(60) % 3
        >>> noise, signal = rng.normal(size=(60, 3)), np.eye(3)[labels]
        >>> logme(signal + 0.1 * noise, labels) > logme(signal + noise, labels) > logme(noise, labels)
        True
    """
    classes = as_classes("labels", labels)
    matrix = as_matrix("features", features, len(classes))
    u, s, _ = np.linalg.svd(matrix, full_matrices=False)
    kept = s > s[0] * max(matrix.shape) * np.finfo(np.float64).eps
    u, s = u[:, kept], s[kept]
    return float(np.mean([_best_evidence(u, s**2, column) for column in indicators(classes).T]))


def _best_evidence(u: Matrix, variances: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    projections = (u.T @ y) ** 2
    # What the features cannot reach, without the rounding of a difference of sums.
    unreached = float(((y - u @ (u.T @ y)) ** 2).sum())
    scale = variances.max(initial=0.0) or 1.0
    low, high = (math.log(ratio * scale) for ratio in _RATIOS)
    best = -math.inf
    for _ in range(8):  # each round looks at a twentieth of the range, so the last is at rounding
        grid = np.linspace(low, high, 41)
        values = _evidence(np.exp(grid), variances, projections, unreached, len(y))
        at = int(values.argmax())
        best = max(best, float(values[at]))
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, 40)]
    return best


def _evidence(
    t: NDArray[np.float64],
    variances: NDArray[np.float64],
    projections: Matrix,
    unreached: float,
    samples: int,
) -> NDArray[np.float64]:
    """Return the evidence per sample at the best beta, N / E(t), for each t.

    E(t) = sum_i x_i^2 t / (t + s_i^2) + what the features cannot reach, and the determinant of
    I + FF'/t is the product of (t + s_i^2) / t.
    """
    shares = t[:, None] / (t[:, None] + variances)
    energy = shares @ projections + unreached
    determinant = np.log(shares).sum(axis=1)
    evidence: NDArray[np.float64] = 0.5 * (np.log(samples / energy) + determinant / samples - _CONSTANT)
    return evidence
