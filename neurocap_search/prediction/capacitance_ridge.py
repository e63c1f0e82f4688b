r"""The paper's predictor: extrapolate the metric to beta_eff = 0."""

import math
import sys
from collections.abc import Sequence
from operator import mul
from typing import ClassVar, NamedTuple, Self

from neurocap_search.prediction.arguments import Bounds, Mode, check_bounds, check_mode, clip
from neurocap_search.prediction.prediction import Prediction
from neurocap_search.prediction.report import History
from neurocap_search.prediction.seen_curve import best_seen, seen_curve


class _Points(NamedTuple):
    beta: list[float]
    metric: list[float]
    epochs: tuple[float, ...]


class CapacitanceRidge:
    r"""Bayesian ridge regression of a trial's metric on beta_eff, read off at beta_eff = 0.

    Neural capacitance vanishes when training converges, so the metric :math:`I` is regressed on
    beta_eff over the epochs seen, :math:`I = \theta_0 + \theta_1 x`, :math:`x = \beta / \max|\beta|`, and
    predicted as the intercept :math:`\theta_0`. With noise precision :math:`a` and posterior variance
    :math:`\Sigma` of the slope, found by evidence maximisation, the spread at :math:`x = 0` is
    :math:`\sqrt{1/a + \bar x^2 \Sigma + 1/(a n)}`: noise, slope and offset (scikit-learn's own
    ``return_std`` leaves the offset out). beta_eff is divided by its largest size, and the metric by its
    standard deviation, because the ridge is not scale-free; beta_eff is not shifted: 0 must stay 0.

    When not to use it: a network that cannot fit its training data stops at beta_eff other than 0
    and is over-predicted; on many tasks the last training loss ranks networks better.

    Where it cannot extrapolate (fewer than ``min_points`` finite points, a constant beta_eff, a metric
    that gets worse as beta_eff goes to 0, or an extrapolation worse than what the trial has already
    reached) it answers with the best value seen and says why in :attr:`Prediction.fallback`.

    Source: arXiv 2201.04194; Nature Communications 15 (2024), doi 10.1038/s41467-024-48069-8. The
    guards above are this project's.

    Args:
        metric: Name of the predicted number in the reports.
        capacitance: Name of beta_eff in the reports.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        bounds: Range the metric cannot leave, such as ``(0, 1)`` for an accuracy; predictions are
            clipped to it. None: no clipping.
        min_points: Fewest finite points to extrapolate from, at least 3.

    Raises:
        ValueError: On a mode other than max and min, bounds out of order or ``min_points`` below 3.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> points = [(0.9, 0.50), (0.7, 0.60), (0.6, 0.66), (0.45, 0.72), (0.4, 0.75)]
        >>> history = [Report(t, {"beta_eff": b, "val_accuracy": y}) for t, (b, y) in enumerate(points, 1)]
        >>> print(CapacitanceRidge(bounds=(0, 1)).predict(history))
        0.948 ± 0.010
    """

    def __init__(
        self,
        *,
        metric: str = "val_accuracy",
        capacitance: str = "beta_eff",
        mode: Mode = "max",
        bounds: Bounds = None,
        min_points: int = 3,
    ) -> None:
        check_mode(mode)
        check_bounds(bounds)
        if min_points < 3:
            raise ValueError(f"min_points must be at least 3 to leave a residual, received {min_points}.")
        self.metric, self.capacitance, self.mode = metric, capacitance, mode
        self.bounds, self.min_points = bounds, min_points

    name: ClassVar[str] = "capacitance_ridge"
    learns: bool = False
    """A prediction rests on its history alone and may be made later; True in a subclass whose fit learns."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it looks at."""
        return (self.metric, self.capacitance)

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Do nothing: the paper fits one regression for each trial and learns nothing across trials."""
        return self

    def predict(self, history: History) -> Prediction:
        """Predict the final metric from the reports seen so far.

        Args:
            history: Reports of one trial; those without a finite metric or beta_eff are left out, and those
                from within the first epoch.

        Returns:
            The prediction; its ``fallback`` says why where it is only the best value seen.

        Raises:
            ValueError: If no report has a finite metric.
        """
        beta, metric, epochs = self._points(history)
        if len(beta) < self.min_points:
            return self._fall_back(history, f"{len(beta)} of {self.min_points} usable beta_eff values")
        largest = max(map(abs, beta))
        if max(beta) - min(beta) <= 1e-12 * largest:
            return self._fall_back(history, "beta_eff does not change")
        mean, std = _ridge_at_zero([b / largest for b in beta], metric)
        sign = 1 if self.mode == "max" else -1
        if sign * (mean - math.fsum(metric) / len(metric)) <= 0:
            return self._fall_back(history, f"{self.metric} does not improve as beta_eff goes to 0")
        if sign * mean < sign * clip(seen_curve(history, self.metric).best(self.mode), self.bounds):
            return self._fall_back(history, "the extrapolation is worse than what was already seen")
        return Prediction(clip(mean, self.bounds), std, self.name, epochs)

    def _points(self, history: History) -> _Points:
        beta: list[float] = []
        metric: list[float] = []
        epochs: list[float] = []
        for report in (whole for whole in history if not whole.is_early):
            b, y = report.metrics.get(self.capacitance), report.metrics.get(self.metric)
            if b is not None and y is not None and math.isfinite(b) and math.isfinite(y):
                beta.append(b)
                metric.append(y)
                epochs.append(report.epoch)
        return _Points(beta, metric, tuple(epochs))

    def _fall_back(self, history: History, why: str) -> Prediction:
        """Answer with the best value seen; how much the values differ stands for the spread."""
        values = seen_curve(history, self.metric).values
        std = math.sqrt(_squares(values) / (len(values) - 1)) if len(values) > 1 else None
        return best_seen(self, history, why, std=std)


def _ridge_at_zero(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation of the prediction at x = 0.

    For one feature the evidence maximisation of scikit-learn's BayesianRidge, with its flat priors
    (1e-6), start and tolerance, needs only sums: the same numbers in a twentieth of the time.
    """
    n = len(x)
    scale = math.sqrt(_squares(y) / n) or 1.0
    x_mean, y_mean = math.fsum(x) / n, math.fsum(y) / n / scale
    xs, ys = [a - x_mean for a in x], [b / scale - y_mean for b in y]
    xx, xy = _dot(xs, xs), _dot(xs, ys)
    steepest = xy / xx  # the slope of least squares
    errors = [b - steepest * a for a, b in zip(xs, ys, strict=True)]
    residual = _dot(errors, errors)
    noise_precision = 1 / (_dot(ys, ys) / n + sys.float_info.epsilon)
    slope_precision, slope = 1.0, math.inf
    for _ in range(300):
        before, slope = slope, xy / (xx + slope_precision / noise_precision)
        determined = noise_precision * xx / (slope_precision + noise_precision * xx)
        slope_precision = (determined + 2e-6) / (slope * slope + 2e-6)
        noise_precision = (n - determined + 2e-6) / (residual + xx * (slope - steepest) ** 2 + 2e-6)
        if abs(slope - before) < 1e-3:
            break
    slope = xy / (xx + slope_precision / noise_precision)
    variance = 1 / noise_precision + x_mean * x_mean / (noise_precision * xx + slope_precision)
    return scale * (y_mean - slope * x_mean), scale * math.sqrt(variance + 1 / (noise_precision * n))


def _squares(values: Sequence[float]) -> float:
    """Return the sum of squared deviations from the mean."""
    mean = math.fsum(values) / len(values)
    deviations = [value - mean for value in values]
    return _dot(deviations, deviations)


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(map(mul, left, right))
