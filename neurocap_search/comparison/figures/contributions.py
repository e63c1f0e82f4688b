"""What the signals were worth to a rule that learns from them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.comparison.figures.style import (
    AMBER,
    BLACK,
    BLUE,
    GREEN,
    PURPLE,
    in_style,
    new_figure,
    shown,
)
from neurocap_search.tracking.contributions import Line

_COLORS = (BLUE, AMBER, GREEN, PURPLE)
_BAND = "#f1f1f1"
_THICKNESS = 0.76


@in_style
def draw_contributions(lines: Sequence[Line], rungs: Sequence[str], title: str) -> Figure:
    """Draw a bar for each rung beside each signal; groups stand above their signals on a grey band.

    Args:
        lines: Groups and signals in their order.
        rungs: What the legend calls the rungs.
        title: Of the figure.
    """
    figure, panels = new_figure(title, 1.5 + 0.27 * len(lines))
    axes, rows = panels[0, 0], np.arange(len(lines))
    for number, rung in enumerate(rungs):
        width = _THICKNESS / len(rungs)
        places = rows + width * (number - (len(rungs) - 1) / 2)
        shares = [100 * line.shares[number] for line in lines]
        color = _COLORS[number % len(_COLORS)]
        axes.barh(places, shares, 0.9 * width, color=color, label=rung, zorder=3)
    _name(axes, lines)
    axes.axvline(0, color=BLACK, linewidth=0.8, zorder=4)
    axes.set(xlabel="share of the predicted differences (%)", ylim=(len(lines) - 0.5, -0.5))
    figure.legend(loc="outside lower left", ncols=2, columnspacing=1.2)
    return figure


def _name(axes: Axes, lines: Sequence[Line]) -> None:
    axes.set_yticks(range(len(lines)), [shown(line.label, 28) for line in lines], fontsize=8.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    for row, (label, line) in enumerate(zip(axes.get_yticklabels(), lines, strict=True)):
        if line.is_group:
            label.set_fontweight("bold")
            axes.axhspan(row - 0.5, row + 0.5, color=_BAND, linewidth=0, zorder=0)
