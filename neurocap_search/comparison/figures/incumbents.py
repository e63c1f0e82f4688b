"""The regret of the best fully trained network so far, over time."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

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
from neurocap_search.comparison.statistics.incumbents import IncumbentCurve


@in_style
def draw_incumbents(
    curves: Sequence[IncumbentCurve], cast: Cast, metric: str, title: str, clock: str
) -> Figure:
    """Draw the curves of all rules; candidate and rival with a band.

    Args:
        curves: One for each rule, over seconds; times above 0.
        cast: Who plays which part.
        metric: What was optimised.
        title: Heads the figure.
        clock: What the seconds are, such as ``simulated wall-clock``.
    """
    figure, panels = new_figure(title, 4.4)
    axes, scale = panels[0, 0], scale_of(metric)
    unit, name = _time_unit(float(curves[0].grid[-1]))
    for curve in sorted(curves, key=lambda c: -list(Role).index(cast.role(c.rule))):
        _draw(axes, curve, cast, unit, scale.factor)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(curves[0].grid[0] / unit, curves[0].grid[-1] / unit)
    root_scale(axes, scale.factor * max(curve.regret.max() for curve in curves))
    axes.set(xlabel=f"{clock} ({name})", ylabel=f"regret so far ({scale.difference}, root scale)")
    legend_below(figure, axes)
    return figure


def _draw(axes: Axes, curve: IncumbentCurve, cast: Cast, unit: float, factor: float) -> None:
    seconds = curve.grid / unit
    regret, low, high = factor * curve.regret, factor * curve.low, factor * curve.high
    role, look = cast.role(curve.rule), cast.look(curve.rule)
    step: dict[str, Any] = {"drawstyle": "steps-post", "zorder": look.order}
    if role in (Role.OTHER, Role.FRONT):
        axes.plot(seconds, regret, color=FAINT, linewidth=0.8, label=once(axes, "the other rules"), **step)
        return
    line: dict[str, Any] = {"color": look.color, "linestyle": look.line, "linewidth": look.width}
    axes.plot(seconds, regret, label=cast.name(curve.rule), **line, **step)
    if role in (Role.CANDIDATE, Role.RIVAL):
        axes.fill_between(seconds, low, high, step="post", color=look.color, alpha=0.14, linewidth=0)


def _time_unit(seconds: float) -> tuple[float, str]:
    """Return seconds, minutes or hours: the largest in which the whole is at least three."""
    units = ((3600.0, "hours"), (60.0, "minutes"))
    return next(((size, name) for size, name in units if seconds >= 3 * size), (1.0, "seconds"))
