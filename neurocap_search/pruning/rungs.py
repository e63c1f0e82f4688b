"""The score board of successive halving."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from neurocap_search.pruning.ranking import Ranking


class Score(NamedTuple):
    """What a rung keeps of a trial; both are finite and signed so that larger is better.

    Attributes:
        seen: The metric at the rung.
        predicted: The predicted final metric, or None where there was no real prediction.
    """

    seen: float
    predicted: float | None


class Verdict(NamedTuple):
    """How a trial compares with those at its rung before it.

    Attributes:
        keeps: False if the trial is below the cut-off.
        cutoff: The score that separates the top share, or None if there was nobody to compare with.
        peers: How many trials it was compared with.
    """

    keeps: bool
    cutoff: float | None
    peers: int


class Standing(NamedTuple):
    """Where a trial of a rung stands among its peers there.

    Attributes:
        position: How many of its peers are better.
        peers: How many trials it is compared with, itself included.
    """

    position: int
    peers: int


@dataclass
class Rung:
    """One milestone of a bracket with the scores of the trials that reached it.

    Like is compared with like: predictions among predictions, and a trial without a prediction by
    its metric among the metrics of all. Otherwise whoever cannot be extrapolated would always look
    worse than those who are.

    Attributes:
        milestone: Epoch at which trials are compared.
        scores: The trials' scores in order of arrival; changed only by :meth:`enter` and :meth:`withdraw`.
    """

    milestone: float
    scores: dict[str, Score] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen = Ranking({k: s.seen for k, s in self.scores.items()})
        self._predicted = Ranking({k: s.predicted for k, s in self.scores.items() if s.predicted is not None})

    def enter(self, trial_id: str, score: Score) -> None:
        """Keep the score of a trial that is not here yet."""
        self.scores[trial_id] = score
        self._seen.enter(trial_id, score.seen)
        if score.predicted is not None:
            self._predicted.enter(trial_id, score.predicted)

    def withdraw(self, trial_id: str) -> None:
        """Forget a trial, if it is here."""
        if self.scores.pop(trial_id, None) is not None:
            self._seen.withdraw(trial_id)
            self._predicted.withdraw(trial_id)

    def judge(self, score: Score, reduction_factor: float) -> Verdict:
        """Compare ``score`` with the top ``1 / reduction_factor`` of the trials here."""
        if score.predicted is not None:
            mine, peers = score.predicted, self._predicted
        else:
            mine, peers = score.seen, self._seen
        if not len(peers):
            return Verdict(True, None, 0)
        cutoff = peers.percentile((1 - 1 / reduction_factor) * 100)
        return Verdict(not mine < cutoff, cutoff, len(peers))

    @property
    def num_predicted(self) -> int:
        """How many trials here have a prediction."""
        return len(self._predicted)

    def standing(self, trial_id: str, *, by_prediction: bool) -> Standing:
        """Return where a trial that is here stands by now, among the predicted or among all."""
        peers = self._predicted if by_prediction else self._seen
        return Standing(peers.position(trial_id), len(peers))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, inverse of :meth:`from_json`."""
        return {"milestone": self.milestone, "scores": {k: list(v) for k, v in self.scores.items()}}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Rung":
        """Rebuild a rung from :meth:`to_json`."""
        return cls(state["milestone"], {k: Score(*v) for k, v in state["scores"].items()})


def bracket_rungs(grace_period: float, max_t: float, reduction_factor: float, skip: int = 0) -> list[Rung]:
    """Return the rungs at ``grace_period * reduction_factor**k`` up to ``max_t``, highest first.

    Args:
        grace_period: Milestone of the lowest rung, in epochs.
        max_t: No rung lies above it.
        reduction_factor: Ratio of neighbouring milestones.
        skip: Leaves out the lowest rungs (the bracket's number in Hyperband).

    Example:
        >>> [rung.milestone for rung in bracket_rungs(1, 27, 3)]
        [27, 9, 3, 1]
    """
    count = int(np.log(max_t / grace_period) / np.log(reduction_factor) - skip + 1)
    return [Rung(grace_period * reduction_factor ** (k + skip)) for k in reversed(range(count))]
