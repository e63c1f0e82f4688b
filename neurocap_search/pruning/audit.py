"""The trials that are never pruned, so that what pruning costs can be measured without bias."""

from collections.abc import Collection, Mapping
from math import inf
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import kendalltau, rankdata

_LEAST = 8
_TOP = 0.2


class Arrival(NamedTuple):
    """How an audited trial stood when it came to the first rung with a metric.

    Attributes:
        predicted: Share of the cohort that the prediction ranked below it.
        seen: Share of the cohort whose metric was below its own.
    """

    predicted: float
    seen: float


class Estimates(NamedTuple):
    """What the audit says by now.

    Attributes:
        trials: Audited trials that have finished or come to nothing.
        predicted: Kendall's rank correlation of the prediction with the final metric, NaN below two trials.
        seen: The same of the metric at the rung.
        wrongly_pruned: Share of the best fifth of them that the rule would have pruned.
    """

    trials: int
    predicted: float
    seen: float
    wrongly_pruned: float

    @property
    def is_enough(self) -> bool:
        """Whether these are trials enough to judge the prediction by: eight."""
        return self.trials >= _LEAST

    @property
    def trustworthy(self) -> bool:
        """False once eight trials say that the prediction ranks no better than the metric itself."""
        return not self.is_enough or self.predicted > self.seen

    def __str__(self) -> str:
        return (
            f"{self.trials} audited trials: rank correlation {self.predicted:.2f} by prediction, "
            f"{self.seen:.2f} by the metric, {self.wrongly_pruned:.0%} of the best fifth pruned"
        )


class Audit:
    """Draws a share of the trials before they train, and compares how they end with what was predicted.

    Args:
        share: Of the trials, 0 for no audit.
        seed: Draws them, by the order in which they are added.

    Example:
        >>> audit = Audit(0.5, seed=0)
        >>> [audit.draw(trial) for trial in ("a", "b", "c", "a")]
        [False, True, True, False]
    """

    def __init__(self, share: float, seed: int) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"audit must be a share from 0 to 1, received {share}.")
        self.share = share
        self._rng = np.random.default_rng(seed)
        self._drawn: dict[str, bool] = {}
        self._arrivals: dict[str, Arrival] = {}
        self._pruned: dict[str, None] = {}
        self._finals: dict[str, float] = {}

    def draw(self, trial_id: str) -> bool:
        """Return whether a trial is audited; drawn when it is first asked for."""
        if trial_id not in self._drawn:
            self._drawn[trial_id] = bool(self._rng.random() < self.share)
        return self._drawn[trial_id]

    @property
    def trials(self) -> tuple[str, ...]:
        """The audited trials that have come to the first rung with a metric."""
        return tuple(self._arrivals)

    def arrive(self, trial_id: str, arrival: Arrival) -> None:
        """Note how an audited trial stood at the first rung with a metric."""
        self._arrivals.setdefault(trial_id, arrival)

    def prune(self, trial_id: str) -> None:
        """Note that an audited trial would have ended here."""
        self._pruned[trial_id] = None

    def finish(self, trial_id: str, final: float) -> None:
        """Note the final metric of a trial, larger is better; of those not audited nothing is kept."""
        if trial_id in self._arrivals:
            self._finals[trial_id] = final

    def fail(self, trial_id: str) -> None:
        """Note that a trial came to nothing, which is a last place."""
        self.finish(trial_id, -inf)

    def revive(self, trial_id: str) -> None:
        """Note that a trial that came to nothing is tried again."""
        if self._finals.get(trial_id) == -inf:
            del self._finals[trial_id]

    def estimates(self, without_place: Collection[str] = ()) -> Estimates:
        """Return what the audited trials say whose end is known.

        Args:
            without_place: Audited trials that would not go on by now, beside those that would have ended
                for good.
        """
        arrivals = [self._arrivals[trial] for trial in self._finals]
        pruned = np.array([trial in self._pruned or trial in without_place for trial in self._finals])
        finals = rankdata(list(self._finals.values()))
        if len(finals) < 2:
            return Estimates(len(finals), np.nan, np.nan, np.nan)
        wrongly = pruned[finals >= np.quantile(finals, 1 - _TOP)]
        predicted = kendalltau([a.predicted for a in arrivals], finals).statistic
        seen = kendalltau([a.seen for a in arrivals], finals).statistic
        return Estimates(len(finals), _number(predicted), _number(seen), float(np.mean(wrongly)))

    def to_json(self) -> dict[str, Any]:
        """Return the draws and what was found, JSON-ready."""
        return {
            "rng": self._rng.bit_generator.state,
            "drawn": dict(self._drawn),
            "arrivals": {trial: list(arrival) for trial, arrival in self._arrivals.items()},
            "pruned": list(self._pruned),
            "finals": {trial: None if final == -inf else final for trial, final in self._finals.items()},
        }

    def load_json(self, state: Mapping[str, Any]) -> None:
        """Take over a state from :meth:`to_json`."""
        self._rng.bit_generator.state = state["rng"]
        self._drawn, self._pruned = dict(state["drawn"]), dict.fromkeys(state["pruned"])
        self._finals = {trial: -inf if final is None else final for trial, final in state["finals"].items()}
        self._arrivals = {trial: Arrival(*arrival) for trial, arrival in state["arrivals"].items()}


def _number(value: float) -> float:
    """Return 0 where nobody differs and no correlation is defined."""
    return 0.0 if np.isnan(value) else float(value)
