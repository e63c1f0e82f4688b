"""The models that read a signature, from scikit-learn."""

from typing import Any, Literal, Self

from numpy.typing import ArrayLike
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVC, SVR

ModelKind = Literal["svm", "forest", "linear"]
"""Support vectors with a Gaussian kernel, a random forest, or logistic and ridge regression."""

_TREES = 100


def make_classifier(kind: ModelKind = "svm", *, seed: int = 0) -> Pipeline:
    """Return an unfitted classifier of signatures, (n, features) to classes.

    Which family arXiv 2111.05410 used could not be verified; these are the common ones, with scikit-learn's
    own options. Each feature is replaced by its standardised rank among the networks learned from: the
    weights of a network about to diverge exceed those of others by orders of magnitude and would hide their
    differences. A missing number becomes the median of its feature and a column says that it was missing: a
    network that diverges has none. Not for extrapolation: beyond the networks learned from ranks end.

    Args:
        kind: Family of the model.
        seed: Draws the forest.

    Raises:
        ValueError: On an unknown kind.

    Example:
        >>> import numpy as np
        >>> X, y = np.array([[0.0], [0.1], [np.nan], [2.0], [2.1], [2.2]]), [0, 0, 0, 1, 1, 1]
        >>> make_classifier("linear").fit(X, y).predict([[0.0], [2.3]])
        array([0, 1])
    """
    if kind == "svm":
        return _prepared(SVC())
    if kind == "forest":
        return _prepared(RandomForestClassifier(_TREES, random_state=seed))
    if kind == "linear":
        return _prepared(LogisticRegression(max_iter=5000))
    raise _unknown(kind)


def make_regressor(kind: ModelKind = "svm", *, seed: int = 0) -> TransformedTargetRegressor:
    """Return an unfitted regressor of signatures, (n, features) to the final metric.

    The target is standardised, so that its unit does not matter; for the rest see ``make_classifier``.

    Args:
        kind: Family of the model.
        seed: Draws the forest.

    Raises:
        ValueError: On an unknown kind.

    Example:
        >>> model = make_regressor("linear").fit([[0.0], [1.0], [2.0]], [50.0, 60.0, 70.0])
        >>> model.predict([[0.0]]) < model.predict([[2.0]])
        array([ True])
    """
    if kind == "svm":
        model: Any = SVR()
    elif kind == "forest":
        model = RandomForestRegressor(_TREES, random_state=seed)
    elif kind == "linear":
        model = Ridge()
    else:
        raise _unknown(kind)
    return TransformedTargetRegressor(_prepared(model), transformer=StandardScaler())


def _prepared(model: Any) -> Pipeline:
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        _Ranks(),
        StandardScaler(),
        model,
    )


class _Ranks(QuantileTransformer):  # type: ignore[misc]
    """The rank among those learned from, 0 to 1; scikit-learn warns unless told how many they are."""

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        self.n_quantiles = len(X)  # type: ignore[arg-type]
        super().fit(X, y)
        return self


def _unknown(kind: object) -> ValueError:
    return ValueError(f"kind: received {kind!r}; use 'svm', 'forest' or 'linear'")
