"""A rung at which trials wait for each other."""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

from neurocap_search.pruning.ranking import Ranking
from neurocap_search.pruning.rungs import Standing


class SynchronousRung:
    """A rung with all that have reached it; values are signed so that larger is better.

    Args:
        milestone: Its epoch.
        reduction_factor: One in how many goes on.
        values: Those that have reached it, in order of arrival; nobody waits yet.
        promoted: Those that went on.
    """

    def __init__(
        self,
        milestone: float,
        reduction_factor: float,
        values: dict[str, float] | None = None,
        promoted: Iterable[str] = (),
    ) -> None:
        self.milestone, self._factor = milestone, reduction_factor
        self.ranking, self._waiting = Ranking(values), Ranking()
        self._promoted = dict.fromkeys(promoted)

    def __contains__(self, trial_id: str) -> bool:
        return trial_id in self.ranking

    @property
    def places(self) -> int:
        """How many go on, if nobody else comes."""
        return max(1, int(len(self.ranking) / self._factor))

    def enter(self, trial_id: str, value: float) -> None:
        """Let a trial wait; in both rankings it arrives now, so that ties are the same in both."""
        self.ranking.enter(trial_id, value)
        self.wait(trial_id)

    def wait(self, trial_id: str) -> None:
        """Let a trial that has a value here wait."""
        self._waiting.enter(trial_id, self.ranking.value(trial_id))

    def leave(self, trial_id: str) -> None:
        """Let a trial wait no longer, if it does."""
        self._waiting.withdraw(trial_id)

    def promote(self, trial_id: str) -> None:
        """Let a trial go on for good."""
        self.leave(trial_id)
        self._promoted[trial_id] = None

    def withdraw(self, trial_id: str) -> None:
        """Forget a trial."""
        self.leave(trial_id)
        self.ranking.withdraw(trial_id)
        self._promoted.pop(trial_id, None)

    def has_promoted(self, trial_id: str) -> bool:
        """Return True if the trial went on from here."""
        return trial_id in self._promoted

    def standing(self, trial_id: str) -> Standing:
        """Return where a trial stands by now."""
        return Standing(self.ranking.position(trial_id), len(self.ranking))

    def next(self) -> str | None:
        """Return the best that waits, if it is among those that go on."""
        best = self._waiting.best()
        return best if best is not None and self.ranking.position(best) < self.places else None

    def is_outside(self, trial_id: str) -> bool:
        """Return True if a trial waits here and is not among those that go on."""
        return trial_id in self._waiting and self.ranking.position(trial_id) >= self.places

    def outside(self) -> list[str]:
        """Return who waits and does not go on, worst first."""
        return list(takewhile(self.is_outside, self._waiting.worst_first()))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; who waits is for :meth:`wait` to tell."""
        values = self.ranking.values()
        return {"milestone": self.milestone, "values": values, "promoted": list(self._promoted)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], reduction_factor: float) -> "SynchronousRung":
        """Rebuild a rung from :meth:`to_json`; nobody waits yet."""
        return cls(state["milestone"], reduction_factor, state["values"], state["promoted"])
