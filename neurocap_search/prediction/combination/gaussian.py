"""A linear model whose weights are known with some uncertainty."""

from typing import NamedTuple

import numpy as np

from neurocap_search.prediction.combination.signals import Floats


class Weights(NamedTuple):
    """Weights with a normal distribution.

    Attributes:
        mean: (signals,).
        covariance: (signals, signals).

    Example:
        >>> prior = Weights(np.zeros(1), np.eye(1))
        >>> learned = prior.learn(np.array([[1.0]]), np.array([2.0]), noise=1.0)
        >>> learned.mean.tolist(), learned.covariance.tolist()
        ([1.0], [[0.5]])
    """

    mean: Floats
    covariance: Floats

    def learn(self, scores: Floats, targets: Floats, noise: float) -> "Weights":
        r"""Return the posterior of Bayesian linear regression.

        :math:`\Sigma' = (\Sigma^{-1} + X^\top X / \sigma^2)^{-1}` and
        :math:`\mu' = \Sigma' (\Sigma^{-1} \mu + X^\top t / \sigma^2)`.

        Args:
            scores: X, (trials, signals).
            targets: t, (trials,).
            noise: Standard deviation :math:`\sigma` of the targets.
        """
        precision = np.linalg.inv(self.covariance)
        information = precision @ self.mean + scores.T @ targets / noise**2
        covariance = np.linalg.inv(precision + scores.T @ scores / noise**2)
        return Weights(covariance @ information, np.asarray(covariance, dtype=np.float64))

    def predict(self, scores: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of each trial's value, without noise."""
        variance = np.einsum("ij,jk,ik->i", scores, self.covariance, scores)
        return scores @ self.mean, np.sqrt(variance)
