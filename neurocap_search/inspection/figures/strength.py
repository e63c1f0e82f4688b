"""Histograms of the node strengths, layer by layer and epoch by epoch."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.inspection.figures.style import BLUE, at_epoch, evenly, new_figure, scale_of, short
from neurocap_search.inspection.measures import Array, EpochMeasures

MOST_LAYERS = 12
MOST_EPOCHS = 6
_COLUMNS = 3
_MOST_BINS = 30


def draw_strength(title: str, measures: Sequence[EpochMeasures]) -> Figure | None:
    """Draw a panel for each layer, at most ``MOST_LAYERS``, with a line for each of a few epochs."""
    known = [m for m in measures if m.strengths]
    if not known:
        return None
    layers, epochs = list(known[-1].strengths), evenly(known, MOST_EPOCHS)
    shown = evenly(layers, MOST_LAYERS)
    rows = -(-len(shown) // _COLUMNS)
    which = f"{len(shown)} of {len(layers)} layers" if len(shown) < len(layers) else "each layer"
    heading = f"{title}\nnode strength of the neurons at the input of {which}{at_epoch(known, measures)}"
    figure, axes = new_figure(heading, 1.0 + 1.45 * rows, rows, _COLUMNS)
    for panel, layer in zip(axes.flat, shown, strict=False):
        _histograms(panel, layer, epochs)
    for panel in axes.flat[len(shown) :]:
        panel.remove()
    for panel in axes.flat[max(0, len(shown) - _COLUMNS) : len(shown)]:
        panel.set_xlabel("unit of the weights")
    figure.supylabel("share of the layer's neurons (%)", fontsize=8.5)
    if len(epochs) > 1:
        handles = axes.flat[0].get_lines()
        figure.legend(handles=handles, loc="outside lower center", ncols=len(epochs), frameon=False)
    return figure


def _histograms(axes: Axes, layer: str, epochs: Sequence[EpochMeasures]) -> None:
    known = [(m.epoch, m.strengths[layer].values) for m in epochs if layer in m.strengths]
    edges = _edges([values for _, values in known])
    colors = scale_of(len(known)) if len(known) > 1 else [BLUE]
    for (epoch, values), color in zip(known, colors, strict=True):
        shares = np.histogram(values, edges)[0] / len(values) * 100
        x, y = np.repeat(edges, 2), np.concatenate(([0.0], np.repeat(shares, 2), [0.0]))
        axes.plot(x, y, color=color, linewidth=1.0, label=f"epoch {epoch}")
        if len(known) == 1:
            axes.fill_between(x, y, color=color, alpha=0.3, linewidth=0)
    if len(known) > 1 and all(np.array_equal(values, known[0][1]) for _, values in known):
        axes.margins(y=0.3)
        axes.text(1.0, 0.97, "unchanged", transform=axes.transAxes, ha="right", va="top", fontsize=7.5)
    axes.set_title(f"{short(layer, 18)}, n = {epochs[-1].strengths[layer].count:,}", fontsize=8)
    axes.set_ylim(bottom=0)
    axes.locator_params(nbins=4)


def _edges(known: Sequence[Array]) -> Array:
    """Bins over all values but the utmost half per cent, which would leave the rest one bar."""
    low, high = np.quantile(np.concatenate(known), [0.0025, 0.9975])
    bins = int(np.clip(1.5 * len(known[0]) ** 0.5, 8, _MOST_BINS))
    return np.linspace(low, high, bins + 1) if high > low else np.array([low - 0.5, low + 0.5])
