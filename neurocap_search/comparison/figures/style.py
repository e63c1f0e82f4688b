"""What all figures of a comparison share: sizes, colours, and how each kind of rule looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from textwrap import fill
from typing import Any, NamedTuple, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLACK, GREY, FAINT = "#000000", "#7a7a7a", "#c4c4c4"
# Okabe and Ito's palette, which colour-blind readers tell apart; without its yellow, which is lost on white.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, SKY, AMBER = "#CC79A7", "#56B4E9", "#E69F00"

WIDTH = 4.7
"""Inches. Narrow, so that the text stays readable when a phone scales the figure down."""

_TITLE = 54
"""Letters of a title that fit on a line."""

RC: Any = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e2e2e2",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "text.parse_math": False,  # names of rules and tasks are users' own and may hold a dollar sign
    "svg.hashsalt": "neurocap",  # the same figure gives the same file
}

P = ParamSpec("P")


def in_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a drawing function work under the common settings."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(RC):
            return draw(*args, **kwargs)

    return styled


def new_figure(
    title: str, height: float, rows: int = 1, columns: int = 1, **sharing: Any
) -> tuple[Figure, Any]:
    """Return a figure under a title at the left, and its axes as an array of ``rows`` by ``columns``."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    title = fill(title, _TITLE, break_long_words=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


class Role(StrEnum):
    """What a rule is in the comparison."""

    CANDIDATE = "candidate"
    RIVAL = "rival"
    FRONT = "i-epoch"
    FULL = "full training"
    ORACLE = "oracle"
    OTHER = "other rule"


class Look(NamedTuple):
    """How a rule is drawn; colour, marker and line each tell rules apart, so that grey print does too."""

    color: str
    marker: str
    line: str
    width: float
    order: int


_LOOKS = {
    Role.CANDIDATE: Look(ORANGE, "D", "-", 2.0, 6),
    Role.RIVAL: Look(BLUE, "s", "--", 2.0, 5),
    Role.FRONT: Look(BLACK, "o", "-", 1.0, 3),
    Role.FULL: Look(GREEN, "^", ":", 2.0, 4),
    Role.ORACLE: Look(PURPLE, "v", "-.", 1.6, 4),
    Role.OTHER: Look(GREY, "o", "-", 0.8, 2),
}


@dataclass(frozen=True)
class Cast:
    """Who plays which part.

    Attributes:
        candidate: The rule that is judged.
        rival: The rule it is judged against.

    Example:
        >>> Cast("beta_eff", "asha").role("i_epoch:3").value
        'i-epoch'
    """

    candidate: str
    rival: str

    def role(self, rule: str) -> Role:
        """Return the part of a rule."""
        known = {
            self.rival: Role.RIVAL,
            self.candidate: Role.CANDIDATE,
            "full": Role.FULL,
            "oracle": Role.ORACLE,
        }
        return known.get(rule, Role.FRONT if rule.partition(":")[0] == "i_epoch" else Role.OTHER)

    def look(self, rule: str) -> Look:
        """Return how to draw a rule."""
        return _LOOKS[self.role(rule)]

    def name(self, rule: str) -> str:
        """Return the name for a legend, with the part where the name does not say it."""
        role = self.role(rule)
        return f"{rule} ({role})" if role in (Role.CANDIDATE, Role.RIVAL) else shown(rule)


def shown(text: str, longest: int = 44) -> str:
    """Return a user's text as a legend takes it: not too long, no underscore first (that would hide it)."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return f" {short}" if short.startswith("_") else short


def name_rows(axes: Axes, rules: Sequence[str], cast: Cast) -> None:
    """Write the rules beside the rows 0, 1, ... from the top; candidate and rival stand out."""
    axes.set_yticks(range(len(rules)), [shown(rule, 32) for rule in rules], fontsize=8.5)
    for label, rule in zip(axes.get_yticklabels(), rules, strict=True):
        if cast.role(rule) in (Role.CANDIDATE, Role.RIVAL):
            label.set(fontweight="bold", color=cast.look(rule).color)
    axes.grid(visible=False, axis="y")


def once(axes: Axes, label: str) -> str | None:
    """Return a label the first time, None after that: one line of the legend for many lines of the figure."""
    return None if label in axes.get_legend_handles_labels()[1] else label


def legend_below(figure: Figure, axes: Axes, columns: int = 2) -> None:
    """Put the legend of one panel below the figure, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", ncols=columns, columnspacing=1.2)
