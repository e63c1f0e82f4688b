"""How well each signal ranks the networks after each epoch."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.figures.style import (
    AMBER,
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    in_style,
    legend_below,
    new_figure,
    shown,
)

LOOKS = [
    (ORANGE, "D", "-"),
    (BLUE, "s", "--"),
    (GREEN, "^", "-."),
    (BLACK, "o", "-"),
    (PURPLE, "v", ":"),
    (SKY, "P", "--"),
    (AMBER, "X", "-."),
    ("#555555", "<", ":"),
]
MOST_NAMED = len(LOOKS)


class Curve(NamedTuple):
    """One signal.

    Attributes:
        signal: Its name.
        epochs: Epochs at which it was looked at.
        correlation: Spearman's rank correlation with the final metric; nan where undefined.
        low: Lower end of the interval; nan without one.
        high: Upper end.
    """

    signal: str
    epochs: Sequence[int]
    correlation: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


class Panel(NamedTuple):
    """Curves over one set of networks.

    Attributes:
        title: Which networks.
        curves: The signals; the first eight are told apart, the others drawn in light grey.
        ceiling: Rank correlation of two trainings of the same networks with different seeds: no signal can
            be expected to do better; nan where it is not known.
    """

    title: str
    curves: Sequence[Curve]
    ceiling: Estimate = Estimate(float("nan"))


@in_style
def draw_signals(panels: Sequence[Panel], title: str) -> Figure:
    """Draw each panel above the next, all with the same signals."""
    figure, axes = new_figure(title, 1.5 + 2.9 * len(panels), len(panels), 1, sharex=True)
    for panel, ax in zip(panels, axes[:, 0], strict=True):
        _draw_panel(ax, panel)
    axes[-1, 0].set_xlabel("epochs seen")
    legend_below(figure, axes[0, 0])
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, fontsize=9.5)
    axes.axhline(0, color=BLACK, linewidth=0.8)
    if not math.isnan(panel.ceiling.value):
        value, low, high = panel.ceiling
        if panel.ceiling.has_interval:
            axes.axhspan(low, high, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
        label = "seed ceiling (trained again)"
        axes.axhline(value, color="#444444", linewidth=1.0, linestyle=(0, (1, 1)), label=label)
    for number, curve in enumerate(panel.curves):
        _draw_curve(axes, curve, number, len(panel.curves))
    axes.set(ylabel="rank correlation with final", ylim=_limits(panel))


def _draw_curve(axes: Axes, curve: Curve, number: int, curves: int) -> None:
    if number >= MOST_NAMED:
        label = f"{curves - MOST_NAMED} more signals" if number == MOST_NAMED else None
        axes.plot(curve.epochs, curve.correlation, color=FAINT, linewidth=0.8, label=label, zorder=1)
        return
    color, marker, line = LOOKS[number]
    # Intervals side by side, not on top of each other.
    places = np.asarray(curve.epochs, dtype=float) + 0.05 * (number - min(curves, MOST_NAMED) / 2)
    axes.plot(
        places, curve.correlation, color=color, marker=marker, linestyle=line, markersize=4.5, linewidth=1.4,
        label=shown(curve.signal, 32), zorder=10 - number,
    )  # fmt: skip
    axes.vlines(places, curve.low, curve.high, color=color, linewidth=0.7, alpha=0.6)


def _limits(panel: Panel) -> tuple[float, float]:
    """Show all of the curves, and at least from 0 to 1."""
    lowest = min(
        (value for curve in panel.curves for value in curve.correlation if value == value), default=0.0
    )
    return max(-1.0, min(0.0, lowest) - 0.08), 1.03
