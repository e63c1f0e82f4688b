"""The critical-difference diagram (Demsar 2006), one rule a row."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.comparison.figures.style import BLACK, GREY, Cast, Role, in_style, name_rows, new_figure


@in_style
def draw_critical_difference(ranks: Mapping[str, float], difference: float, cast: Cast, title: str) -> Figure:
    """Draw the average ranks; rules joined by a bar do not differ by more than the critical difference.

    Args:
        ranks: Average rank of each rule, 1 is best.
        difference: Nemenyi's critical difference at 5 %.
        cast: Who plays which part.
        title: Heads the figure.
    """
    rules = sorted(ranks, key=lambda rule: ranks[rule])
    bars = cliques([ranks[rule] for rule in rules], difference)
    figure, panels = new_figure(title, 1.5 + 0.2 * len(rules))
    axes = panels[0, 0]
    for row, rule in enumerate(rules):
        _draw_rule(axes, row, ranks[rule], cast, rule)
    _draw_bars(axes, bars, max(ranks.values()), len(rules))
    _draw_difference(axes, min(ranks.values()), difference)
    name_rows(axes, rules, cast)
    axes.set(ylim=(len(rules) - 0.3, -2.3), xlabel="average rank of the regret (1 is best)")
    return figure


def cliques(ranks: Sequence[float], difference: float) -> list[tuple[int, int]]:
    """Return the longest runs of ranks that lie within the critical difference, as first and last index.

    Args:
        ranks: Average ranks, ascending.
        difference: The critical difference.

    Example:
        >>> cliques([1.0, 1.5, 2.2, 4.0], 1.0)
        [(0, 1), (1, 2)]
    """
    found: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = max(i for i, other in enumerate(ranks) if other - rank <= difference)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def _draw_rule(axes: Axes, row: int, rank: float, cast: Cast, rule: str) -> None:
    look = cast.look(rule)
    loud = cast.role(rule) in (Role.CANDIDATE, Role.RIVAL)
    axes.plot(rank, row, look.marker, color=look.color, markersize=7 if loud else 4.5, zorder=look.order)


def _draw_bars(axes: Axes, bars: Sequence[tuple[int, int]], worst: float, rules: int) -> None:
    """Draw the bars to the right of all points, each in a lane of its own."""
    lane = 0.035 * max(worst, rules / 2)
    for number, (first, last) in enumerate(bars, start=1):
        x = worst + lane * (number + 0.6)
        axes.plot([x, x], [first - 0.25, last + 0.25], color=BLACK, linewidth=2.6, solid_capstyle="butt")


def _draw_difference(axes: Axes, best: float, difference: float) -> None:
    axes.plot([best, best + difference], [-1.1, -1.1], "|-", color=GREY, linewidth=1.6, markersize=7)
    text = f"critical difference {difference:.2f}"
    axes.text(best, -1.35, text, va="bottom", fontsize=8, color="#444444")
