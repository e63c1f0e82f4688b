"""The figure of the page: the population, and who tells high from low."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.prediction.graph_signature import MeanScore

PAPER = 0.93
"""Share of LeNets classed right by weighted degree, the first abstract of arXiv 2111.05410: "more than"."""


def draw(lines: Sequence[Mapping[str, Any]], median: float, right: Mapping[str, MeanScore]) -> Figure:
    """Draw final accuracy against learning rate, and the share classed right of each predictor."""
    figure = Figure(figsize=(11, 3.9), layout="constrained")
    left, axes = figure.subplots(1, 2, width_ratios=(1, 0.9))
    _population(left, lines, median)
    _scores(axes, right)
    return figure


def _population(axes: Axes, lines: Sequence[Mapping[str, Any]], median: float) -> None:
    rates, finals, dropouts = (
        [line[name] for line in lines] for name in ("learning_rate", "final_accuracy", "dropout")
    )
    points = axes.scatter(rates, finals, c=dropouts, cmap="viridis", vmin=0, vmax=0.9, s=18)
    axes.figure.colorbar(points, ax=axes, label="dropout")
    axes.axhline(median, color="black", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="learning rate", ylabel="final accuracy", ylim=(0, 1))
    axes.set_title("dotted: the median", fontsize=9)
    axes.set_xticks(
        [10.0**-k for k in range(6, 0, -1)], [f"10{s}" for s in ("⁻⁶", "⁻⁵", "⁻⁴", "⁻³", "⁻²", "⁻¹")]
    )


def _scores(axes: Axes, right: Mapping[str, MeanScore]) -> None:
    for place, (mean, low, high) in enumerate(right.values()):
        axes.plot([100 * low, min(100, 100 * high)], [place, place], color="#0072B2")
        axes.plot(100 * mean, place, "o", color="#0072B2")
    axes.axvline(100 * PAPER, color="black", linewidth=0.8, linestyle=":")
    axes.set_title("dotted: the paper, 93 %", fontsize=9)
    axes.set_yticks(range(len(right)), list(right), fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="classed right (%)", xlim=(None, 101))
