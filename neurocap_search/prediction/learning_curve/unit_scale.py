"""Any metric on the scale of an accuracy: rising, and about 1 where it ends at the latest."""

import math
from typing import NamedTuple

from neurocap_search.prediction.arguments import Bounds, Mode
from neurocap_search.prediction.seen_curve import SeenCurve


class UnitScale(NamedTuple):
    """The straight line that sends one value of the metric to 0 and a better one to 1.

    Attributes:
        zero: The metric that becomes 0.
        one: The metric that becomes 1; below ``zero`` where smaller is better.
    """

    zero: float
    one: float

    def to_unit(self, value: float) -> float:
        """Return a metric on the scale."""
        return (value - self.zero) / (self.one - self.zero)

    def to_metric(self, value: float) -> float:
        """Return the metric of a value on the scale."""
        return self.zero + value * (self.one - self.zero)

    def limits(self, bounds: Bounds) -> Bounds:
        """Return the bounds of the metric on the scale, where better is larger."""
        if bounds is None:
            return None
        low, high = sorted(map(self.to_unit, bounds))
        return low, high

    @property
    def length(self) -> float:
        """How much of the metric one unit is, without a sign."""
        return abs(self.one - self.zero)


def unit_scale(curve: SeenCurve, mode: Mode, bounds: Bounds) -> UnitScale:
    """Return the scale between finite bounds, else from what was seen.

    In that second case the worst value becomes 0.1 and the best 0.6: what was gained so far may come to be
    gained once more. A curve that never changed is given a range of a thousandth of its size.
    """
    if bounds is not None and all(map(math.isfinite, bounds)):
        return UnitScale(*(bounds if mode == "max" else bounds[::-1]))
    low, high = min(curve.values), max(curve.values)
    seen = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-12)
    step = 2 * seen if mode == "max" else -2 * seen
    zero = (low if mode == "max" else high) - 0.1 * step
    return UnitScale(zero, zero + step)
