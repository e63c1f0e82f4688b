"""Where the epochs of a search went."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from neurocap_search.comparison.figures.style import BLUE, FAINT, GREY, ORANGE, in_style, new_figure


class Spent(NamedTuple):
    """How many trials trained an epoch, by how they ended.

    Attributes:
        completed: Trained to the end.
        pruned: Pruned then or later.
        other: Failed or cut off then or later.
        saved: Did not train it any more.
    """

    completed: int
    pruned: int
    other: int
    saved: int


_LOOKS = {
    "completed": (BLUE, "trained to the end", ""),
    "pruned": (ORANGE, "later pruned", ""),
    "other": (GREY, "failed or cut off", ""),
    "saved": (FAINT, "not trained any more", "////"),
}


@in_style
def draw_epochs_spent(epochs: Sequence[Spent], title: str) -> Figure:
    """Draw one bar for each epoch, from the first, stacked by how the trials ended."""
    figure, panels = new_figure(title, 3.4)
    axes, places = panels[0, 0], np.arange(1, len(epochs) + 1)
    bottom = np.zeros(len(epochs))
    for name, (color, label, hatch) in _LOOKS.items():
        heights = np.array([getattr(spent, name) for spent in epochs], dtype=float)
        if not heights.any():
            continue
        face = {"facecolor": "white", "edgecolor": color, "hatch": hatch} if hatch else {"color": color}
        axes.bar(places, heights, 0.82, bottom, label=label, linewidth=0.6, **face)
        bottom += heights
    axes.set(xlabel="epoch", ylabel="trials")
    axes.grid(visible=False, axis="x")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower left", ncols=2, columnspacing=1.2)
    return figure
