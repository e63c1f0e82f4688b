"""What more workers cost: asynchronous rules decide with less to compare with."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.comparison.figures.scales import root_scale, scale_of
from neurocap_search.comparison.figures.style import (
    FAINT,
    Cast,
    Role,
    in_style,
    legend_below,
    new_figure,
    once,
)


class WorkersPoint(NamedTuple):
    """Regret with one number of workers.

    Attributes:
        workers: Trials at a time.
        regret: Mean regret in the unit of the metric.
        low: Lower end of its interval; nan without one.
        high: Upper end.
    """

    workers: int
    regret: float
    low: float = float("nan")
    high: float = float("nan")


@in_style
def draw_workers(rules: Mapping[str, Sequence[WorkersPoint]], cast: Cast, metric: str, title: str) -> Figure:
    """Draw regret against the number of workers; rules without a part of their own in light grey."""
    figure, panels = new_figure(title, 4.0)
    axes, scale = panels[0, 0], scale_of(metric)
    for number, (rule, points) in enumerate(rules.items()):
        _draw_rule(axes, rule, points, cast, scale.factor, 1 + 0.02 * (number % 5 - 2))
    ticks = sorted({point.workers for points in rules.values() for point in points})
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    root_scale(axes, scale.factor * max(point.regret for points in rules.values() for point in points))
    axes.set(xlabel="workers (trials at a time)", ylabel=f"mean regret ({scale.difference}, root scale)")
    legend_below(figure, axes)
    return figure


def _draw_rule(
    axes: Axes, rule: str, points: Sequence[WorkersPoint], cast: Cast, factor: float, shift: float
) -> None:
    places, regrets = [point.workers for point in points], [factor * point.regret for point in points]
    if cast.role(rule) in (Role.OTHER, Role.FRONT):
        axes.plot(places, regrets, color=FAINT, linewidth=0.8, label=once(axes, "the other rules"), zorder=1)
        return
    look = cast.look(rule)
    axes.plot(
        places, regrets, color=look.color, marker=look.marker, linestyle=look.line, linewidth=look.width,
        label=cast.name(rule), zorder=look.order, clip_on=False,
    )  # fmt: skip
    known = [point for point in points if not math.isnan(point.low)]
    ends = [factor * p.low for p in known], [factor * p.high for p in known]
    axes.vlines([shift * p.workers for p in known], *ends, color=look.color, linewidth=1.0)
