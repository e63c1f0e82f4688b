"""Regression of the final metric on the curve so far, learnt from finished trials."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from neurocap_search.prediction.arguments import (
    Bounds,
    Mode,
    check_at_least,
    check_bounds,
    check_mode,
    clip,
)
from neurocap_search.prediction.learning_curve.curve_features import curve_features, first_finite, reported
from neurocap_search.prediction.learning_curve.families import Array
from neurocap_search.prediction.learning_curve.finished_trials import FinishedTrials
from neurocap_search.prediction.prediction import Prediction
from neurocap_search.prediction.report import History
from neurocap_search.prediction.seen_curve import best_seen, finite_values, seen_curve

if TYPE_CHECKING:
    from neurocap_search.prediction.learning_curve.support_vector_regression import FittedRegression

_ARCHITECTURE = ("parameters", "multiply_adds", "learning_rate")


class CurveRegression:
    r"""Support vector regression of the final metric on the curve so far (BGRN, also called LcSVR).

    The features are the values of the epochs seen, their first and second differences, and what the
    reports say of the network and its hyper-parameters. Each number of epochs has a model of its own, a
    :math:`\nu`-SVR with a Gaussian kernel on standardised numbers, fitted when it is first asked for (so has
    each pattern of missing epochs). The spread is the root mean square of its residuals out of fold, the same
    for all trials; C, nu and gamma for a fold are chosen by the others. It stays a little narrow with few
    trials: by a twentieth on pure noise with ten.

    When not to use it: in short searches, since it learns from fully trained trials only; where the trials
    that finish are no fair sample, as pruning makes them: it then sees the good ones only.

    While fewer than ``min_trials`` have finished it answers with the best value seen and says so in
    :attr:`Prediction.fallback`.

    Source: Baker, Gupta, Raskar, Naik, Accelerating Neural Architecture Search using Performance Prediction
    (arXiv 1705.10823). The paper chooses C, nu and gamma among 1,000 random settings; here 20 are the
    default, because a model is fitted anew whenever a trial has finished.

    Args:
        metric: Name of the predicted number in the reports.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        bounds: Range the metric cannot leave; predictions are clipped to it.
        features: Names of reported numbers that describe the network and its training; the first report of
            each counts. One that this trial or a finished one does not report is left out.
        min_trials: Finished trials to learn from, at least 5.
        candidates: Random settings of C, nu and gamma to choose from by cross-validation, scikit-learn's
            own among them; 0 takes those, which is quick and clearly worse.
        seed: Of the folds and the candidates.

    Raises:
        ValueError: On a mode other than max and min, bounds out of order, ``min_trials`` below 5 or
            ``candidates`` below 0.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> def trial(end):
        ...     return [Report(t, {"val_accuracy": end * (1 - 0.5**t)}) for t in (1, 2, 3)]
        >>> ends = [0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95]
        >>> regression = CurveRegression().fit([trial(end) for end in ends], ends)
        >>> print(regression.predict(trial(0.72)[:2]))
        0.720 ± 0.010
        >>> regression.fit([], []).predict(trial(0.72)).fallback
        '0 of 10 finished trials to learn from'
    """

    name: ClassVar[str] = "curve_regression"
    learns: bool = True

    def __init__(
        self,
        *,
        metric: str = "val_accuracy",
        mode: Mode = "max",
        bounds: Bounds = None,
        features: Sequence[str] = _ARCHITECTURE,
        min_trials: int = 10,
        candidates: int = 20,
        seed: int = 0,
    ) -> None:
        check_mode(mode)
        check_bounds(bounds)
        check_at_least("min_trials", min_trials, 5)
        check_at_least("candidates", candidates, 0)
        self.metric, self.mode, self.bounds = metric, mode, bounds
        self.features, self.min_trials = tuple(features), min_trials
        self.candidates, self.seed = candidates, seed
        self.fit([], [])

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it looks at."""
        return (self.metric, *self.features)

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Learn from finished trials; ``histories[i]`` ended at the metric ``finals[i]``."""
        self._finished = FinishedTrials(histories, finals)
        self._models: dict[tuple[tuple[int, ...], tuple[str, ...]], FittedRegression] = {}
        return self

    def predict(self, history: History) -> Prediction:
        """Predict the final metric from at least one report.

        Raises:
            ValueError: If no report has a finite metric.
        """
        curve = seen_curve(history, self.metric)
        young = self._young(curve.epochs[-1])
        if len(young) < self.min_trials:
            why = f"{len(young)} of {self.min_trials} finished trials to learn from"
            return best_seen(self, history, why)
        told = set(self.features).intersection(
            *(reported(h, self.features) for h, _ in [(history, 0.0), *young])
        )
        names = tuple(name for name in self.features if name in told)
        model = self._model(curve.epochs, names, young)
        mean = clip(model.predict(self._vector(history, curve.epochs, names)), self.bounds)
        return Prediction(mean, model.std, self.name, curve.epochs)

    def _young(self, epoch: float) -> list[tuple[History, float]]:
        """Return what finished trials with a finite metric by ``epoch`` had reported, and their ends."""
        return [
            (h, final) for h, final in self._finished.up_to(epoch) if finite_values(h, self.metric).values
        ]

    def _model(
        self, epochs: tuple[int, ...], names: tuple[str, ...], young: list[tuple[History, float]]
    ) -> "FittedRegression":
        # Only here, because scikit-learn takes half a second to import.
        from neurocap_search.prediction.learning_curve.support_vector_regression import fit_regression

        if (epochs, names) not in self._models:
            x = np.stack([self._vector(history, epochs, names) for history, _ in young])
            y = np.array([final for _, final in young])
            self._models[epochs, names] = fit_regression(x, y, candidates=self.candidates, seed=self.seed)
        return self._models[epochs, names]

    def _vector(self, history: History, epochs: tuple[int, ...], names: tuple[str, ...]) -> Array:
        curve = curve_features(finite_values(history, self.metric), epochs)
        return np.array([*curve, *(first_finite(history, name) for name in names)], dtype=float)
