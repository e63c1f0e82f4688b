"""Trials in the order of their values, kept sorted as values come and go."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from math import floor

from neurocap_search.pruning.quantiles import between


class Ranking:
    """Ranks trials by a value, the largest first; of equal values the earlier one ranks higher.

    Entering, leaving and asking cost O(log n) comparisons (and a move of n pointers), so that a
    decision among ten thousand trials costs about as much as one among ten.

    Args:
        values: Trials with finite values to begin with, in order of arrival.

    Example:
        >>> ranking = Ranking({"a": 0.5, "b": 0.9, "c": 0.5})
        >>> ranking.position("b"), ranking.position("a"), ranking.position("c")
        (0, 1, 2)
        >>> ranking.percentile(50)
        0.5
    """

    def __init__(self, values: dict[str, float] | None = None) -> None:
        self._ascending: list[tuple[float, int, str]] = []
        self._entries: dict[str, tuple[float, int, str]] = {}
        self._arrivals = 0
        for trial_id, value in (values or {}).items():
            self.enter(trial_id, value)

    def __len__(self) -> int:
        return len(self._ascending)

    def __contains__(self, trial_id: str) -> bool:
        return trial_id in self._entries

    def __iter__(self) -> Iterator[str]:
        """Iterate over the trials, best first."""
        return (trial_id for *_, trial_id in reversed(self._ascending))

    def values(self) -> dict[str, float]:
        """Return the trials with their values in order of arrival."""
        return {trial_id: value for trial_id, (value, *_) in self._entries.items()}

    def enter(self, trial_id: str, value: float) -> None:
        """Add a trial, or give it another value: then it counts as arriving now."""
        if trial_id in self._entries:
            self.withdraw(trial_id)
        entry = (value, -self._arrivals, trial_id)
        self._arrivals += 1
        self._entries[trial_id] = entry
        insort(self._ascending, entry)

    def withdraw(self, trial_id: str) -> None:
        """Remove a trial, if it is here."""
        entry = self._entries.pop(trial_id, None)
        if entry is not None:
            del self._ascending[bisect_left(self._ascending, entry)]

    def value(self, trial_id: str) -> float:
        """Return the value of a trial that is here."""
        return self._entries[trial_id][0]

    def position(self, trial_id: str) -> int:
        """Return how many trials rank above one that is here."""
        return len(self._ascending) - 1 - bisect_left(self._ascending, self._entries[trial_id])

    def best(self) -> str | None:
        """Return the trial that ranks first, or None if there is none."""
        return self._ascending[-1][2] if self._ascending else None

    def worst_first(self) -> Iterator[str]:
        """Iterate over the trials, worst first."""
        return (trial_id for *_, trial_id in self._ascending)

    def percentile(self, percent: float) -> float:
        """Return the percentile of the values, interpolated as :func:`numpy.percentile` does, bit for bit."""
        place = (len(self._ascending) - 1) * (percent / 100)
        before = min(floor(place), len(self._ascending) - 1)
        low = self._ascending[before][0]
        high = self._ascending[min(before + 1, len(self._ascending) - 1)][0]
        return between(low, high, place - before)
