"""Percentiles of values that come and go."""

from bisect import bisect_left, insort
from math import floor


class Quantiles:
    """Values of trials, kept sorted; tells their percentiles but, unlike ``Ranking``, nobody's position.

    Args:
        values: Trials with finite values to begin with, in order of arrival.

    Example:
        >>> quantiles = Quantiles({"a": 0.5, "b": 0.9, "c": 0.6})
        >>> quantiles.percentile(50)
        0.6
    """

    def __init__(self, values: dict[str, float] | None = None) -> None:
        self._values = dict(values or {})
        self._ascending = sorted(self._values.values())

    def __len__(self) -> int:
        return len(self._ascending)

    def values(self) -> dict[str, float]:
        """Return the trials with their values in order of arrival."""
        return dict(self._values)

    def enter(self, trial_id: str, value: float) -> None:
        """Add a trial, or give it another value: then it counts as arriving now."""
        if trial_id in self._values:
            self.withdraw(trial_id)
        self._values[trial_id] = value
        insort(self._ascending, value)

    def withdraw(self, trial_id: str) -> None:
        """Remove a trial, if it is here."""
        value = self._values.pop(trial_id, None)
        if value is not None:
            del self._ascending[bisect_left(self._ascending, value)]

    def percentile(self, percent: float) -> float:
        """Return the percentile of the values, interpolated as :func:`numpy.percentile` does, bit for bit."""
        ascending = self._ascending
        last = len(ascending) - 1
        place = last * (percent / 100)
        before = floor(place)
        if before >= last:
            return ascending[last]
        return between(ascending[before], ascending[before + 1], place - before)


def between(low: float, high: float, part: float) -> float:
    """Return what lies ``part`` of the way from ``low`` to ``high``, with numpy's rounding."""
    # numpy goes from the nearer end; the other way round differs in the last bit.
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)
