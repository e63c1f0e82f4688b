"""What several families say together."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr


class Mixture(NamedTuple):
    """A weighted mixture of normal distributions.

    Attributes:
        weights: Not negative, of sum 1.
        means: Of the components.
        stds: Their standard deviations.

    Example:
        >>> mixture = Mixture((0.5, 0.5), (0.6, 0.8), (0.0, 0.0))
        >>> round(mixture.mean, 6), round(mixture.std, 6), mixture.above(0.7)
        (0.7, 0.1, 0.5)
    """

    weights: Sequence[float]
    means: Sequence[float]
    stds: Sequence[float]

    @property
    def mean(self) -> float:
        """The mean."""
        return math.fsum(w * m for w, m in zip(self.weights, self.means, strict=True))

    @property
    def std(self) -> float:
        """The standard deviation: of the components, and between them."""
        parts = zip(self.weights, self.means, self.stds, strict=True)
        mean = self.mean
        return math.sqrt(math.fsum(w * (s * s + (m - mean) ** 2) for w, m, s in parts))

    def above(self, value: float) -> float:
        """Return the probability of a number above ``value``; without a spread a component is its mean."""
        parts = zip(self.weights, self.means, self.stds, strict=True)
        return math.fsum(w * (ndtr((m - value) / s) if s > 0 else float(m > value)) for w, m, s in parts)


def shares(log_evidence: Sequence[float]) -> list[float]:
    """Return each one's share of the total evidence, all equally probable beforehand.

    Example:
        >>> shares([0.0, 0.0])
        [0.5, 0.5]
    """
    evidence = np.exp(np.asarray(log_evidence) - max(log_evidence))
    return [float(share) for share in evidence / evidence.sum()]
