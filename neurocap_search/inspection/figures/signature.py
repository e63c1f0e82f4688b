"""Degree and centrality: five numbers by epoch, or their distributions for a single network."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.inspection.figures.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    at_epoch,
    new_figure,
    whole_epochs,
)
from neurocap_search.inspection.measures import EpochMeasures

Feature = Literal["degree", "centrality"]

_FEATURES: dict[Feature, str] = {
    "degree": "weighted degree\n(unit of the weights)",
    "centrality": "eigenvector centrality\n(norm 1 in all)",
}
_WORDS = {"std": "s.d.", "kurtosis": "excess kurtosis"}
_PANELS = {"location and spread": ("median", "mean", "std"), "shape (no unit)": ("skewness", "kurtosis")}
_COLORS = {"median": GREEN, "mean": BLUE, "std": ORANGE, "skewness": PURPLE, "kurtosis": "black"}
_MARKS = {"median": "s", "mean": "o", "std": "^", "skewness": "v", "kurtosis": "D"}


def draw_signature(title: str, measures: Sequence[EpochMeasures]) -> Figure | None:
    """Draw what the five numbers of degree and centrality say of the rolled graph."""
    known = {f: [m for m in measures if m.signature(f)] for f in _FEATURES}
    known = {feature: found for feature, found in known.items() if found}
    if not known:
        return None
    heading = f"{title}\nnodes of the rolled graph: one for each channel, filter and unit"
    measured = [m for m in measures if any(m in found for found in known.values())]
    if len(measured) == 1:
        return _distributions(heading + at_epoch(measured, measures), measured[0], list(known))
    figure, axes = new_figure(heading, 0.9 + 2.1 * len(known), len(known), 2, sharex=True)
    for row, (feature, found) in enumerate(known.items()):
        for panel, names in zip(axes[row], _PANELS.values(), strict=True):
            _curves(panel, feature, found, names)
        axes[row, 0].set_ylabel(_FEATURES[feature])
    for panel, name in zip(axes[0], _PANELS, strict=True):
        panel.set_title(name)
    for panel in axes[-1]:
        whole_epochs(panel)
    handles = [line for panel in axes[0] for line in panel.get_lines() if line.get_label()[0] != "_"]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
    return figure


def _curves(axes: Axes, feature: Feature, found: Sequence[EpochMeasures], names: Sequence[str]) -> None:
    for name in names:
        points = [(m.epoch, m.signature(feature)[name]) for m in found]
        look: dict[str, Any] = {
            "color": _COLORS[name],
            "marker": _MARKS[name],
            "label": _WORDS.get(name, name),
        }
        axes.plot(*zip(*points, strict=True), markersize=2.5, linewidth=1.0, **look)
    if names[0] == "median":
        axes.set_ylim(bottom=0)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)


def _distributions(heading: str, measured: EpochMeasures, features: Sequence[Feature]) -> Figure:
    figure, axes = new_figure(heading, 3.6, 1, len(features))
    for panel, feature in zip(axes[0], features, strict=True):
        values = measured.degrees if feature == "degree" else measured.centrality
        if values is not None:
            _distribution(panel, values, measured.signature(feature))
        panel.set_xlabel(_FEATURES[feature])
    axes[0, 0].set_ylabel("share of the nodes (%)")
    figure.legend(handles=axes[0, 0].get_lines(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _distribution(axes: Axes, values: np.ndarray, numbers: dict[str, float]) -> None:
    shares = np.full(len(values), 100 / len(values))
    axes.hist(values, bins=40, weights=shares, color=BLUE, alpha=0.5)
    for name, style in (("median", "--"), ("mean", "-")):
        axes.axvline(numbers[name], color=_COLORS[name], linestyle=style, linewidth=1.2, label=name)
    axes.margins(y=0.45)  # Room for the numbers above the bars.
    words = [f"{_WORDS.get(name, name)} {value:.3g}" for name, value in numbers.items()]
    axes.text(0.98, 0.97, "\n".join(words), transform=axes.transAxes, ha="right", va="top", fontsize=7.5)
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3), useMathText=True)
