"""Classes of final accuracy: from low to high."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def accuracy_classes(
    finals: ArrayLike, classes: int = 2, *, cuts: Sequence[float] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sort final accuracies into classes of equal frequency, or by given cuts.

    arXiv 2111.05410 predicts a class of final accuracy; where it puts the boundaries could not be verified,
    and equal frequencies are this project's choice. A value equal to a cut belongs to the lower class.

    Not without ``cuts`` where most networks end at the same value, such as chance: the classes then tell
    noise from noise, or one of them is empty, which is an error.

    Args:
        finals: Final values, (n,), finite.
        classes: Number of classes, at least 2; ignored with ``cuts``.
        cuts: Upper bounds of all classes but the last, rising, in the unit of ``finals``.

    Returns:
        The class of each value, (n,), 0 the lowest, and the cuts.

    Raises:
        ValueError: On values that are not finite, fewer than two classes, cuts that do not rise, or a class
            without a member.

    Example:
        >>> accuracy_classes([0.1, 0.9, 0.7, 0.2])
        (array([0, 1, 1, 0]), array([0.45]))
    """
    values = np.asarray(finals, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"finals: expected finite numbers in a list, received {finals!r}; drop the others")
    if classes < 2:
        raise ValueError(f"classes: expected at least 2, received {classes}")
    bounds = np.quantile(values, np.arange(1, classes) / classes) if cuts is None else np.asarray(cuts, float)
    if bounds.ndim != 1 or not bounds.size or (np.diff(bounds) < 0).any():
        raise ValueError(f"cuts: expected one or more numbers that rise, received {cuts!r}")
    labels = np.searchsorted(bounds, values)
    sizes = np.bincount(labels, minlength=len(bounds) + 1)
    if not sizes.all():
        raise ValueError(
            f"finals: classes cut at {bounds.tolist()} have {sizes.tolist()} members; give other cuts, fewer "
            "classes or more finished trials"
        )
    return labels, bounds
