"""The learning curves of a search, pruned trials ending in a cross."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from neurocap_search.comparison.figures.scales import readable, scale_of
from neurocap_search.comparison.figures.style import BLACK, BLUE, GREY, ORANGE, in_style, new_figure

Fate = Literal["best", "trained to the end", "pruned", "unfinished"]


class LearningCurve(NamedTuple):
    """One trial.

    Attributes:
        fate: How it ended.
        epochs: Epochs it reported.
        values: The metric at each.
    """

    fate: Fate
    epochs: Sequence[float]
    values: Sequence[float]


@in_style
def draw_learning_curves(curves: Sequence[LearningCurve], metric: str, max_t: int, title: str) -> Figure:
    """Draw the metric of each trial over its epochs.

    Args:
        curves: One for each trial that reported anything.
        metric: What was optimised.
        max_t: Epochs of full training.
        title: Heads the figure.
    """
    figure, panels = new_figure(title, 4.2)
    axes, scale = panels[0, 0], scale_of(metric)
    for curve in curves:
        _draw(axes, curve, scale.factor)
    room = 0.02 * max_t
    axes.set(xlabel="epoch", ylabel=f"{readable(metric)} ({scale.value})", xlim=(1 - room, max_t + room))
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(handles=_key({curve.fate for curve in curves}), loc="outside lower left", ncols=4)
    return figure


def _draw(axes: Axes, curve: LearningCurve, factor: float) -> None:
    values = [factor * value for value in curve.values]
    color, width, order = {
        "best": (BLACK, 2.2, 5),
        "trained to the end": (BLUE, 1.0, 3),
        "pruned": (GREY, 0.9, 2),
        "unfinished": (GREY, 0.9, 2),
    }[curve.fate]
    line = ":" if curve.fate == "unfinished" else "-"
    axes.plot(curve.epochs, values, color=color, linewidth=width, linestyle=line, zorder=order)
    if curve.fate == "pruned":
        axes.plot(curve.epochs[-1], values[-1], "x", color=ORANGE, markersize=5.5, zorder=4)
    elif len(values) == 1:
        axes.plot(curve.epochs, values, ".", color=color, zorder=order)


def _key(fates: set[Fate]) -> list[Line2D]:
    looks: dict[Fate, Line2D] = {
        "best": Line2D([], [], color=BLACK, linewidth=2.2, label="best"),
        "trained to the end": Line2D([], [], color=BLUE, label="trained to the end"),
        "pruned": Line2D([], [], color=GREY, marker="x", markeredgecolor=ORANGE, label="pruned"),
        "unfinished": Line2D([], [], color=GREY, linestyle=":", label="unfinished"),
    }
    return [line for fate, line in looks.items() if fate in fates]
