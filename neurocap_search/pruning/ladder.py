"""The rungs of a bracket whose trials pause."""

from collections.abc import Iterable, Iterator
from typing import Any

from neurocap_search.pruning.pausing_rung import PausingRung
from neurocap_search.pruning.rungs import bracket_rungs


class Ladder:
    """The rungs below full training, lowest first, and which of their trials goes on next.

    Args:
        grace_period: Milestone of the lowest rung, in epochs.
        max_t: Epochs of full training.
        reduction_factor: One in how many goes on at each rung.
    """

    def __init__(self, grace_period: float, max_t: float, reduction_factor: float) -> None:
        self._factor = reduction_factor
        rungs = reversed(bracket_rungs(grace_period, max_t, reduction_factor))
        self._rungs = [PausingRung(rung, reduction_factor) for rung in rungs if rung.milestone < max_t]

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs of the rungs, ascending."""
        return tuple(rung.milestone for rung in self._rungs)

    def height(self, trial_id: str) -> int:
        """Return the number of the highest rung the trial has reached, -1 if none."""
        return max((k for k, rung in enumerate(self._rungs) if trial_id in rung), default=-1)

    def top_rung(self, trial_id: str) -> PausingRung:
        """Return the highest rung of a trial that has reached one."""
        return self._rungs[self.height(trial_id)]

    def rung_to_wait_at(self, trial_id: str, epoch: float) -> PausingRung | None:
        """Return the rung reached at ``epoch``, unless the trial has been promoted from there already."""
        for rung in reversed(self._rungs):
            if epoch >= rung.milestone:
                return None if rung.has_promoted(trial_id) else rung
            if trial_id in rung.rung.scores:  # it has been higher already and has started over
                return None
        return None

    def withdraw(self, trial_id: str) -> None:
        """Forget a trial."""
        for rung in self._rungs:
            rung.withdraw(trial_id)

    def next(self) -> str | None:
        """Return the best promotable trial of the highest rung that has one."""
        for rung in reversed(self._rungs):
            if (trial_id := rung.best()) is not None:
                return trial_id
        return None

    def leader(self) -> str | None:
        """Return the best waiting trial of the highest rung at which trials wait."""
        leaders = (rung.leader() for rung in reversed(self._rungs))
        return next((trial_id for trial_id in leaders if trial_id is not None), None)

    def hopeless(self, running: Iterable[str]) -> list[str]:
        """Return who can't go on even if all that run or wait below arrive and rank behind, worst first."""
        heights = [self.height(trial_id) for trial_id in running]
        hopeless: list[str] = []
        waiting_below = 0
        for k, rung in enumerate(self._rungs):
            running_below = sum(height < k for height in heights)
            here = rung.hopeless(running_below + waiting_below)
            waiting_below += rung.waiting - len(here)
            hopeless += here
        return hopeless

    def worst_first(self) -> Iterator[tuple[float, str]]:
        """Iterate over milestones with their waiting trials, the worst of the lowest rung first."""
        return ((rung.milestone, t) for rung in self._rungs for t in rung.worst_first())

    def to_json(self) -> list[dict[str, Any]]:
        """Return the rungs as JSON-ready values; who waits is for :meth:`load_json` to be told."""
        return [rung.to_json() for rung in self._rungs]

    def load_json(self, rungs: Iterable[dict[str, Any]], waiting: Iterable[str]) -> None:
        """Take over rungs from :meth:`to_json`, with the trials that wait in the order of their pauses."""
        self._rungs = [PausingRung.from_json(rung, self._factor) for rung in rungs]
        for trial_id in waiting:
            self.top_rung(trial_id).wait(trial_id)
