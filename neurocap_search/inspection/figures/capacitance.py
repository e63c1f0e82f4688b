"""beta_eff with numerator and denominator: by epoch, or by layer for a single network."""

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.inspection.figures.style import (
    BLUE,
    ORANGE,
    fit_scale,
    name_layers,
    new_figure,
    whole_epochs,
)
from neurocap_search.inspection.measures import EpochMeasures
from neurocap_search.network_science import Capacitance, LayeredCapacitance

_PARTS = {
    "value": "beta_eff (nats)",
    "numerator": "numerator N (nats²)",
    "denominator": "denominator D (nats)",
}
_Pick = Callable[[EpochMeasures], Capacitance | None]


def draw_capacitance(title: str, measures: Sequence[EpochMeasures]) -> Figure | None:
    """Draw beta_eff, N and D; None where nothing was measured."""
    picks: dict[str, tuple[_Pick, str]] = {
        "head": (lambda m: m.head, BLUE),
        "whole network": (lambda m: m.whole, ORANGE),
    }
    known = {name: pick for name, pick in picks.items() if any(pick[0](m) for m in measures)}
    if len(measures) > 1 and known:
        return _by_epoch(title, measures, known)
    whole = measures[-1].whole if measures else None
    return _by_layer(title, whole) if whole and any(whole.denominators.values()) else None


def _by_epoch(title: str, measures: Sequence[EpochMeasures], picks: dict[str, tuple[_Pick, str]]) -> Figure:
    shape = (len(_PARTS), len(picks))
    figure, axes = new_figure(f"{title}\nneural capacitance beta_eff = N / D", 5.6, *shape, sharex=True)
    for column, (name, (pick, color)) in enumerate(picks.items()):
        found = {m.epoch: measured for m in measures if (measured := pick(m)) is not None}
        for row, part in enumerate(_PARTS):
            _curve(axes[row, column], found, part, color)
        axes[0, column].set_title(name)
        whole_epochs(axes[-1, column])
    for row, label in enumerate(_PARTS.values()):
        axes[row, 0].set_ylabel(label)
    handles = {h.get_label(): h for part in axes.flat for h in part.get_lines() if h.get_label()[0] != "_"}
    if handles:
        figure.legend(handles=list(handles.values()), loc="outside lower right", frameon=False)
    return figure


def _curve(axes: Axes, found: dict[int, Capacitance], part: str, color: str) -> None:
    """Draw one number over the epochs, and mark on the x axis the epochs whose beta_eff is none."""
    values = [getattr(measured, part) for measured in found.values()]
    axes.plot(list(found), values, "o-", color=color, markersize=3, linewidth=1.2)
    fit_scale(axes, values)
    if broken := [epoch for epoch, measured in found.items() if math.isnan(measured.value)]:
        marks: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        label = "degenerate: beta_eff has no value"
        axes.plot(broken, [0.0] * len(broken), "x", color="black", label=label, **marks)


def _by_layer(title: str, whole: LayeredCapacitance) -> Figure:
    value = f"beta_eff = N / D = {whole.value:.3g} nats"
    if whole.reason:  # Its first clause; the places that follow it are in the table.
        value = f"no beta_eff,\n{textwrap.shorten(whole.reason.split(';')[0], 95)}"
    heading = f"{title}\nneural capacitance of the whole network: {value}"
    figure, axes = new_figure(heading, 5.0, 2, 1, sharex=True)
    shares = {"N": whole.numerators, "D": whole.denominators}
    layers = list(whole.denominators)
    for (name, share), total, panel in zip(
        shares.items(), (whole.numerator, whole.denominator), axes[:, 0], strict=True
    ):
        unit = "nats²" if name == "N" else "nats"
        values = [share.get(layer, 0.0) for layer in layers]
        panel.bar(range(len(layers)), values, color=[BLUE if v >= 0 else ORANGE for v in values], width=0.7)
        fit_scale(panel, values)
        panel.set(ylabel=f"share in {name} ({unit})", title=f"{name} = {total:.3g} {unit}")
    name_layers(axes[1, 0], layers)
    axes[1, 0].set_xlabel("weights of layer")
    return figure
