"""The neurons of a small network and its strongest links, layer by layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from neurocap_search.inspection.figures.style import BLUE, ORANGE, at_epoch, new_figure, short
from neurocap_search.inspection.measures import EpochMeasures
from neurocap_search.inspection.neuron_links import NeuronLinks

Places = NDArray[np.float64]


def draw_neurons(title: str, measures: Sequence[EpochMeasures]) -> Figure | None:
    """Draw the last network's neurons in a column a layer; links by sign (colour) and size (width)."""
    known = [m for m in measures if m.links is not None]
    if not known or known[-1].links is None:
        return None
    return _draw(title + at_epoch(known[-1:], measures), known[-1].links)


def _draw(title: str, links: NeuronLinks) -> Figure:
    drawn = len(links.weights)
    few = f"the strongest {drawn:,} of {links.total:,} links, spread over the layers"
    heading = f"{title}\nneuron graph: {few if drawn < links.total else f'all {drawn:,} links'}"
    figure, axes = new_figure(heading, 5.2, 1, 1)
    panel, places = axes[0, 0], _places(links)
    largest = float(np.abs(links.weights).max(initial=1e-300))
    _lines(panel, places, links, largest)
    panel.scatter(*places.T, s=_dot(links), color="black", zorder=3, linewidths=0)
    _names(panel, links)
    figure.legend(handles=_legend(largest), loc="outside lower center", ncols=4, frameon=False, fontsize=7.5)
    return figure


def _places(links: NeuronLinks) -> Places:
    """Columns from left to right; each layer fills its column, small ones only the middle of it."""
    columns = []
    tallest = max(map(len, links.groups.values()))
    for x, neurons in enumerate(links.groups.values()):
        half = 0.5 * max(len(neurons) / tallest, 0.45) if len(neurons) > 1 else 0.0
        columns.append(np.column_stack((np.full(len(neurons), x), np.linspace(half, -half, len(neurons)))))
    return np.concatenate(columns).astype(np.float64)


def _lines(axes: Axes, places: Places, links: NeuronLinks, largest: float) -> None:
    order = np.argsort(np.abs(links.weights))  # The strongest lie on top.
    ends = np.stack((places[links.lower], places[links.upper]), axis=1)[order]
    weights = links.weights[order]
    sizes = np.abs(weights) / largest
    colors = np.where(weights[:, None] > 0, *(_rgb(color) for color in (BLUE, ORANGE)))
    rgba = np.column_stack((colors, 0.15 + 0.75 * sizes))
    axes.add_collection(LineCollection(list(ends), colors=rgba, linewidths=_width(sizes), zorder=2))


def _rgb(color: str) -> NDArray[np.float64]:
    return np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def _width(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.4 + 1.4 * sizes


def _dot(links: NeuronLinks) -> float:
    """An area in points² that leaves a gap between the neurons of the largest layer."""
    return float(np.clip((200 / max(map(len, links.groups.values()))) ** 2, 1.5, 40))


def _names(axes: Axes, links: NeuronLinks) -> None:
    crowded = len(links.groups) > 7
    gap = " " if crowded else "\n"
    names = [f"{short(name, 18)}{gap}({len(neurons)})" for name, neurons in links.groups.items()]
    axes.set_xticks(range(len(names)), names, fontsize=7, rotation=90 if crowded else 0)
    axes.set(xlim=(-0.3, len(names) - 0.7), ylim=(-0.54, 0.54), yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel("layer (neurons)")


def _legend(largest: float) -> list[Line2D]:
    sizes = np.array([1.0, 0.25])
    widths = _width(sizes).tolist()
    return [
        Line2D(
            [],
            [],
            color=color,
            linewidth=width,
            alpha=0.15 + 0.75 * size,
            label=f"{sign}{size * largest:.2g}",
        )
        for color, sign in ((BLUE, "weight +"), (ORANGE, "weight −"))
        for width, size in zip(widths, sizes.tolist(), strict=True)
    ]
