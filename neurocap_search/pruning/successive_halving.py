"""Asynchronous successive halving, on the metric seen or on its predicted final value."""

import math
from typing import Any, Literal

import numpy as np

from neurocap_search.prediction import Prediction, Predictor, Report
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.policy import PruningPolicy, check_state, fully_trained
from neurocap_search.pruning.reasons import rung_reason
from neurocap_search.pruning.rungs import Rung, Score, Verdict, bracket_rungs

_STATE = ("successive_halving", 1)


class SuccessiveHalvingPolicy(PruningPolicy):
    r"""Stops a trial that is not among the top :math:`1/\eta` of those that reached its rung before it.

    Rungs lie at ``grace_period * reduction_factor**k`` epochs. Without a ``predictor`` (or where it
    can make no prediction) the decisions are those of Ray's ``AsyncHyperBandScheduler`` (ASHA, Li et
    al., MLSys 2020), stopping type, with the same arguments. With one, trials compete by predicted
    final metric: a slow starter is kept if it is predicted to end high.

    When not to use it: the first trials at a rung have nobody to be compared with and always pass,
    so with fewer than about ``2 * reduction_factor`` trials hardly anything is pruned. With rungs
    below epoch 3 :class:`~neurocap_search.prediction.CapacitanceRidge` has too few points to predict.

    Args:
        metric: Name of the number in the reports that trials compete by.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.
        grace_period: Epochs before the first rung.
        reduction_factor: One in how many goes on at each rung, above 1.
        brackets: Number of brackets; each skips one more of the lowest rungs.
        predictor: Predicts the final metric from the reports so far.
        rng: Draws the bracket of a trial; needed only with several brackets.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> policy = SuccessiveHalvingPolicy(metric="acc", max_t=9, grace_period=1, reduction_factor=2)
        >>> _ = policy.on_report("good", Report(1, {"acc": 0.9}))
        >>> print(policy.on_report("bad", Report(1, {"acc": 0.1})).reason)
        epoch 1: acc 0.100 is below 0.900, the cut-off for the top 1/2 of the one trial before it
    """

    def __init__(
        self,
        *,
        metric: str,
        mode: Literal["max", "min"] = "max",
        max_t: float = 100,
        grace_period: float = 1,
        reduction_factor: float = 4,
        brackets: int = 1,
        predictor: Predictor | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        _check(mode, max_t, grace_period, reduction_factor, brackets)
        self.metric, self.mode, self.max_t = metric, mode, max_t
        self.reduction_factor, self.predictor = reduction_factor, predictor
        self._sign = 1 if mode == "max" else -1
        self._rng = rng if rng is not None else np.random.default_rng(0)
        self._brackets = [bracket_rungs(grace_period, max_t, reduction_factor, s) for s in range(brackets)]
        self._bracket_of: dict[str, int] = {}
        self._histories: dict[str, list[Report]] = {}
        self._finals: dict[str, float] = {}

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Judge the trial if the report reaches a rung it was not judged at, else let it go on."""
        value = report.get(self.metric)
        if value is None:
            return Decision(Action.CONTINUE, report.epoch, self._missing(report))
        history = self._remember(trial_id, report)
        if not math.isfinite(value):
            why = f"epoch {report.epoch}: {self.metric} is {value}; the training has diverged"
            return Decision(Action.STOP, report.epoch, why, pruned=report.epoch < self.max_t)
        prediction = self.predictor.predict(history) if self.predictor else None
        if report.epoch >= self.max_t:
            end = fully_trained(report.epoch, self.max_t)
            return Decision(end.action, end.epoch, end.reason, prediction)
        return self._compete(trial_id, report.epoch, self._score(value, prediction), prediction)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Keep the score at the end as ASHA does, and learn from a fully trained trial."""
        value = report.get(self.metric) if report else None
        if report is None or value is None or not math.isfinite(value):
            return
        self._record(trial_id, report.epoch, self._score(value, None))
        if report.epoch >= self.max_t:
            self._finals[trial_id] = value
            if self.predictor:
                self._fit(self.predictor)

    def state_dict(self) -> dict[str, Any]:
        """Return rungs, histories, final metrics and the generator's state."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "brackets": [[rung.to_json() for rung in rungs] for rungs in self._brackets],
            "bracket_of": dict(self._bracket_of),
            "histories": {t: [r.to_json() for r in h] for t, h in self._histories.items()},
            "finals": dict(self._finals),
            "rng": _without_arrays(self._rng.bit_generator.state),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE)
        if state["settings"] != self._settings():
            raise ValueError(
                f"The state belongs to a policy with {state['settings']}, this one has {self._settings()}. "
                "Load it into a policy with the same arguments."
            )
        self._brackets = [[Rung.from_json(rung) for rung in rungs] for rungs in state["brackets"]]
        self._bracket_of = dict(state["bracket_of"])
        self._histories = {t: [Report.from_json(r) for r in h] for t, h in state["histories"].items()}
        self._finals = dict(state["finals"])
        self._rng.bit_generator.state = state["rng"]
        if self.predictor and self._finals:
            self._fit(self.predictor)

    def _fit(self, predictor: Predictor) -> None:
        histories = [self._histories.get(trial_id, []) for trial_id in self._finals]
        predictor.fit(histories, list(self._finals.values()))

    def _settings(self) -> dict[str, Any]:
        milestones = [[rung.milestone for rung in rungs] for rungs in self._brackets]
        settings = {name: getattr(self, name) for name in ("metric", "mode", "max_t", "reduction_factor")}
        return {**settings, "milestones": milestones}

    def _remember(self, trial_id: str, report: Report) -> list[Report]:
        """Append the report; a trial that started over forgets what came at or after this epoch."""
        seen = [r for r in self._histories.get(trial_id, []) if r.epoch < report.epoch]
        self._histories[trial_id] = [*seen, report]
        return self._histories[trial_id]

    def _score(self, value: float, prediction: Prediction | None) -> Score:
        real = prediction is not None and prediction.fallback is None
        return Score(self._sign * value, self._sign * prediction.mean if prediction and real else None)

    def _compete(self, trial_id: str, epoch: int, score: Score, prediction: Prediction | None) -> Decision:
        judged = self._record(trial_id, epoch, score)
        if judged is None:
            return Decision(Action.CONTINUE, epoch, f"epoch {epoch}: between rungs", prediction)
        action = Action.CONTINUE if judged.keeps else Action.STOP
        why = rung_reason(self.metric, self._sign, self.reduction_factor, score, judged, prediction)
        return Decision(action, epoch, f"epoch {epoch}: {why}", prediction, pruned=not judged.keeps)

    def _record(self, trial_id: str, epoch: int, score: Score) -> Verdict | None:
        """Enter the score at the highest rung reached that lacks this trial, as ASHA does."""
        for rung in self._brackets[self._bracket(trial_id)]:
            if epoch >= rung.milestone and trial_id not in rung.scores:
                verdict = rung.judge(score, self.reduction_factor)
                rung.scores[trial_id] = score
                return verdict
        return None

    def _bracket(self, trial_id: str) -> int:
        """Return the trial's bracket, drawn on first sight with probability by number of rungs."""
        if len(self._brackets) == 1:
            return 0
        if trial_id not in self._bracket_of:
            sizes = np.array([len(rungs) for rungs in self._brackets], dtype=float)
            odds = np.exp(sizes - sizes.max())
            self._bracket_of[trial_id] = int(self._rng.choice(len(sizes), p=odds / odds.sum()))
        return self._bracket_of[trial_id]

    def _missing(self, report: Report) -> str:
        return f"epoch {report.epoch}: {self.metric!r} is not among the reported {sorted(report.metrics)}"


def _without_arrays(value: Any) -> Any:
    """Return nested values with arrays as lists: some generators keep arrays in their state."""
    if isinstance(value, dict):
        return {key: _without_arrays(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _check(mode: str, max_t: float, grace_period: float, reduction_factor: float, brackets: int) -> None:
    if mode not in ("max", "min"):
        raise ValueError(f"mode must be 'max' or 'min', received {mode!r}.")
    if max_t <= 0:
        raise ValueError(f"max_t must be above 0, received {max_t}.")
    if not 1 <= grace_period <= max_t:
        raise ValueError(f"grace_period must be from 1 to max_t = {max_t:g}, received {grace_period}.")
    if reduction_factor <= 1:
        raise ValueError(f"reduction_factor must be above 1, received {reduction_factor}.")
    if brackets < 1:
        raise ValueError(f"brackets must be at least 1, received {brackets}.")
