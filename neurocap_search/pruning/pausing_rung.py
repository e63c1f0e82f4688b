"""A rung at which trials wait to be promoted."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import takewhile
from typing import Any

from neurocap_search.prediction import Prediction
from neurocap_search.pruning.ranking import Ranking
from neurocap_search.pruning.reasons import standing_reason
from neurocap_search.pruning.rungs import Rung, Score, Standing


class PausingRung:
    """A rung with the trials that were promoted from it and those that wait there.

    Of ``n`` trials at the rung the best ``floor(n / reduction_factor)`` may go on, by now: a trial
    that was not among them may come to be so as others arrive. Like is compared with like, see
    :class:`Rung`; but as long as there are too few predictions to give one of them a place, all trials
    are compared by their metric.

    Args:
        rung: The scores.
        reduction_factor: One in how many may go on.
    """

    def __init__(self, rung: Rung, reduction_factor: float) -> None:
        self.rung, self.milestone, self._factor = rung, rung.milestone, reduction_factor
        self._promoted: dict[str, None] = {}
        self._everybody = Ranking()
        # Waiting trials without and with a prediction: only within each the order is that of the rung.
        self._unpredicted, self._predicted = Ranking(), Ranking()
        self._best: tuple[str | None] | None = None  # as it was found last, until something changes

    @property
    def waiting(self) -> int:
        """How many trials wait here."""
        return len(self._everybody)

    def __contains__(self, trial_id: str) -> bool:
        return trial_id in self.rung.scores

    def enter(self, trial_id: str, score: Score) -> None:
        """Keep the score of a trial that reaches the rung; only its first one counts."""
        if trial_id not in self.rung.scores:
            self._best = None
            self.rung.enter(trial_id, score)

    def wait(self, trial_id: str) -> None:
        """Let a trial of the rung wait."""
        self._best = None
        seen, predicted = self.rung.scores[trial_id]
        self._everybody.enter(trial_id, seen)
        if predicted is None:
            self._unpredicted.enter(trial_id, seen)
        else:
            self._predicted.enter(trial_id, predicted)

    def leave(self, trial_id: str) -> None:
        """Let a trial wait no longer, if it does."""
        self._best = None
        for waiting in (self._everybody, self._unpredicted, self._predicted):
            waiting.withdraw(trial_id)

    def promote(self, trial_id: str) -> None:
        """Let a trial of the rung go on for good."""
        self.leave(trial_id)
        self._promoted[trial_id] = None

    def has_promoted(self, trial_id: str) -> bool:
        """Return True if the trial was promoted from here."""
        return trial_id in self._promoted

    def withdraw(self, trial_id: str) -> None:
        """Forget a trial."""
        self.leave(trial_id)
        self._promoted.pop(trial_id, None)
        self.rung.withdraw(trial_id)

    def best(self) -> str | None:
        """Return the best waiting trial that may go on by now."""
        if self._best is None:  # it is asked for after every report, and most change nothing here
            promotable = [trial_id for trial_id in self._firsts() if self._may_go_on(trial_id, arrivals=0)]
            self._best = (min(promotable, key=self._share, default=None),)
        return self._best[0]

    def leader(self) -> str | None:
        """Return the best waiting trial, whether or not it may go on."""
        return min(self._firsts(), key=self._share, default=None)

    def hopeless(self, arrivals: int) -> list[str]:
        """Return the waiting trials that may not go on even if ``arrivals`` worse ones come, worst first."""
        predictions = self.rung.num_predicted
        if predictions and not self._by_prediction and int((predictions + arrivals) / self._factor):
            return []  # whoever comes may bring the prediction that gives the others a place
        return self._worst_first(
            trial_id
            for waiting in self._waiting
            for trial_id in takewhile(lambda t: not self._may_go_on(t, arrivals), waiting.worst_first())
        )

    def worst_first(self) -> list[str]:
        """Return all waiting trials, worst first."""
        return self._worst_first(trial_id for waiting in self._waiting for trial_id in waiting)

    def reason(
        self, trial_id: str, metric: str, sign: int, prediction: Prediction | None
    ) -> Callable[[], str]:
        """Return what gives a clause that says where a trial of the rung stands now, if called later too."""
        standing = self._standing(trial_id)
        score, places = self.rung.scores[trial_id], self._places(standing.peers)
        if not self._by_prediction:
            score = Score(score.seen, None)
        return partial(standing_reason, metric, sign, score, standing, places, prediction)

    def to_json(self) -> dict[str, Any]:
        """Return rung and promotions as JSON-ready values; who waits is for :meth:`wait` to tell."""
        return {**self.rung.to_json(), "promoted": list(self._promoted)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], reduction_factor: float) -> "PausingRung":
        """Rebuild from :meth:`to_json`; nobody waits yet."""
        rung = cls(Rung.from_json(state), reduction_factor)
        rung._promoted = dict.fromkeys(state["promoted"])
        return rung

    @property
    def _by_prediction(self) -> bool:
        return self._places(self.rung.num_predicted) > 0

    @property
    def _waiting(self) -> tuple[Ranking, ...]:
        return (self._unpredicted, self._predicted) if self._by_prediction else (self._everybody,)

    def _standing(self, trial_id: str) -> Standing:
        predicted = self._by_prediction and self.rung.scores[trial_id].predicted is not None
        return self.rung.standing(trial_id, by_prediction=predicted)

    def _firsts(self) -> list[str]:
        return [trial_id for waiting in self._waiting if (trial_id := waiting.best()) is not None]

    def _may_go_on(self, trial_id: str, arrivals: int) -> bool:
        position, peers = self._standing(trial_id)
        return position < self._places(peers + arrivals)

    def _places(self, peers: int) -> int:
        return int(peers / self._factor)

    def _share(self, trial_id: str) -> float:
        position, peers = self._standing(trial_id)
        return position / peers

    def _worst_first(self, trials: Iterable[str]) -> list[str]:
        return sorted(trials, key=self._share, reverse=True)
