"""Predicted against final metric, pruned trials marked."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from neurocap_search.comparison.figures.scales import readable, scale_of
from neurocap_search.comparison.figures.style import BLUE, GREY, ORANGE, in_style, new_figure, shown
from neurocap_search.comparison.results import Guess

MOST_POINTS = 400
"""Points drawn in a panel: more hide each other."""


@in_style
def draw_predictions(guesses: Mapping[str, Sequence[Guess]], metric: str, title: str) -> Figure:
    """Draw the predictions of each task in a panel of its own.

    Args:
        guesses: Predictions by task, of one epoch.
        metric: What was optimised.
        title: Heads the figure.
    """
    columns = min(2, len(guesses))
    rows = math.ceil(len(guesses) / columns)
    figure, panels = new_figure(title, 1.3 + (3.6 if columns == 1 else 2.1) * rows, rows, columns)
    for axes, (task, made) in zip(panels.flat, guesses.items(), strict=False):
        _draw_panel(axes, made, scale_of(metric).factor)
        axes.set_title(shown(task, 28), fontsize=9.5)
    for axes in panels.flat[len(guesses) :]:
        axes.set_visible(False)
    name, unit = readable(metric), scale_of(metric).value
    for column in range(columns):
        lowest = panels[(len(guesses) - 1 - column) // columns, column]
        lowest.set_xlabel(f"{name} predicted ({unit})")
    for axes in panels[:, 0]:
        axes.set_ylabel(f"final {name} ({unit})")
    figure.legend(handles=_key(), loc="outside lower left", ncols=3, columnspacing=1.2)
    return figure


def _draw_panel(axes: Axes, guesses: Sequence[Guess], factor: float) -> None:
    known = [guess for guess in guesses if math.isfinite(guess.mean) and math.isfinite(guess.final)]
    drawn = known[:: math.ceil(len(known) / MOST_POINTS) or 1]
    looks = {True: ("x", ORANGE, 3.5, 3), False: ("o", BLUE, 4.0, 4)}
    for pruned, (marker, color, size, order) in looks.items():
        points = factor * np.array([(g.mean, g.final) for g in drawn if bool(g.pruned) == pruned]).reshape(
            -1, 2
        )
        axes.plot(*points.T, marker, color=color, markersize=size, alpha=0.75, zorder=order)
    _same_scale(axes, factor * np.array([(g.mean, g.final) for g in drawn]))


def _same_scale(axes: Axes, points: np.ndarray) -> None:
    """Give both axes the range of the finals and of all but the wildest predictions; draw the diagonal."""
    if not points.size:
        return
    ends = [*np.percentile(points[:, 0], (2, 98)), points[:, 1].min(), points[:, 1].max()]
    margin = 0.06 * (max(ends) - min(ends)) or 0.01
    limits = (min(ends) - margin, max(ends) + margin)
    axes.plot(limits, limits, "--", color=GREY, linewidth=0.9, zorder=2)
    axes.set(xlim=limits, ylim=limits, aspect="equal")


def _key() -> list[Line2D]:
    return [
        Line2D([], [], marker="o", color=BLUE, linestyle="none", label="trained to the end"),
        Line2D([], [], marker="x", color=ORANGE, linestyle="none", label="pruned"),
        Line2D([], [], color=GREY, linestyle="--", label="predicted = final"),
    ]
