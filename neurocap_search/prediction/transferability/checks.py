"""Checks of what the scores are given, with messages that name the argument at fault."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurocap_search.prediction.prediction import plain

Classes = NDArray[np.int64]
Matrix = NDArray[np.float64]


def as_classes(name: str, labels: ArrayLike) -> Classes:
    """Return labels renumbered 0, 1, 2, ... in their order; what the integers were does not matter.

    Raises:
        ValueError: If they are not one integer a sample.

    Example:
        >>> as_classes("labels", [7, 3, 7]).tolist()
        [1, 0, 1]
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name}: expected shape (N,) with N of at least 1, received {array.shape}; flatten it."
        )
    if not (np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_):
        raise ValueError(
            f"{name}: expected integers, received {array.dtype}; number the classes 0, 1, 2, ..."
        )
    numbers: Classes = np.unique(array, return_inverse=True)[1].astype(np.int64)
    return numbers


def as_matrix(name: str, values: ArrayLike, samples: int) -> Matrix:
    """Return finite numbers, (N, D), as float64.

    Args:
        name: Name of the argument in messages.
        values: The numbers.
        samples: N, the number of labels they must go with.

    Raises:
        ValueError: If the shape is not (N, D) with D of at least 1, or a value is infinite or NaN.

    Example:
        >>> as_matrix("features", [[1, 2], [3, 4]], samples=2).shape
        (2, 2)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or len(array) != samples or array.size == 0:
        raise ValueError(
            f"{name}: expected shape ({samples}, D), one row a label, received {array.shape}; "
            "pool or flatten to one row a sample."
        )
    if broken := int((~np.isfinite(array)).sum()):
        raise ValueError(
            f"{name}: expected finite values, received {broken} infinite or NaN of {array.size}; "
            "leave those samples out."
        )
    return array


def as_probabilities(name: str, values: ArrayLike, samples: int) -> Matrix:
    """Return class probabilities, (N, C), whose rows sum to one.

    Raises:
        ValueError: If a value is negative or a row sums to something else than 1 (by more than 1e-3).

    Example:
        >>> as_probabilities("p", [[0.5, 0.5]], samples=1).tolist()
        [[0.5, 0.5]]
    """
    array = as_matrix(name, values, samples)
    if array.min() < 0:
        raise ValueError(f"{name}: expected no negative value, received {plain(array.min())}; apply softmax.")
    sums = array.sum(axis=1)
    # What half precision rounds is let through and set right; logits are not.
    worst = float(sums[np.abs(sums - 1).argmax()])
    if abs(worst - 1) > 1e-3:
        raise ValueError(f"{name}: expected rows that sum to 1, received {plain(worst)}; apply softmax.")
    probabilities: Matrix = array / sums[:, None]
    return probabilities


def indicators(classes: Classes) -> Matrix:
    """Return the one-hot labels, (N, number of classes).

    Example:
        >>> indicators(np.array([1, 0])).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    members: Matrix = np.eye(int(classes.max()) + 1)[classes]
    return members
