"""H-score: how much of the features' variance, direction by direction, lies between the classes."""

import numpy as np
from numpy.typing import ArrayLike

from neurocap_search.prediction.transferability.checks import Matrix, as_classes, as_matrix, indicators


def h_score(features: ArrayLike, labels: ArrayLike, *, shrinkage: bool = False) -> float:
    r"""Variance between classes over variance of the features.

    .. math:: H = \operatorname{tr}\left(\operatorname{cov}(f)^{-1} \operatorname{cov}(E[f \mid y])\right)

    With an orthonormal basis :math:`u` of the centred features this is the sum over classes of
    :math:`n_c \lVert \bar u_c \rVert^2`, which needs no inverse and holds for dependent features too.

    When not to use it: with fewer samples than features it is the number of classes less one, whatever the
    network. ``shrinkage=True`` is for that case: the covariance is shrunk by a share :math:`\alpha` towards a
    multiple of the identity, as Ledoit and Wolf do, and what lies between the classes is multiplied by
    :math:`1 - \alpha`.

    Source: arXiv 2212.10082 (ICIP 2019); with shrinkage arXiv 2110.06893.

    Args:
        features: (N, D), the network's features of each sample.
        labels: (N,) integers.
        shrinkage: Whether to shrink the covariance. The score then changes if a feature is rescaled.

    Returns:
        The score, from 0 to the number of classes less one.

    Raises:
        ValueError: If the shapes do not go together, labels are not integers or a value is not finite.

    Example:
        >>> round(h_score([[0.0, 1.0], [0.0, 2.0], [1.0, 1.0], [1.0, 2.0]], [0, 0, 1, 1]), 4)
        1.0
        >>> round(h_score([[0.0], [1.0], [0.0], [1.0]], [0, 0, 1, 1]), 4)
        0.0
    """
    classes = as_classes("labels", labels)
    matrix = as_matrix("features", features, len(classes))
    centred = matrix - matrix.mean(axis=0)
    # Not of the deviations themselves: those of a constant feature are the rounding of its mean.
    largest = np.abs(matrix).max() * np.sqrt(len(matrix))
    rounding = largest * max(matrix.shape) * _rounding(features)
    if shrinkage:
        varies = np.linalg.norm(centred, axis=0) > rounding
        return _shrunk(centred * varies, indicators(classes))
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return _between(u[:, s > rounding], indicators(classes))


def _rounding(features: ArrayLike) -> float:
    """Return the relative spacing of the features' own numbers: what depends in them does so up to that."""
    dtype = np.asarray(features).dtype
    return float(np.finfo(dtype if np.issubdtype(dtype, np.floating) else np.float64).eps)


def _between(values: Matrix, members: Matrix) -> float:
    """Return the sum over classes of n_c times the squared length of the class's mean row."""
    totals = members.T @ values
    return float((totals**2 / members.sum(axis=0)[:, None]).sum())


def _shrunk(centred: Matrix, members: Matrix) -> float:
    from sklearn.covariance import ledoit_wolf  # a second that only this variant takes

    covariance, share = ledoit_wolf(centred, assume_centered=True)
    totals = members.T @ centred
    between = totals.T @ (totals / members.sum(axis=0)[:, None]) / len(centred)
    # No inverse: of two samples the share is 0, and where nothing varies the covariance is.
    return float((1 - share) * np.trace(np.linalg.pinv(covariance, hermitian=True) @ between))
