"""Layer fluctuation: by epoch, or by layer for a single network."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from neurocap_search.inspection.figures.style import (
    BLUE,
    at_epoch,
    evenly,
    name_layers,
    new_figure,
    scale_of,
    short,
    whole_epochs,
)
from neurocap_search.inspection.measures import EpochMeasures

MOST_LINES = 12
_UNIT = "layer fluctuation (unit of the weights)"


def draw_fluctuation(title: str, measures: Sequence[EpochMeasures]) -> Figure | None:
    """Draw the standard deviation of each layer's node strengths."""
    known = [m for m in measures if m.strengths]
    if not known:
        return None
    if len(known) > 1:
        return _by_epoch(title, known)
    return _by_layer(f"{title}\nlayer fluctuation by layer{at_epoch(known, measures)}", known[0])


def _by_epoch(title: str, known: Sequence[EpochMeasures]) -> Figure:
    layers = list(known[-1].strengths)
    shown = evenly(layers, MOST_LINES)
    which = f", {len(shown)} of {len(layers)} layers" if len(shown) < len(layers) else ""
    figure, axes = new_figure(f"{title}\nlayer fluctuation by epoch{which}", 3.8, 1, 1)
    panel = axes[0, 0]
    for layer, color in zip(shown, scale_of(len(shown)), strict=True):
        points = [(m.epoch, m.strengths[layer].fluctuation) for m in known if layer in m.strengths]
        panel.plot(*zip(*points, strict=True), "o-", color=color, markersize=2.5, label=short(layer, 24))
    whole_epochs(panel)
    panel.set(ylabel=_UNIT, ylim=(0, None))
    legend = figure.legend(loc="outside right center", frameon=False, title="input of layer", fontsize=7.5)
    legend.set_alignment("left")
    return figure


def _by_layer(heading: str, measured: EpochMeasures) -> Figure:
    figure, axes = new_figure(heading, 3.8, 1, 1)
    panel = axes[0, 0]
    values = [layer.fluctuation for layer in measured.strengths.values()]
    panel.plot(range(len(values)), values, "o-", color=BLUE, markersize=4, linewidth=0.8)
    if min(values) > 0 and max(values) > 20 * min(values):
        panel.set_yscale("log")
    else:
        panel.set_ylim(bottom=0)
    name_layers(panel, list(measured.strengths))
    panel.set(ylabel=_UNIT, xlabel="neurons at the input of layer")
    return figure
