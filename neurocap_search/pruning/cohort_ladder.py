"""The rungs of a learned halving, and which of their trials go on."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from math import sqrt
from typing import Any

from neurocap_search.prediction.combination import LearnedCombination
from neurocap_search.pruning.cohort_ranking import CohortRanking, Place
from neurocap_search.pruning.cohort_rung import CohortRung
from neurocap_search.pruning.roster import Roster

_SURE = 1e-9
"""Of 49 trials one in 3.5² are four, although it comes out as 3.9999999999999996."""


class CohortLadder:
    r"""Rungs at which all trials are compared anew, and who may go on from each.

    Of the ``n`` trials that have reached a rung, each lets ``share * n`` go on. As long as
    others may still arrive there, it is :math:`\sqrt{\text{share} \cdot n}` fewer, one standard deviation
    of a count: who is sent on early is then among the best at the end, too, and no place is wasted. Behind
    rungs within the first epoch it is less still, in proportion to those that have got through that epoch:
    with many workers all have passed the former before anybody has reached its end.

    Args:
        combination: Compares the trials.
        rungs: Epoch and share of each rung, the lowest first; epochs below 1 are shares of the first one.
        bounds: Range of the metric; predictions are clipped to it.
        least: Fewest that go on from a rung once all are there.

    Attributes:
        ranking: The trials of each rung, best first.
        first_whole: Number of the first rung after a whole epoch, where trials have a metric.
        by_metric: Whether trials are compared by their metric instead of the combination.
        exhausted: Whether no new trials will come.
    """

    def __init__(
        self,
        combination: LearnedCombination,
        rungs: Sequence[tuple[float, float]],
        bounds: tuple[float, float] | None,
        least: int,
    ) -> None:
        arriving = [1.0, *(share for _, share in rungs)][: len(rungs)]
        self.rungs = [CohortRung(*rung, rung[1] / there) for rung, there in zip(rungs, arriving, strict=True)]
        self.first_whole = next((k for k, rung in enumerate(self.rungs) if not rung.is_early), len(rungs))
        self._arrived: set[str] = set()
        self.ranking = CohortRanking(combination, self.rungs, bounds)
        self._least, self.by_metric, self.exhausted = least, False, False

    def enter(self, trial_id: str, epoch: float, row: list[float], seen: float) -> int | None:
        """Enter a trial into the rungs it has reached; return the highest, None if it was promoted there."""
        # A whole epoch is not to be compared with the beginning of one.
        reached = [k for k, r in enumerate(self.rungs) if epoch >= r.milestone and r.is_early == (epoch < 1)]
        if not reached or trial_id in self.rungs[reached[-1]].promoted:
            return None
        for k in reached:
            self.rungs[k].enter(trial_id, row, seen)
        self._arrived.add(trial_id)
        self.ranking.changed()
        return reached[-1]

    def promote(self, trial_id: str) -> None:
        """Let a trial go on for good from the rungs it has reached."""
        for rung in self.rungs:
            if trial_id in rung.rows:
                rung.promoted[trial_id] = None

    def is_passed_by(self, trial_id: str) -> bool:
        """Return whether a trial has gone on from the highest rung, or there is none."""
        return not self.rungs or trial_id in self.rungs[-1].promoted

    def let_pass(self, number: int, trial_id: str) -> None:
        """Let a trial train on from one rung to the next."""
        self.rungs[number].promoted[trial_id] = None

    def height(self, trial_id: str) -> int:
        """Return the number of the highest rung a trial has reached."""
        return max(k for k, rung in enumerate(self.rungs) if trial_id in rung.rows)

    def place(self, number: int, trial_id: str, *, by_metric: bool | None = None) -> Place:
        """Return where a trial of a rung stands by now."""
        by_metric = self.by_metric if by_metric is None else by_metric
        positions = self.ranking.positions(number, by_metric=by_metric)
        return Place(positions[trial_id], len(positions), self.places(number))

    def places(self, number: int) -> int:
        """Return how many may go on from a rung once all are there."""
        return max(self._least, int(self._expected(number) + _SURE))

    def next(self, roster: Roster) -> str | None:
        """Return the best waiting trial of the highest rung that has a place for it by now."""
        for number in reversed(range(len(self.rungs))):
            for trial_id in self._waiting(number, roster, range(self._open_places(number, roster))):
                return trial_id
        return None

    def leader(self, roster: Roster) -> str | None:
        """Return the best waiting trial of the highest rung at which trials wait."""
        for number in reversed(range(len(self.rungs))):
            for trial_id in self._waiting(number, roster):
                return trial_id
        return None

    def hopeless(self, roster: Roster) -> list[str]:
        """Return who waits without a place at a rung where nobody can arrive any more, worst first."""
        hopeless: list[str] = []
        for number in range(len(self.rungs)):
            if not self._complete(number, roster):
                break
            beyond = range(self.places(number), len(self.rungs[number].rows))
            hopeless += reversed(list(self._waiting(number, roster, beyond)))
        return hopeless

    def least_promising(self, count: int, roster: Roster, spared: Collection[str | None]) -> Iterator[str]:
        """Iterate over ``count`` waiting trials, the worst of the lowest rung first."""
        worst_first = (t for k in range(len(self.rungs)) for t in reversed(list(self._waiting(k, roster))))
        return islice((trial_id for trial_id in worst_first if trial_id not in spared), max(0, count))

    def to_json(self) -> dict[str, Any]:
        """Return rungs and what is known of the ends, JSON-ready."""
        return {
            "rungs": [rung.to_json() for rung in self.rungs],
            "finals": dict(self.ranking.finals),
            "failed": list(self.ranking.failed),
            "exhausted": self.exhausted,
        }

    def load_json(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`to_json`."""
        for rung, saved in zip(self.rungs, state["rungs"], strict=True):
            rung.load_json(saved)
        self.ranking.finals, self.ranking.failed = dict(state["finals"]), dict.fromkeys(state["failed"])
        self._arrived = {trial_id for rung in self.rungs for trial_id in rung.rows}
        self.exhausted = state["exhausted"]
        self.ranking.changed()

    def _expected(self, number: int) -> float:
        return self.rungs[number].share * len(self._arrived)

    def _open_places(self, number: int, roster: Roster) -> int:
        if self._complete(number, roster):
            return self.places(number)
        expected = self._expected(number) * self._seen()
        return int(expected - sqrt(expected))

    def _seen(self) -> float:
        """Return which share of those that will reach the first rung with a metric has reached it."""
        if self.first_whole in (0, len(self.rungs)):
            return 1.0
        early, whole = self.rungs[self.first_whole - 1], self.rungs[self.first_whole]
        coming = early.share * len(self.rungs[0].rows) + len(whole.rows.keys() - self.rungs[0].rows.keys())
        return min(1.0, len(whole.rows) / coming) if coming else 1.0

    def _complete(self, number: int, roster: Roster) -> bool:
        """Return whether nobody can arrive at a rung any more."""
        rows = self.rungs[number].rows
        if not self.exhausted or any(trial_id not in rows for trial_id in roster.running):
            return False
        below = ((k, range(self.places(k))) for k in range(number))
        return not any(True for k, places in below for _ in self._waiting(k, roster, places))

    def _waiting(self, number: int, roster: Roster, positions: range | None = None) -> Iterator[str]:
        """Iterate over the trials that wait at a rung, best first, at some positions only if given."""
        promoted = self.rungs[number].promoted
        positions_of = self.ranking.positions(number, by_metric=self.by_metric)
        # Who was given up holds no place, even if it ranks better by what was learned since.
        ranked = [t for t in positions_of if t in roster.paused or t in promoted]
        chosen = ranked if positions is None else ranked[positions.start : positions.stop]
        return (t for t in chosen if t in roster.paused and t not in promoted and self.height(t) == number)
