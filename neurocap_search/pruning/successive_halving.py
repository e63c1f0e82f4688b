"""Asynchronous successive halving, stopping type, on the metric seen or on its predicted final value."""

from math import isfinite
from typing import Any, Literal

import numpy as np

from neurocap_search.prediction import Prediction, Predictor, Report
from neurocap_search.prediction.arguments import check_at_least
from neurocap_search.pruning.arguments import check_halving, check_state
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.outcomes import between_rungs, fully_trained, not_comparable, usable
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.reasons import rung_reason
from neurocap_search.pruning.rungs import Rung, bracket_rungs
from neurocap_search.pruning.scorer import Scorer

_STATE = ("successive_halving", 2)


class SuccessiveHalvingPolicy(PruningPolicy):
    r"""Stops a trial that is not among the top :math:`1/\eta` of those that reached its rung before it.

    Rungs lie at ``grace_period * reduction_factor**k`` epochs. Without a ``predictor`` (or where it
    can make no prediction) the decisions are those of Ray's ``AsyncHyperBandScheduler`` (ASHA, Li et
    al., MLSys 2020), stopping type, with the same arguments. With one, trials compete by predicted
    final metric: a slow starter is kept if it is predicted to end high.

    When not to use it: the first trials at a rung have nobody to be compared with and always pass,
    so with fewer than about ``2 * reduction_factor`` trials hardly anything is pruned;
    :class:`PromotionHalvingPolicy` prunes from the first trial on, but needs checkpoints. With rungs
    below epoch 3 :class:`~neurocap_search.prediction.CapacitanceRidge` has too few points to predict.

    Args:
        metric: Name of the number in the reports that trials compete by.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.
        grace_period: Epochs before the first rung.
        reduction_factor: One in how many goes on at each rung, above 1.
        brackets: Number of brackets; each skips one more of the lowest rungs. As in Ray a trial's
            bracket is drawn at random; :class:`HyperbandPolicy` shares trials out as Hyperband does.
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
        check_halving(mode, max_t, grace_period, reduction_factor)
        check_at_least("brackets", brackets, 1)
        self.metric, self.mode, self.max_t = metric, mode, max_t
        self.reduction_factor = reduction_factor
        self._scorer = Scorer(metric, mode, predictor)
        self._rng = rng if rng is not None else np.random.default_rng(0)
        self._brackets = [bracket_rungs(grace_period, max_t, reduction_factor, s) for s in range(brackets)]
        self._bracket_of: dict[str, int] = {}

    @property
    def predictor(self) -> Predictor | None:
        """The predictor of the final metric, if any."""
        return self._scorer.predictor

    @predictor.setter
    def predictor(self, predictor: Predictor | None) -> None:
        self._scorer.predictor = predictor

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric, and what the predictor looks at."""
        return self._scorer.signals

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs of the rungs below ``max_t``."""
        rungs = (rung.milestone for rungs in self._brackets for rung in rungs)
        return tuple(sorted({milestone for milestone in rungs if milestone < self.max_t}))

    def on_add(self, trial_id: str) -> None:
        """Draw the trial's bracket, so that it does not depend on which trial reports first."""
        self._bracket(trial_id)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Judge the trial if the report reaches a rung it was not judged at, else let it go on."""
        value, epoch = report.metrics.get(self.metric), report.epoch
        if value is None or not isfinite(value):
            return self._turn_away(trial_id, report)
        if epoch >= self.max_t:
            decision = fully_trained(epoch, self.max_t)
        elif (rung := self._rung_to_enter(trial_id, epoch)) is not None:
            return self._compete(rung, trial_id, epoch, value, self._scorer.predict(trial_id, report))
        else:
            decision = between_rungs(epoch)
        return decision.with_prediction(self._scorer.predict_later(trial_id, report))

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Keep the score at the end as ASHA does, and learn from a fully trained trial."""
        value = report.get(self.metric) if report else None
        if report is not None and usable(value):
            rung = self._rung_to_enter(trial_id, report.epoch)
            if rung is not None:
                rung.enter(trial_id, self._scorer.score(value))
            if report.epoch >= self.max_t:
                self._scorer.learn(trial_id, value)
        self._scorer.forget(trial_id)

    def state_dict(self) -> dict[str, Any]:
        """Return rungs, what the predictor rests on, and the generator's state."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "brackets": [[rung.to_json() for rung in rungs] for rungs in self._brackets],
            "bracket_of": dict(self._bracket_of),
            "scorer": self._scorer.state_dict(),
            "rng": _without_arrays(self._rng.bit_generator.state),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings())
        self._brackets = [[Rung.from_json(rung) for rung in rungs] for rungs in state["brackets"]]
        self._bracket_of = dict(state["bracket_of"])
        self._scorer.load_state_dict(state["scorer"])
        self._rng.bit_generator.state = state["rng"]

    def _settings(self) -> dict[str, Any]:
        milestones = [[rung.milestone for rung in rungs] for rungs in self._brackets]
        settings = {name: getattr(self, name) for name in ("metric", "mode", "max_t", "reduction_factor")}
        return {**settings, "milestones": milestones, "predicts": self.predictor is not None}

    def _turn_away(self, trial_id: str, report: Report) -> Decision:
        decision = not_comparable(self.metric, report)
        if decision.failed:  # nobody shall be measured by a trial that came to nothing
            for rung in self._brackets[self._bracket(trial_id)]:
                rung.withdraw(trial_id)
        return decision

    def _compete(
        self, rung: Rung, trial_id: str, epoch: float, value: float, prediction: Prediction | None
    ) -> Decision:
        metric, sign, share = self.metric, self._scorer.sign, self.reduction_factor
        score = self._scorer.score(value, prediction)
        verdict = rung.judge(score, share)
        rung.enter(trial_id, score)

        def reason() -> str:
            return f"epoch {epoch}: {rung_reason(metric, sign, share, score, verdict, prediction)}"

        action = Action.CONTINUE if verdict.keeps else Action.STOP
        return Decision(action, epoch, reason, prediction, pruned=not verdict.keeps)

    def _rung_to_enter(self, trial_id: str, epoch: float) -> Rung | None:
        """Return the highest rung reached that lacks this trial, as ASHA does."""
        rungs = self._brackets[0 if len(self._brackets) == 1 else self._bracket(trial_id)]
        for rung in rungs:
            if epoch >= rung.milestone and trial_id not in rung.scores:
                return rung
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


def _without_arrays(value: Any) -> Any:
    """Return nested values with arrays as lists: some generators keep arrays in their state."""
    if isinstance(value, dict):
        return {key: _without_arrays(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
