"""How values are scaled: the unit of a metric, and an axis on which small regrets stay apart."""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from neurocap_search.comparison.statistics.words import is_share


class Scale(NamedTuple):
    """How a metric is shown: accuracies, which are shares, in percent.

    Attributes:
        factor: To multiply values by.
        value: Unit of a value.
        difference: Unit of a difference of two values.
    """

    factor: float
    value: str
    difference: str


def scale_of(metric: str) -> Scale:
    """Return how to show a metric.

    Example:
        >>> scale_of("val_accuracy").difference
        'points'
    """
    if is_share(metric):
        return Scale(100.0, "%", "points")
    return Scale(1.0, "unit of the metric", "unit of the metric")


def readable(metric: str) -> str:
    """Return the name of a metric in words."""
    return metric.replace("_", " ")


def root_scale(axes: Axes, highest: float) -> None:
    """Draw the vertical axis from 0 on a square-root scale: one very bad rule must not flatten all others."""
    top = highest if highest > 0 else 1.0
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    ticks = root_ticks(top)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_ylim(0, 1.1 * top)


def root_ticks(highest: float) -> list[float]:
    """Return round numbers from 0, far enough apart on a square-root scale.

    Example:
        >>> root_ticks(4.0)
        [0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0]
    """
    magnitude = 10.0 ** math.floor(math.log10(highest))
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 4, 6, 8, 10)
    found = [0.0]
    for tick in (round(magnitude * step, 12) for step in steps):
        if tick <= 1.05 * highest and math.sqrt(tick) - math.sqrt(found[-1]) >= 0.09 * math.sqrt(highest):
            found.append(tick)
    return found
