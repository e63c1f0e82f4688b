"""From a score that only orders trials to the unit of the metric."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Calibration(NamedTuple):
    """The straight line from scores to final metrics that finished trials lie along.

    Attributes:
        slope: Change of the metric by one unit of the score.
        center: Mean score and mean metric, a point of the line.
        noise: Standard deviation of the trials around the line, with n - 2 degrees of freedom.
        trials: Number n of them.
        spread: Sum of the scores' squared deviations from their mean.
    """

    slope: float
    center: tuple[float, float]
    noise: float
    trials: int
    spread: float

    def predict(self, score: float) -> tuple[float, float]:
        r"""Return mean and standard deviation of the metric of a new trial.

        The deviation is that of a new observation in least squares,
        :math:`s \sqrt{1 + 1/n + (x - \bar x)^2 / \sum_i (x_i - \bar x)^2}`.
        """
        distance = score - self.center[0]
        wider = 1 + 1 / self.trials + distance * distance / self.spread
        return self.center[1] + self.slope * distance, self.noise * math.sqrt(wider)


def calibrate(scores: Sequence[float], finals: Sequence[float]) -> Calibration | None:
    """Fit a line by least squares; None where the line would not keep the order of the scores.

    When not to use it: for scores whose relation to the metric is far from straight; the order of the
    predictions is the scores' all the same.

    Args:
        scores: Of finished trials, at least 3; signed so that the metric should grow with them.
        finals: Their final metrics.

    Returns:
        The line, or None if all scores are equal or the metric falls as they grow.

    Example:
        >>> calibrate([1, 2, 3, 4], [0.5, 0.6, 0.7, 0.8]).predict(5)[0]
        0.9
        >>> calibrate([1, 2, 3, 4], [0.8, 0.7, 0.6, 0.5]) is None
        True
    """
    x, y = np.asarray(scores, dtype=float), np.asarray(finals, dtype=float)
    center = float(x.mean()), float(y.mean())
    x, y = x - center[0], y - center[1]
    spread = float(x @ x)
    slope = float(x @ y) / spread if spread > 0 else 0.0
    if not (slope > 0 and math.isfinite(slope)):
        return None
    residual = y - slope * x
    noise = math.sqrt(float(residual @ residual) / (len(x) - 2))
    return Calibration(slope, center, noise, len(x), spread)
