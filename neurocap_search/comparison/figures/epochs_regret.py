"""Epochs spent against regret, with the front of the i-epoch rules drawn in."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from neurocap_search.comparison.figures.labels import Bar, label_points
from neurocap_search.comparison.figures.scales import root_scale, scale_of
from neurocap_search.comparison.figures.style import FAINT, Cast, Role, in_style, new_figure, shown
from neurocap_search.comparison.statistics.words import percent

_LINE = 0.17
"""Inches that a line of the legend takes."""
_SIZES = {Role.CANDIDATE: 8, Role.RIVAL: 10}
"""Of the markers; the rival's shows behind the candidate's where both do the same."""


class RulePoint(NamedTuple):
    """What one rule cost and lost, on average.

    Attributes:
        rule: Name of the rule.
        share: Epochs spent as a share of full training.
        regret: Mean regret in the unit of the metric.
        low: Lower end of its interval; nan without one.
        high: Upper end.
    """

    rule: str
    share: float
    regret: float
    low: float = float("nan")
    high: float = float("nan")


@in_style
def draw_epochs_regret(points: Sequence[RulePoint], cast: Cast, metric: str, title: str) -> Figure:
    """Draw each rule as a point: the further to the lower left, the better.

    Rules without a part of their own are numbered, and named below the figure.
    """
    scale = scale_of(metric)
    others = [point.rule for point in points if cast.role(point.rule) is Role.OTHER]
    figure, panels = new_figure(title, 4.4 + _LINE * ((len(others) + 1) // 2))
    axes = panels[0, 0]
    scaled = [RulePoint(p.rule, p.share, *(scale.factor * value for value in p[2:])) for p in points]
    _draw_front(axes, [p for p in scaled if cast.role(p.rule) is Role.FRONT])
    for point in scaled:
        _draw_point(axes, point, cast)
    _set_scales(axes, scaled)
    axes.set(
        xlabel="epochs spent (share of full training)", ylabel=f"mean regret ({scale.difference}, root scale)"
    )
    _name(figure, _key(scaled, cast, others))
    figure.draw_without_rendering()  # lays the axes out: labels are placed on the screen
    _label(axes, scaled, cast, others)
    return figure


def _draw_front(axes: Axes, points: Sequence[RulePoint]) -> None:
    front = sorted(points, key=lambda point: point.share)
    axes.plot([p.share for p in front], [p.regret for p in front], color="black", linewidth=1.0, zorder=3)


def _draw_point(axes: Axes, point: RulePoint, cast: Cast) -> None:
    role, look = cast.role(point.rule), cast.look(point.rule)
    loud = role in _SIZES
    bar: dict[str, Any] = (
        {"color": look.color, "linewidth": 1.4} if loud else {"color": FAINT, "linewidth": 0.7}
    )
    axes.vlines(point.share, point.low, point.high, zorder=look.order if loud else 1, **bar)
    axes.plot(
        point.share, point.regret, look.marker, color=look.color, markersize=_SIZES.get(role, 5),
        markeredgecolor="white", markeredgewidth=0.6, zorder=look.order, clip_on=False,
    )  # fmt: skip


def _set_scales(axes: Axes, points: Sequence[RulePoint]) -> None:
    """Shares on a log scale, regrets on a square-root scale; intervals may leave the figure."""
    shares = [point.share for point in points]
    ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if tick >= min(shares) / 2]
    axes.set_xscale("log", nonpositive="clip")
    axes.set_xlim(min(shares) / 1.25, max(1.0, *shares) * 1.25)
    axes.set_xticks(ticks, [percent(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    root_scale(axes, max(point.regret for point in points))


def _key(points: Sequence[RulePoint], cast: Cast, others: Sequence[str]) -> list[Line2D]:
    """Return the legend: the parts first, then the numbered rules."""
    parts: dict[Role, Line2D] = {}
    for point in sorted(points, key=lambda p: list(Role).index(cast.role(p.rule))):
        if (role := cast.role(point.rule)) is not Role.OTHER:
            parts.setdefault(role, _sample(cast, point.rule, cast.name(point.rule)))
    if Role.FRONT in parts:
        parts[Role.FRONT].set(linestyle="-", label="i-epoch rules")
    numbers = enumerate(others, start=1)
    return [*parts.values(), *(_sample(cast, rule, f"{k} {shown(rule)}", 4) for k, rule in numbers)]


def _name(figure: Figure, key: Sequence[Line2D]) -> None:
    """Put the legend below the axes, in two columns if they fit."""
    tight: Any = {"handlelength": 1.2, "handletextpad": 0.4, "columnspacing": 0.4}
    legend = figure.legend(handles=key, loc="outside lower left", ncols=2, **tight)
    figure.draw_without_rendering()
    if legend.get_window_extent().x1 > figure.bbox.x1:
        legend.remove()
        figure.legend(handles=key, loc="outside lower left", ncols=1, **tight)
        figure.set_figheight(figure.get_figheight() + _LINE * (len(key) // 2))


def _sample(cast: Cast, rule: str, label: str, size: float = 6) -> Line2D:
    look = cast.look(rule)
    return Line2D(
        [], [], color=look.color, marker=look.marker, markersize=size, linestyle="none", label=label
    )


def _label(axes: Axes, points: Sequence[RulePoint], cast: Cast, others: Sequence[str]) -> None:
    front = [p for p in points if cast.role(p.rule) is Role.FRONT]
    numbered = [p for p in points if p.rule in others]
    texts = [f"i={p.rule.split(':')[1]}" if ":" in p.rule else "i" for p in front]
    texts += [str(others.index(p.rule) + 1) for p in numbered]
    places = [(p.share, p.regret) for p in [*front, *numbered]]
    loud = [p for p in points if cast.role(p.rule) in _SIZES and p.low == p.low]
    drawn = [
        *(Bar(p.share, p.regret, p.regret) for p in points),
        *(Bar(p.share, p.low, p.high) for p in loud),
    ]
    label_points(
        axes, places, texts, drawn, [(p.share, p.regret) for p in sorted(front, key=lambda p: p.share)]
    )
