"""From a standing among trials to the final metric in its own unit."""

from math import isfinite
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri, stdtrit

from neurocap_search.prediction.combination.signals import Floats

_LEAST_FINISHED = 3
_SLOPE_SD = 0.5
_PRIOR_TRIALS = 4
_EDGE = 5e-4
"""All images right is not certainty: a metric counts as at least this share of its range from either end."""


class FinalMetric(NamedTuple):
    """Predicted final metrics of a cohort.

    Attributes:
        mean: (trials,), in the metric's unit.
        std: (trials,), None as long as too few trials have finished to tell.
    """

    mean: Floats
    std: Floats | None


def final_metric(
    mean: Floats,
    std: Floats,
    seen: Floats,
    finished: Floats,
    finals: Floats,
    bounds: tuple[float, float] | None = None,
) -> FinalMetric:
    r"""Say in the metric's unit what standings mean.

    A standing z first becomes the metric :math:`u(z)` that a trial of that standing has now: the quantile
    :math:`\Phi(z)` of the values seen, which takes over their skewness. From now to the end the metric grows:
    :math:`y = a + b u` is fitted on finished trials, with :math:`b` close to 1 beforehand (standard deviation
    0.5). The spread of the standing is carried along and scaled by how far the finished trials were off, as
    if four trials had been right beforehand, less two for a and b; and widened as Student's t distribution
    is, so that 80 % lie within 1.28 standard deviations although few have finished.

    Where the metric has two bounds all this is done on the logarithm of its odds, :math:`\log (y - l) / (h -
    y)`: the nearer to a bound, the smaller the steps, and nobody is predicted to reach it.

    Args:
        mean: (trials,), standings of the cohort.
        std: (trials,), their standard deviations.
        seen: (trials,), the metric by now, larger is better; only finite values count.
        finished: Places in the cohort of the trials that have finished.
        finals: Their final metrics, larger is better.
        bounds: Range of the metric, larger is better; without it, or with one open end, a straight scale.

    Example:
        >>> standing, seen = np.array([-1.0, 0.0, 1.0, 0.5]), np.array([0.1, 0.2, 0.3, 0.25])
        >>> predicted = final_metric(standing, np.full(4, 0.5), seen, np.array([0, 1, 2]), seen[:3] + 0.4)
        >>> predicted.mean.round(2).tolist()
        [0.5, 0.62, 0.69, 0.66]
    """
    if bounds is None or not all(map(isfinite, bounds)):
        return _on_a_line(mean, std, seen, finished, finals)
    low, width = bounds[0], bounds[1] - bounds[0]

    def odds(values: Floats) -> Floats:
        return np.asarray(logit(np.clip((values - low) / width, _EDGE, 1 - _EDGE)), dtype=np.float64)

    def back(values: Floats) -> Floats:
        return np.asarray(low + width * expit(values), dtype=np.float64)

    found = _on_a_line(mean, std, odds(seen), finished, odds(finals))
    if found.std is None:
        return FinalMetric(back(found.mean), None)
    return FinalMetric(back(found.mean), (back(found.mean + found.std) - back(found.mean - found.std)) / 2)


def _on_a_line(mean: Floats, std: Floats, seen: Floats, finished: Floats, finals: Floats) -> FinalMetric:
    values = np.sort(seen[np.isfinite(seen)])
    now = _quantiles(values, mean)
    if len(finals) < _LEAST_FINISHED:
        return FinalMetric(now, None)
    x, y = now[finished], finals
    centred = x - x.mean()
    spread = (_quantiles(values, mean + std) - _quantiles(values, mean - std)) / 2
    spread = np.maximum(spread, 1e-3 * max(float(np.ptp(values)), 1e-12))
    noise = float(np.mean(spread[finished] ** 2))
    slope = (centred @ (y - y.mean()) + noise / _SLOPE_SD**2) / (centred @ centred + noise / _SLOPE_SD**2)
    predicted = y.mean() + slope * (now - x.mean())
    spread = spread * max(abs(slope), 0.1)
    off = float(np.sum(((y - predicted[finished]) / spread[finished]) ** 2))
    free = _PRIOR_TRIALS + len(y) - 2  # two were spent on a and b
    scale = np.sqrt((_PRIOR_TRIALS + off) / free * (1 + 1 / len(y)))
    # Read as a normal distribution, a spread from few trials would be too narrow: 80 % are to be within it.
    return FinalMetric(predicted, spread * scale * stdtrit(free, 0.9) / ndtri(0.9))


def _quantiles(values: Floats, standings: Floats) -> Floats:
    """Return the quantiles of sorted values at the shares that normal scores stand for."""
    places = (np.arange(len(values)) + 0.5) / len(values)
    at: Floats = np.interp(ndtr(standings), places, values)
    return at
