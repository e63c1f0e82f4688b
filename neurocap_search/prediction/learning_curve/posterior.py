"""Fitting one family of curves: the most probable parameters and how sure they are."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import approx_fprime, least_squares

from neurocap_search.prediction.learning_curve.families import Array, Family

# Inverse-gamma prior of the noise variance: as much as two points seen with a noise of two hundredths.
_PRIOR_POINTS, _PRIOR_NOISE = 2.0, 0.02
_ROUNDS = 3
_FARTHEST = 6.0  # Prior standard deviations; beyond, exponentials of exponentials overflow.


class Posterior(NamedTuple):
    """Laplace's approximation of what the points seen say about one family.

    Attributes:
        family: The family.
        mode: Most probable parameters, of shape (parameters,).
        covariance: Of the parameters, of shape (parameters, parameters).
        noise: Standard deviation of a single epoch around the curve.
        log_evidence: Logarithm of the probability of the points under the family, but for a constant
            that is the same for all families.
    """

    family: Family
    mode: Array
    covariance: Array
    noise: float
    log_evidence: float

    def at(self, epoch: float) -> tuple[float, float]:
        """Return mean and standard deviation of the value seen at an epoch, noise included."""

        def value(parameters: Array) -> float:
            return float(_curve(self.family, np.array([epoch], dtype=float), parameters)[0])

        slope = approx_fprime(self.mode, value)
        return value(self.mode), math.sqrt(float(slope @ self.covariance @ slope) + self.noise**2)


def fit_family(family: Family, epochs: Array, values: Array) -> Posterior:
    r"""Fit a family to the points of a curve, maximum a posteriori.

    Parameters :math:`\theta` and noise :math:`\sigma` are found in turns: :math:`\theta` by least squares,
    :math:`\min_\theta \sum_i (y_i - f(t_i, \theta))^2 / \sigma^2 + \sum_j (\theta_j - m_j)^2 / s_j^2`, and
    :math:`\sigma^2` as the mean of the squared residuals and the prior's. The covariance is the inverse of
    half the Hessian in Gauss and Newton's approximation, the evidence Laplace's.

    Args:
        family: What to fit.
        epochs: Of shape (n,), from 1.
        values: Of shape (n,), increasing towards about 1 as training goes on.
    """
    center, width = np.array(family.center), np.array(family.width)
    noise, parameters = _PRIOR_NOISE, center
    for _ in range(_ROUNDS):

        def residuals(p: Array, noise: float = noise) -> Array:
            misfit = (values - _curve(family, epochs, p)) / noise
            return np.concatenate([misfit, (p - center) / width])

        solution = least_squares(residuals, parameters, method="lm", xtol=1e-6, ftol=1e-6, max_nfev=400)
        parameters = solution.x
        misfit = values - _curve(family, epochs, parameters)
        squares = float(misfit @ misfit) + _PRIOR_POINTS * _PRIOR_NOISE**2
        noise = math.sqrt(squares / (len(values) + _PRIOR_POINTS))
    covariance = np.linalg.inv(solution.jac.T @ solution.jac)
    deviation = (parameters - center) / width
    log_volume = 0.5 * np.linalg.slogdet(covariance)[1] - float(np.log(width).sum())
    log_fit = -0.5 * (len(values) + _PRIOR_POINTS) * math.log(squares)
    log_evidence = log_fit - 0.5 * float(deviation @ deviation) + float(log_volume)
    return Posterior(family, parameters, covariance, noise, log_evidence)


def _curve(family: Family, epochs: Array, parameters: Array) -> Array:
    center, width = np.array(family.center), np.array(family.width)
    inside = np.clip(parameters, center - _FARTHEST * width, center + _FARTHEST * width)
    with np.errstate(over="ignore", under="ignore"):
        values: Array = family.curve(epochs, *inside)
    return values
