"""A rung that keeps what its trials had reported, to compare them anew as more is learned."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurocap_search.prediction.combination import Cohort
from neurocap_search.prediction.combination.signals import from_json, to_json


class CohortRung:
    """A milestone with the signals of the trials that reached it.

    Args:
        milestone: Epoch at which trials are compared; below 1 a share of the first epoch.
        share: Which share of all trials goes on from here.
        kept: Which share of those that arrive here goes on.

    Attributes:
        rows: The signals of each trial at its arrival, in order of arrival.
        seen: The metric of each trial at its arrival; NaN within the first epoch, where it has none.
        promoted: Trials that have gone on.
    """

    def __init__(self, milestone: float, share: float, kept: float) -> None:
        self.milestone, self.share, self.kept = milestone, share, kept
        self.rows: dict[str, list[float]] = {}
        self.seen: dict[str, float] = {}
        self.promoted: dict[str, None] = {}

    @property
    def is_early(self) -> bool:
        """True for a rung within the first epoch, at which nobody pauses."""
        return self.milestone < 1

    def enter(self, trial_id: str, row: list[float], seen: float) -> None:
        """Keep the signals of a trial that arrives; only its first ones count."""
        self.rows.setdefault(trial_id, row)
        self.seen.setdefault(trial_id, seen)

    def cohort(self) -> Cohort:
        """Return the trials for a predictor that compares them."""
        return Cohort(self.milestone, tuple(self.rows), np.array(list(self.rows.values()), dtype=float))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, for :meth:`load_json`."""
        rows = {trial: to_json(row) for trial, row in self.rows.items()}
        seen = dict(zip(self.seen, to_json(list(self.seen.values())), strict=True))
        return {"rows": rows, "seen": seen, "promoted": list(self.promoted)}

    def load_json(self, state: Mapping[str, Any]) -> None:
        """Take over a state from :meth:`to_json`."""
        self.rows = {trial: from_json(row) for trial, row in state["rows"].items()}
        self.seen = dict(zip(state["seen"], from_json(list(state["seen"].values())), strict=True))
        self.promoted = dict.fromkeys(state["promoted"])
