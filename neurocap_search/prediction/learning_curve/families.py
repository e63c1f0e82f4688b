r"""The eleven families of learning curves of Domhan, Springenberg and Hutter (IJCAI 2015, table 1).

A family maps epochs t >= 1 and a vector of real parameters to an accuracy. Parameters that must be positive
are given by their logarithms, so that any vector is allowed, and each has a Gaussian prior, centred near the
values the authors' program starts from. The priors are this project's: they are what makes a family with four
parameters say something sensible about three points.

Three pairs describe the same curves and differ in their priors only: Hill and logistic power, and exp4,
Janoschek and Weibull. The paper counts them as families of their own, and so do we.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy import exp, log

Array = np.ndarray[Any, Any]


class Family(NamedTuple):
    """A family of curves.

    Attributes:
        name: As in the paper.
        curve: From epochs, of shape (n,), and parameters to values, of shape (n,).
        center: Prior mean of each parameter.
        width: Prior standard deviation of each parameter.
    """

    name: str
    curve: Callable[..., Any]
    center: tuple[float, ...]
    width: tuple[float, ...]


def _vapor_pressure(t: Array, a: float, b: float, c: float) -> Any:
    return exp(a + b / t + c * log(t))


def _pow3(t: Array, c: float, log_a: float, log_alpha: float) -> Any:
    return c - exp(log_a - exp(log_alpha) * log(t))


def _log_log_linear(t: Array, log_a: float, log_b: float) -> Any:
    return log(exp(log_a) * log(t) + exp(log_b))


def _hill3(t: Array, theta: float, log_eta: float, log_kappa: float) -> Any:
    return theta / (1 + exp(exp(log_eta) * (log_kappa - log(t))))


def _log_power(t: Array, a: float, b: float, log_c: float) -> Any:
    return a / (1 + exp(-exp(log_c) * (log(t) - b)))


def _pow4(t: Array, c: float, log_a: float, log_b: float, log_alpha: float) -> Any:
    return c - (exp(log_a) * t + exp(log_b)) ** -exp(log_alpha)


def _mmf(t: Array, alpha: float, log_rise: float, log_kappa: float, log_delta: float) -> Any:
    return alpha - exp(log_rise) / (1 + exp(exp(log_delta) * (log_kappa + log(t))))


def _exp4(t: Array, c: float, log_a: float, b: float, log_alpha: float) -> Any:
    return c - exp(b - exp(log_a + exp(log_alpha) * log(t)))


def _janoschek(t: Array, alpha: float, log_rise: float, log_kappa: float, log_delta: float) -> Any:
    return alpha - exp(log_rise - exp(log_kappa + exp(log_delta) * log(t)))


def _weibull(t: Array, alpha: float, log_rise: float, log_kappa: float, log_delta: float) -> Any:
    return alpha - exp(log_rise - exp(exp(log_delta) * (log_kappa + log(t))))


def _ilog2(t: Array, c: float, log_a: float) -> Any:
    return c - exp(log_a) / log(t + 1)


POW3 = Family("pow3", _pow3, (0.8, -0.7, -0.7), (0.3, 1, 1))

FAMILIES = (
    Family("vapor pressure", _vapor_pressure, (-0.6, -0.5, 0.04), (0.7, 0.7, 0.1)),
    POW3,
    Family("log log linear", _log_log_linear, (-1.6, 0.2), (1, 0.4)),
    Family("hill3", _hill3, (0.8, -0.5, 0.9), (0.3, 0.7, 1.5)),
    Family("log power", _log_power, (0.8, 1.5, -0.5), (0.3, 1.5, 0.7)),
    Family("pow4", _pow4, (0.8, 0.7, 0.0, -0.7), (0.3, 1.5, 1.5, 1)),
    Family("mmf", _mmf, (0.8, -0.5, -1.5, 0.0), (0.3, 0.7, 1.5, 0.7)),
    Family("exp4", _exp4, (0.8, -1.0, -0.5, -0.5), (0.3, 1.5, 0.7, 0.7)),
    Family("janoschek", _janoschek, (0.8, -0.5, -1.0, -0.5), (0.3, 0.7, 1.5, 0.7)),
    Family("weibull", _weibull, (0.8, -0.5, -2.0, -0.5), (0.3, 0.7, 1.5, 0.7)),
    Family("ilog2", _ilog2, (0.8, -0.9), (0.3, 0.7)),
)
"""All eleven, in the order of the paper's table."""
