"""What the figures share: size, colours, scales, and how many of a kind are shown."""

from collections.abc import Sequence
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.inspection.measures import EpochMeasures

T = TypeVar("T")

# From Okabe and Ito's palette, which colour-blind readers tell apart on white paper.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#999999"

WIDTH = 6.4
"""Inches: the text width of an A4 page."""

MOST_NAMES = 40
"""Names of layers side by side that can still be read."""

RC: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "figure.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def new_figure(title: str, height: float, *shape: int, **options: Any) -> tuple[Figure, Any]:
    """Return a figure with a title and an array of axes, rows by columns."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.suptitle(title)
    return figure, figure.subplots(*shape, squeeze=False, **options)


def evenly(items: Sequence[T], most: int) -> list[T]:
    """Choose at most so many of a sequence, evenly, the first and the last among them.

    Example:
        >>> evenly("abcdefg", 3), evenly("ab", 3)
        (['a', 'd', 'g'], ['a', 'b'])
    """
    if len(items) <= most:
        return list(items)
    return [items[round(rank)] for rank in np.linspace(0, len(items) - 1, most)]


def scale_of(count: int) -> list[Any]:
    """Return colours from early (dark) to late (light), all of them visible on white."""
    return list(mpl.colormaps["viridis"](np.linspace(0.0, 0.85, count)))


def short(layer: str, most: int = 20) -> str:
    """Shorten a layer's name from the left, for its end tells it apart.

    Example:
        >>> short("features.denseblock1.denselayer1.conv1")
        '…k1.denselayer1.conv1'
    """
    return layer if len(layer) <= most else f"…{layer[-most:].lstrip('.')}"


def fit_scale(axes: Axes, values: Sequence[float]) -> None:
    """Give the y axis a logarithmic scale on both sides of zero where linear would hide most values."""
    sizes = np.abs([value for value in values if np.isfinite(value) and value])
    if sizes.size > 1 and sizes.max() > 20 * np.median(sizes):
        least = max(sizes.min(), sizes.max() * 1e-4)
        axes.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(least)))
        axes.yaxis.set_major_locator(_decades(axes))
    else:
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=1)


def _decades(axes: Axes) -> Any:
    """A few ticks on both sides of zero, which matplotlib's own locator crowds."""
    locator = mpl.ticker.SymmetricalLogLocator(transform=axes.yaxis.get_transform())
    locator.set_params(numticks=5)
    return locator


def name_layers(axes: Axes, layers: Sequence[str]) -> None:
    """Write the layers' names below the x axis, upright; of many layers every second name, or third."""
    places = range(0, len(layers), -(-len(layers) // MOST_NAMES))
    axes.set_xticks(places, [short(layers[place]) for place in places], rotation=90, fontsize=7.5)
    axes.set_xlim(-0.7, len(layers) - 0.3)


def at_epoch(shown: Sequence[EpochMeasures], measures: Sequence[EpochMeasures]) -> str:
    """Name the epoch that a figure shows where there are others that it does not.

    Example:
        >>> first, second = EpochMeasures(0, {}), EpochMeasures(1, {})
        >>> at_epoch([second], [first, second]), at_epoch([first], [first])
        (', epoch 1', '')
    """
    return f", epoch {shown[-1].epoch}" if len(shown) == 1 < len(measures) else ""


def whole_epochs(axes: Axes) -> None:
    """Label an axis of epochs at whole numbers."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, nbins=8))
