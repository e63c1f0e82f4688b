"""Repeated stratified cross-validation, the same splits for all, with honest intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import RepeatedStratifiedKFold

Score = Callable[[NDArray[Any], NDArray[Any]], float]
"""From the true and the predicted values of the tested networks to a number."""


class MeanScore(NamedTuple):
    """A mean over all splits with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class RepeatedSplits:
    """Splits of a population into learned and tested networks, the same for every predictor.

    Not for choosing options of a model: what was chosen by these splits looks too good on them.

    Attributes:
        splits: Places of the networks that are learned from and of those tested, for each split.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> x = np.arange(20.0)
        >>> splits = RepeatedSplits.stratified(x > 9, folds=5, repeats=2)
        >>> largest = {"error": lambda y, predicted: np.abs(y - predicted).max()}
        >>> errors = splits.scores(Ridge(), x[:, None], x, largest)["error"]
        >>> errors.shape, splits.mean(errors).high < 0.1
        ((10,), True)
    """

    splits: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]

    @classmethod
    def stratified(
        cls, labels: ArrayLike, *, folds: int = 5, repeats: int = 10, seed: int = 0
    ) -> "RepeatedSplits":
        """Draw the splits; each fold has the classes in their shares.

        Args:
            labels: The class of each network, (n,).
            folds: Parts of which one is tested at a time.
            repeats: How often the networks are dealt anew.
            seed: Draws the parts.

        Raises:
            ValueError: From scikit-learn, if every class has fewer networks than there are folds.
        """
        y = np.asarray(labels)
        cv = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
        return cls(tuple(cv.split(np.zeros(len(y)), y)))

    def scores(
        self, model: Any, X: ArrayLike, y: ArrayLike, scores: Mapping[str, Score]
    ) -> dict[str, NDArray[np.float64]]:
        """Learn and test a fresh copy of the model in each split.

        Args:
            model: scikit-learn's; it is not changed.
            X: Features, (n, features).
            y: What is predicted, (n,).
            scores: Named scores of the tested networks.

        Returns:
            (splits,) for each score, in the order of the splits.
        """
        features, target = np.asarray(X), np.asarray(y)
        rows = []
        for learned, tested in self.splits:
            predicted = clone(model).fit(features[learned], target[learned]).predict(features[tested])
            rows.append([score(target[tested], predicted) for score in scores.values()])
        return dict(zip(scores, np.array(rows, dtype=np.float64).T, strict=True))

    def mean(self, scores: ArrayLike) -> MeanScore:
        """Return the mean over the splits with its interval; for a difference, give the differences.

        Splits share most of their networks, so that the common error of the mean is far too small: the
        variance s^2 of J scores counts (1/J + n_tested/n_learned) times instead of 1/J times (corrected
        resampled t interval; Nadeau and Bengio, Machine Learning 52, 2003). NaN if a score is.
        """
        values = np.asarray(scores, dtype=np.float64)
        ratio = np.mean([len(tested) / len(learned) for learned, tested in self.splits])
        error = np.sqrt(values.var(ddof=1) * (1 / len(values) + ratio))
        reach = stats.t.ppf(0.975, len(values) - 1) * error
        return MeanScore(float(values.mean()), float(values.mean() - reach), float(values.mean() + reach))
