"""Would it have killed the winner?"""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.comparison.figures.style import GREY, Cast, in_style, name_rows, new_figure
from neurocap_search.comparison.statistics.winner import WinnerPruned


@in_style
def draw_winner_pruned(rules: Sequence[WinnerPruned], cast: Cast, title: str) -> Figure:
    """Draw one bar for each rule, stacked by the epoch at which the best network was pruned."""
    ordered = sorted(rules, key=lambda killed: killed.share.value)
    figure, panels = new_figure(title, 1.7 + 0.23 * len(rules))
    axes = panels[0, 0]
    _draw_bars(axes, ordered)
    for row, killed in enumerate(ordered):
        _draw_interval(axes, row, killed)
    name_rows(axes, [killed.rule for killed in ordered], cast)
    axes.set(xlabel="share of the runs (%)", ylim=(len(rules) - 0.4, -0.6))
    axes.set_xlim(0, min(102.0, 1.05 * max(10.0, axes.get_xlim()[1])))
    if axes.get_legend_handles_labels()[0]:
        place: dict[str, Any] = {"ncols": 4, "columnspacing": 1.0, "alignment": "left"}
        figure.legend(title="pruned at", loc="outside lower left", **place)
    return figure


def _draw_bars(axes: Axes, ordered: Sequence[WinnerPruned]) -> None:
    epochs = sorted({epoch for killed in ordered for epoch in killed.by_epoch})
    rows, left = np.arange(len(ordered)) - 0.12, np.zeros(len(ordered))
    for epoch, shade in zip(epochs, _shades(len(epochs)), strict=True):
        shares = np.array([100 * killed.by_epoch.get(epoch, 0.0) for killed in ordered])
        look: dict[str, Any] = {"color": shade, "edgecolor": "white", "linewidth": 0.4}
        axes.barh(rows, shares, 0.5, left, label=f"epoch {epoch}", **look)
        left += shares


def _draw_interval(axes: Axes, row: int, killed: WinnerPruned) -> None:
    """Draw the interval below the bar, where no shade hides it."""
    if killed.share.has_interval:
        ends = [100 * killed.share.low, 100 * killed.share.high]
        axes.plot(ends, [row + 0.26] * 2, "|-", color=GREY, linewidth=0.9, markersize=4, clip_on=False)


def _shades(count: int) -> list[tuple[float, ...]]:
    """Return colours from dark (early) to light (late), in the same order when printed in grey."""
    return [tuple(mpl.colormaps["cividis"](place)) for place in np.linspace(0.05, 0.95, count)]
