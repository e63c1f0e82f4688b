"""From a report to the score a trial competes with."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from neurocap_search.prediction import Prediction, Predictor, Report
from neurocap_search.pruning.rungs import Score


class Scorer:
    """Scores trials by a metric or, with a predictor, by the final metric it predicts.

    It keeps the reports a prediction rests on, and teaches the predictor with every trial that has
    been trained to the end.

    Args:
        metric: Name of the number in the reports.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        predictor: Predicts the final metric from the reports so far; None keeps no reports.

    Attributes:
        sign: 1 if larger is better, -1 otherwise; scores are multiplied by it.
    """

    def __init__(self, metric: str, mode: str, predictor: Predictor | None) -> None:
        self.metric, self.sign = metric, 1 if mode == "max" else -1
        self.predictor = predictor
        self._histories: dict[str, list[Report]] = {}
        self._finals: dict[str, float] = {}

    @property
    def predictor(self) -> Predictor | None:
        """The predictor, if any."""
        return self._predictor

    @predictor.setter
    def predictor(self, predictor: Predictor | None) -> None:
        self._predictor = predictor
        # One that learns could say something else later, and one that looks at another metric could fail.
        sees_metric = self.metric in getattr(predictor, "signals", ())
        self._can_wait = sees_metric and not getattr(predictor, "learns", True)

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric first, then what the predictor looks at, as far as it says."""
        more = getattr(self.predictor, "signals", ())
        return (self.metric, *(name for name in more if name != self.metric))

    def predict(self, trial_id: str, report: Report) -> Prediction | None:
        """Remember a report with a finite metric and return the prediction, if there is a predictor.

        Reports from within the first epoch are not remembered: predictors look at whole epochs.
        """
        if self._predictor is None or report.is_early:
            return None
        return self._predictor.predict(self._remember(trial_id, report))

    def predict_later(self, trial_id: str, report: Report) -> Prediction | Callable[[], Prediction] | None:
        """Do the same where nothing is decided by it: if possible the prediction is made when it is read."""
        predictor = self._predictor
        if predictor is None or report.is_early:
            return None
        history = self._remember(trial_id, report)
        if not self._can_wait:
            return predictor.predict(history)
        return partial(_predict_from, predictor, history, len(history))

    def score(self, value: float, prediction: Prediction | None = None) -> Score:
        """Return the score of a metric with its prediction, which counts only if it is a real one."""
        if prediction is None or prediction.fallback is not None or not math.isfinite(prediction.mean):
            return Score(self.sign * value, None)
        return Score(self.sign * value, self.sign * prediction.mean)

    def learn(self, trial_id: str, final: float) -> None:
        """Learn the final metric of a fully trained trial."""
        if self.predictor is not None:
            self._finals[trial_id] = final
            self._fit(self.predictor)

    def forget(self, trial_id: str) -> None:
        """Drop the reports of a trial that has ended before its time: no prediction needs them."""
        if trial_id not in self._finals:
            self._histories.pop(trial_id, None)

    def state_dict(self) -> dict[str, Any]:
        """Return histories and final metrics as JSON-ready values."""
        histories = {t: [r.to_json() for r in h] for t, h in self._histories.items()}
        return {"histories": histories, "finals": dict(self._finals)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`, and teach the predictor what it knew."""
        self._histories = {t: [Report.from_json(r) for r in h] for t, h in state["histories"].items()}
        self._finals = dict(state["finals"])
        if self.predictor is not None and self._finals:
            self._fit(self.predictor)

    def _remember(self, trial_id: str, report: Report) -> list[Report]:
        """Return the trial's reports with the new one; a list returned before only ever grows."""
        history = self._histories.get(trial_id)
        if not history or history[-1].epoch >= report.epoch:
            # A trial that has started over gets a new list: two trainings must not be mixed.
            history = [earlier for earlier in history or () if earlier.epoch < report.epoch]
            self._histories[trial_id] = history
        history.append(report)
        return history

    def _fit(self, predictor: Predictor) -> None:
        histories = [self._histories.get(trial_id, []) for trial_id in self._finals]
        predictor.fit(histories, list(self._finals.values()))


def _predict_from(predictor: Predictor, history: list[Report], count: int) -> Prediction:
    """Return the prediction as it was when the history had ``count`` reports."""
    return predictor.predict(history[:count])
