"""Small labels beside points that may lie close together."""

import math
from collections.abc import Sequence
from itertools import pairwise, product
from typing import NamedTuple

from matplotlib.axes import Axes

Point = tuple[float, float]
_STEPS = [
    (radius * math.cos(angle), radius * math.sin(angle))
    for radius, angle in product((9.0, 15.0, 22.0, 30.0), (k * math.pi / 6 + 0.3 for k in range(12)))
]


class _Box(NamedTuple):
    """A rectangle on the screen in typographic points: its middle, and half of its width and height."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: "_Box") -> bool:
        near = abs(self.x - other.x) < self.width + other.width
        return near and abs(self.y - other.y) < self.height + other.height


class Bar(NamedTuple):
    """A drawn point with its vertical interval, in data coordinates; labels keep away from it."""

    x: float
    low: float
    high: float


def label_points(
    axes: Axes,
    points: Sequence[Point],
    texts: Sequence[str],
    avoid: Sequence[Bar],
    line: Sequence[Point] = (),
) -> None:
    """Write each text near its point, where there is room; a text further away gets a thin line.

    The axes must be laid out already, and their limits must not change afterwards.

    Args:
        axes: Where the points are.
        points: In data coordinates.
        texts: One for each point.
        avoid: Points and intervals.
        line: Corners of a line that labels keep away from.
    """
    taken = [_box_of(axes, bar) for bar in avoid]
    taken += [*_along([_on_screen(axes, corner) for corner in line]), _below(axes)]
    for point, text in zip(points, texts, strict=True):
        step = _place(_on_screen(axes, point), text, taken)
        lead = {"arrowstyle": "-", "linewidth": 0.5, "color": "#7a7a7a"} if math.hypot(*step) > 10 else None
        axes.annotate(
            text, point, step, textcoords="offset points", ha="center", va="center", fontsize=7.5,
            arrowprops=lead, zorder=7,
        )  # fmt: skip


def _on_screen(axes: Axes, point: Point) -> Point:
    x, y = axes.transData.transform(point) * 72 / axes.figure.dpi
    return float(x), float(y)


def _box_of(axes: Axes, bar: Bar) -> _Box:
    (x, low), (_, high) = _on_screen(axes, (bar.x, bar.low)), _on_screen(axes, (bar.x, bar.high))
    return _Box(x, (low + high) / 2, 2.5, (high - low) / 2 + 3.0)


def _below(axes: Axes) -> _Box:
    """Return the strip below the axes, where the ticks have their labels."""
    (left, right), bottom = axes.get_xlim(), axes.get_ylim()[0]
    (x, y), (to_x, _) = _on_screen(axes, (left, bottom)), _on_screen(axes, (right, bottom))
    return _Box((x + to_x) / 2, y - 20, (to_x - x) / 2, 20)


def _along(corners: Sequence[Point]) -> list[_Box]:
    """Return small boxes along a line."""
    boxes = []
    for (x, y), (to_x, to_y) in pairwise(corners):
        parts = max(1, round(math.hypot(to_x - x, to_y - y) / 4))
        boxes += [
            _Box(x + (to_x - x) * k / parts, y + (to_y - y) * k / parts, 1.0, 1.0) for k in range(parts)
        ]
    return boxes


def _place(centre: Point, text: str, taken: list[_Box]) -> Point:
    """Return the first step at which the text meets least of what is there, and take its room."""
    boxes = [(step, _box_at(centre, step, text)) for step in _STEPS]
    step, box = min(boxes, key=lambda pair: sum(pair[1].meets(other) for other in taken))
    taken.append(box)
    return step


def _box_at(centre: Point, step: Point, text: str) -> _Box:
    return _Box(centre[0] + step[0], centre[1] + step[1], 2.2 * len(text) + 1.0, 4.0)
