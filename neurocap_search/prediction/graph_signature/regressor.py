"""The final metric of a trial from the signature of its graph, for pruning policies."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.model_selection import KFold, cross_val_predict

from neurocap_search.prediction.arguments import Bounds, Mode, check_bounds, check_mode, clip
from neurocap_search.prediction.graph_signature.features import SignatureFeatures
from neurocap_search.prediction.graph_signature.models import ModelKind, make_regressor
from neurocap_search.prediction.prediction import Prediction
from neurocap_search.prediction.report import History
from neurocap_search.prediction.seen_curve import best_seen

_FOLDS = 5


class _Fitted(NamedTuple):
    model: Any
    std: float


class SignatureRegressor:
    """Predicts the final metric from the signature of a trial's graph (arXiv 2111.05410, 2209.05488).

    One regression is learned for each number of epochs seen, up to those of the signature, when the first
    prediction asks for it. Its spread is the root mean square of the errors in five-fold cross-validation
    among the finished trials.

    When not to use it: with few finished trials, or with architectures of very different size; and where the
    metric itself is reported: on the population measured the value last seen predicted better
    (``docs/graph_signatures.md``).

    Before ``min_trials`` trials have finished, or where a trial reports none of the numbers, it answers with
    the best value seen and says why in :attr:`Prediction.fallback`.

    Args:
        features: Which reported numbers over which epochs.
        metric: Name of the predicted number in the reports.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        bounds: Range the metric cannot leave; predictions are clipped to it. None: no clipping.
        kind: Family of the model, see ``make_regressor``.
        min_trials: Fewest finished trials to learn from, at least 5.
        seed: Draws the forest and the folds.

    Raises:
        ValueError: On a mode other than max and min, bounds out of order, an unknown kind or ``min_trials``
            below 5.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> def trial(x: float) -> list[Report]:
        ...     return [Report(1, {"degree_mean": x, "val_accuracy": 0.1})]
        >>> regressor = SignatureRegressor(SignatureFeatures(("degree_mean",)), kind="linear")
        >>> regressor.predict(trial(1.0)).fallback
        '0 of 10 finished trials'
        >>> finished = [x / 10 for x in range(20)]
        >>> _ = regressor.fit([trial(x) for x in finished], [0.4 * x for x in finished])
        >>> print(regressor.predict(trial(1.0)))
        0.399 ± 0.033
    """

    name: ClassVar[str] = "graph_signature"
    learns: bool = True

    def __init__(
        self,
        features: SignatureFeatures | None = None,
        *,
        metric: str = "val_accuracy",
        mode: Mode = "max",
        bounds: Bounds = None,
        kind: ModelKind = "svm",
        min_trials: int = 10,
        seed: int = 0,
    ) -> None:
        check_mode(mode)
        check_bounds(bounds)
        if min_trials < _FOLDS:
            raise ValueError(f"min_trials must be at least {_FOLDS}, the folds, received {min_trials}.")
        make_regressor(kind)  # an unknown kind is an error now, not when trials have finished
        self.features = features or SignatureFeatures()
        self.metric, self.mode, self.bounds = metric, mode, bounds
        self.kind, self.min_trials, self.seed = kind, min_trials, seed
        self.fit([], [])

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it looks at."""
        return tuple(dict.fromkeys((self.metric, *self.features.names)))

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Learn from finished trials; those that ended at no finite value are left out."""
        pairs = zip(histories, finals, strict=True)
        self._trials = [(history, final) for history, final in pairs if math.isfinite(final)]
        self._fitted: dict[int, _Fitted] = {}
        return self

    def predict(self, history: History) -> Prediction:
        """Predict the final metric from the reports seen so far.

        Args:
            history: Reports of one trial; those after the signature's epochs are not looked at.

        Returns:
            The prediction; its ``fallback`` says why where it is only the best value seen.

        Raises:
            ValueError: If it must fall back and no report has a finite metric.
        """
        seen = self.features.seen(history)
        signature = self.features.of(history)
        if np.isnan(signature).all():
            names = ", ".join(self.features.names)
            return best_seen(self, history, f"no finite {names} in the first {self.features.epochs} epochs")
        learned = [(trial, final) for trial, final in self._trials if self.features.seen(trial) >= seen]
        if len(learned) < self.min_trials:
            return best_seen(self, history, f"{len(learned)} of {self.min_trials} finished trials")
        if seen not in self._fitted:
            self._fitted[seen] = self._learn(learned, seen)
        model, std = self._fitted[seen]
        epochs = tuple(report.epoch for report in history if report.epoch <= seen)
        mean = clip(float(model.predict(signature[None])[0]), self.bounds)
        return Prediction(mean, std, self.name, epochs)

    def _learn(self, trials: Sequence[tuple[History, float]], epochs: int) -> _Fitted:
        X = self.features.matrix([history for history, _ in trials], epochs)
        y = np.array([final for _, final in trials])
        model = make_regressor(self.kind, seed=self.seed)
        folds = KFold(_FOLDS, shuffle=True, random_state=self.seed)
        errors = cross_val_predict(model, X, y, cv=folds) - y
        return _Fitted(model.fit(X, y), float(np.sqrt(np.mean(errors**2))))
