"""The numbers of a graph over the first epochs, read from the reports of a trial."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocap_search.prediction.report import History

_FIVE = ("median", "mean", "std", "skewness", "kurtosis")

WEIGHTED_DEGREE = tuple(f"degree_{number}" for number in _FIVE)
"""Reported summaries of the rolled graph's weighted degree (arXiv 2111.05410)."""

EIGENVECTOR_CENTRALITY = tuple(f"centrality_{number}" for number in _FIVE)
"""Reported summaries of the rolled graph's eigenvector centrality (arXiv 2111.05410)."""

STRENGTH_AND_FLUCTUATION = ("strength_mean", "strength_std", "fluctuation_mean")
"""Reported node strength and layer fluctuation (arXiv 2110.02628, 2209.05488)."""


@dataclass(frozen=True)
class SignatureFeatures:
    """The signature of a trial: named numbers of its graph after each of the first epochs, one after another.

    The paper (arXiv 2111.05410) summarises weighted degree and eigenvector centrality after each of five
    epochs; that the summaries are NetSimile's five aggregators and are concatenated is reconstructed. With
    ``STRENGTH_AND_FLUCTUATION`` it is the signature of the complex-network metrics (arXiv 2209.05488).

    Not for comparing architectures of very different size: a degree is a sum over neighbours and grows
    with their number.

    Attributes:
        names: Names of the reported numbers, in the unit in which they were reported.
        epochs: The first epochs, 5 in the paper.

    Raises:
        ValueError: If there is no name, one is given twice, or ``epochs`` is below 1.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> history = [Report(1, {"degree_mean": 2.0}), Report(2, {"degree_mean": 2.5}), Report(3)]
        >>> SignatureFeatures(("degree_mean",)).of(history)
        array([2. , 2.5, nan])
    """

    names: Sequence[str] = WEIGHTED_DEGREE + EIGENVECTOR_CENTRALITY
    epochs: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.names, str) or not self.names or len(set(self.names)) != len(self.names):
            raise ValueError(f"names: received {self.names!r}; give one or more names, each once")
        if self.epochs < 1:
            raise ValueError(f"epochs: expected at least 1, received {self.epochs}")

    def seen(self, history: History) -> int:
        """Return the last epoch reported among those of the signature; 0 if none was."""
        return max((int(report.epoch) for report in history if report.epoch <= self.epochs), default=0)

    def of(self, history: History, epochs: int | None = None) -> NDArray[np.float64]:
        """Return the signature of one trial.

        Args:
            history: Its reports.
            epochs: Epochs of the signature; None takes those seen.

        Returns:
            (epochs x names,), epoch by epoch, NaN where a number was not reported or is not finite.
        """
        last = self.seen(history) if epochs is None else epochs
        signature = np.full((last, len(self.names)), math.nan)
        for report in history:
            if 1 <= report.epoch <= last:
                signature[int(report.epoch) - 1] = [report.metrics.get(name, math.nan) for name in self.names]
        signature[~np.isfinite(signature)] = math.nan
        return signature.ravel()

    def matrix(self, histories: Sequence[History], epochs: int | None = None) -> NDArray[np.float64]:
        """Return the signatures of several trials, (trials, epochs x names); None takes all epochs."""
        last = self.epochs if epochs is None else epochs
        rows = [self.of(history, last) for history in histories]
        return np.array(rows).reshape(len(rows), last * len(self.names))
