"""The trials of each rung, best first, compared anew when something was learned."""

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from neurocap_search.prediction import Prediction
from neurocap_search.prediction.arguments import clip
from neurocap_search.prediction.combination import LearnedCombination, Standings, final_metric
from neurocap_search.pruning.cohort_rung import CohortRung

_NAME = "learned_combination"


class Place(NamedTuple):
    """Where a trial stands at a rung by now.

    Attributes:
        position: How many of its peers rank before it.
        peers: How many trials are compared, itself included.
        places: How many of them go on.
    """

    position: int
    peers: int
    places: int

    @property
    def ahead(self) -> float:
        """Share of the peers that do not rank before it."""
        return 1 - self.position / self.peers

    @property
    def is_held(self) -> bool:
        """Whether it is among those that go on."""
        return self.position < self.places


class CohortRanking:
    """Ranks the trials of each rung by the combination or by the metric.

    A trial that has failed ranks nowhere; that it came to nothing is learned from like a last place.

    Args:
        combination: Compares the trials.
        rungs: The lowest first; read only. Who changes them calls :meth:`changed`.
        bounds: Range of the metric; predictions are clipped to it.

    Attributes:
        finals: Final metrics of the trials that were trained to the end.
        failed: Trials that came to nothing.
    """

    def __init__(
        self,
        combination: LearnedCombination,
        rungs: Sequence[CohortRung],
        bounds: tuple[float, float] | None,
    ) -> None:
        self._combination, self._rungs, self._bounds = combination, rungs, bounds
        self.finals: dict[str, float] = {}
        self.failed: dict[str, None] = {}
        self.changed()

    def changed(self) -> None:
        """Note that a rung, or what is known of a trial's end, is another than before."""
        self._ranked: list[Standings] | None = None
        self._positions: dict[tuple[int, bool], dict[str, int]] = {}

    def finish(self, trial_id: str, final: float) -> None:
        """Note the final metric of a trial; if it had failed before, it has not after all."""
        self.failed.pop(trial_id, None)
        self.finals[trial_id] = final
        self.changed()

    def fail(self, trial_id: str) -> None:
        """Note that a trial came to nothing."""
        self.failed[trial_id] = None
        self.changed()

    def revive(self, trial_id: str) -> None:
        """Note that a trial that had failed is tried again."""
        if trial_id in self.failed:
            del self.failed[trial_id]
            self.changed()

    def standings(self, number: int) -> Standings:
        """Return how the trials of a rung are predicted to end."""
        if self._ranked is None:
            worst = dict.fromkeys(self.failed, -inf * self._combination.sign)
            cohorts = [rung.cohort() for rung in self._rungs]
            self._ranked = self._combination.rank(cohorts, self.finals | worst)
        return self._ranked[number]

    def positions(self, number: int, *, by_metric: bool) -> dict[str, int]:
        """Return the trials of a rung, best first, each with how many are better; equals by their arrival."""
        found = self._positions.get((number, by_metric))
        if found is None:
            rung, sign = self._rungs[number], self._combination.sign
            seen = sign * np.array(list(rung.seen.values()))
            scores = seen if by_metric else self.standings(number).margin(rung.kept)
            alive = np.array([trial not in self.failed for trial in rung.rows], dtype=bool)
            trials, scores = [t for t in rung.rows if t not in self.failed], scores[alive]
            order = np.argsort(-scores, kind="stable")
            better = np.searchsorted(-scores[order], -scores)
            found = {trials[i]: int(better[i]) for i in order}
            self._positions[number, by_metric] = found
        return found

    def prediction(self, number: int, trial_id: str) -> Callable[[], Prediction]:
        """Return what gives the prediction of a trial of a rung as of now, if called later too.

        Not for a rung within the first epoch, where nobody has a metric from which to predict the final one.
        """
        standings, rung = self.standings(number), self._rungs[number]
        sign, bounds = self._combination.sign, self._bounds
        signed = bounds if bounds is None or sign > 0 else (-bounds[1], -bounds[0])
        epochs = tuple(range(1, int(rung.milestone) + 1))
        number_of = {trial: i for i, trial in enumerate(standings.cohort.trials)}
        seen = sign * np.array(list(rung.seen.values()))
        known = {number_of[t]: sign * final for t, final in self.finals.items() if t in number_of}

        def predict() -> Prediction:
            finished, finals = np.array(list(known), dtype=int), np.array(list(known.values()))
            mean, std = final_metric(standings.mean, standings.std, seen, finished, finals, signed)
            value = clip(sign * float(mean[number_of[trial_id]]), bounds)
            if std is None:
                why = f"only {len(finals)} of the trials seen at epoch {epochs[-1]} have finished"
                return Prediction(value, None, _NAME, epochs, fallback=why)
            return Prediction(value, float(std[number_of[trial_id]]), _NAME, epochs)

        return predict
