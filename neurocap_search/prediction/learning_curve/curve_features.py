"""A learning curve and what is known of its network as a vector of numbers."""

import math
from collections.abc import Sequence

import numpy as np

from neurocap_search.prediction.learning_curve.families import Array
from neurocap_search.prediction.report import History
from neurocap_search.prediction.seen_curve import SeenCurve


def curve_features(curve: SeenCurve, epochs: Sequence[int]) -> Array:
    """Return the values of n epochs, their differences and the differences of those.

    Epochs without a value lie on the line between their neighbours, or take the nearest value.

    Returns:
        Of shape (n + (n - 1) + (n - 2),), without what would be negative.

    Example:
        >>> curve_features(SeenCurve((1, 3), (0.25, 0.75)), (1, 2, 3))
        array([0.25, 0.5 , 0.75, 0.25, 0.25, 0.  ])
    """
    values = np.interp(epochs, curve.epochs, curve.values)
    return np.concatenate([values, np.diff(values), np.diff(values, 2)])


def first_finite(history: History, name: str) -> float | None:
    """Return the first finite number called ``name``, or None."""
    values = (report.get(name) for report in history)
    return next((value for value in values if value is not None and math.isfinite(value)), None)


def reported(history: History, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of ``names`` that a trial reports as finite numbers."""
    return tuple(name for name in names if first_finite(history, name) is not None)
