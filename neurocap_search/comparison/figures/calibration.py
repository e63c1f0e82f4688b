"""Whether the stated spread of the predictions can be trusted."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.comparison.figures.signals import LOOKS
from neurocap_search.comparison.figures.style import GREY, in_style, legend_below, new_figure
from neurocap_search.comparison.statistics.calibration import Coverage

MOST_EPOCHS = 5


@in_style
def draw_calibration(epochs: Mapping[float, Sequence[Coverage]], title: str) -> Figure:
    """Draw stated against observed coverage, one line for each epoch the predictions were made at.

    Args:
        epochs: Coverage at each level by epoch; at most MOST_EPOCHS of them are drawn, evenly chosen.
        title: Heads the figure.
    """
    figure, panels = new_figure(title, 4.2)
    axes = panels[0, 0]
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1.0, linestyle="--", label="stated = observed")
    axes.annotate("too cautious", (3, 92), va="top", color="#444444", fontsize=8.5)
    axes.annotate("too sure of itself", (43, 5), ha="right", color="#444444", fontsize=8.5)
    chosen = few_epochs(list(epochs))
    for number, epoch in enumerate(chosen):
        _draw_epoch(axes, epoch, epochs[epoch], number, len(chosen))
    axes.set(xlim=(0, 100), ylim=(-2, 102), xlabel="finals that should lie inside the interval (%)")
    axes.set_ylabel("finals that did (%)")
    axes.set_xticks([0, 25, 50, 80, 95])
    legend_below(figure, axes)
    return figure


def few_epochs(epochs: Sequence[float]) -> list[float]:
    """Return at most MOST_EPOCHS of them, evenly chosen, the first among them."""
    return list(epochs)[:: math.ceil(len(epochs) / MOST_EPOCHS) or 1]


def _draw_epoch(axes: Axes, epoch: float, found: Sequence[Coverage], number: int, of: int) -> None:
    color, marker, line = LOOKS[number]
    places = [100 * c.level + 0.9 * (number - (of - 1) / 2) for c in found]  # side by side
    values = np.array([c.observed.value for c in found])
    ends = np.array([c.observed[1:] for c in found]).T
    axes.errorbar(
        places, 100 * values, yerr=100 * np.abs(ends - values), color=color, marker=marker,
        linestyle=line, markersize=5, linewidth=1.3, elinewidth=0.8, label=f"predicted at epoch {epoch}",
    )  # fmt: skip
