"""The score board of successive halving."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Score(NamedTuple):
    """What a rung keeps of a trial; both are signed so that larger is better.

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


@dataclass
class Rung:
    """One milestone of a bracket with the scores of the trials that reached it."""

    milestone: float
    scores: dict[str, Score] = field(default_factory=dict)

    def judge(self, score: Score, reduction_factor: float) -> Verdict:
        """Compare ``score`` with the top ``1 / reduction_factor`` of the trials here.

        Like is compared with like: predictions among predictions, and a trial without a prediction
        by its metric among the metrics of all. Otherwise whoever cannot be extrapolated would always
        look worse than those who are.
        """
        if score.predicted is not None:
            mine, others = score.predicted, [s.predicted for s in self.scores.values()]
            peers = [value for value in others if value is not None]
        else:
            mine, peers = score.seen, [s.seen for s in self.scores.values()]
        if not peers:
            return Verdict(True, None, 0)
        cutoff = float(np.nanpercentile(peers, (1 - 1 / reduction_factor) * 100))
        return Verdict(not mine < cutoff, cutoff, len(peers))

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
