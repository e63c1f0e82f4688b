"""What predictors that extrapolate a trial's own learning curve have in common."""

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from neurocap_search.prediction.arguments import (
    Bounds,
    Mode,
    check_at_least,
    check_bounds,
    check_mode,
    clip,
)
from neurocap_search.prediction.learning_curve.families import Family
from neurocap_search.prediction.learning_curve.mixture import Mixture, shares
from neurocap_search.prediction.learning_curve.posterior import fit_family
from neurocap_search.prediction.learning_curve.unit_scale import UnitScale, unit_scale
from neurocap_search.prediction.prediction import Prediction
from neurocap_search.prediction.report import History
from neurocap_search.prediction.seen_curve import SeenCurve, best_seen, seen_curve


class CurveExtrapolation(ABC):
    """Fits families of curves to the epochs seen and reads them off at the last epoch of training.

    Each family is fitted by itself, maximum a posteriori with Laplace's spread, and weighs as much as its
    share of the evidence. A subclass names the :attr:`families`.

    Args:
        final_epoch: The epoch whose metric is predicted: the length of full training.
        metric: Name of the predicted number in the reports.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        bounds: Range the metric cannot leave, such as ``(0, 1)`` for an accuracy: gives the scale of the
            priors, and predictions are clipped to it. None, or an end that is infinite, such as ``(0, inf)``
            for a loss: the scale is guessed from the values seen.
        min_points: Fewest finite points to extrapolate from, at least 2.

    Raises:
        ValueError: On a mode other than max and min, bounds out of order, ``final_epoch`` below 1 or
            ``min_points`` below 2.
    """

    name: ClassVar[str]
    families: ClassVar[tuple[Family, ...]]
    learns: bool = False
    """A prediction rests on its history alone and may be made later."""

    def __init__(
        self,
        *,
        final_epoch: int,
        metric: str = "val_accuracy",
        mode: Mode = "max",
        bounds: Bounds = None,
        min_points: int = 3,
    ) -> None:
        check_mode(mode)
        check_bounds(bounds)
        check_at_least("final_epoch", final_epoch, 1)
        check_at_least("min_points", min_points, 2)
        self.final_epoch, self.metric, self.mode = final_epoch, metric, mode
        self.bounds, self.min_points = bounds, min_points

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it looks at."""
        return (self.metric,)

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Do nothing: each curve is extrapolated by itself."""
        return self

    def predict(self, history: History) -> Prediction:
        """Predict the metric at ``final_epoch`` from at least one report.

        Raises:
            ValueError: If no report has a finite metric.
        """
        curve = seen_curve(history, self.metric)
        if len(curve.values) < self.min_points:
            why = f"{len(curve.values)} of {self.min_points} usable {self.metric} values"
            return best_seen(self, history, why)
        scale = unit_scale(curve, self.mode, self.bounds)
        mixture = self._extrapolate(curve, scale)
        mean = clip(scale.to_metric(mixture.mean), self.bounds)
        return Prediction(mean, mixture.std * scale.length, self.name, curve.epochs)

    def probability_better(self, history: History, than: float) -> float:
        """Return the probability that the final metric is better than ``than``.

        The paper stops a trial when this falls below 0.05, with the best final metric so far.

        Raises:
            ValueError: If fewer than ``min_points`` reports have a finite metric.
        """
        curve = seen_curve(history, self.metric)
        check_at_least(f"number of usable {self.metric} values", len(curve.values), self.min_points)
        scale = unit_scale(curve, self.mode, self.bounds)
        return self._extrapolate(curve, scale).above(scale.to_unit(than))

    def _extrapolate(self, curve: SeenCurve, scale: UnitScale) -> Mixture:
        epochs = np.array(curve.epochs, dtype=float)
        values = np.array([scale.to_unit(value) for value in curve.values])
        fits = [fit_family(family, epochs, values) for family in self.families]
        last = max(self.final_epoch, curve.epochs[-1])
        means, stds = zip(*(fit.at(last) for fit in fits), strict=True)
        limits = scale.limits(self.bounds)
        return Mixture(shares([fit.log_evidence for fit in fits]), [clip(m, limits) for m in means], stds)
