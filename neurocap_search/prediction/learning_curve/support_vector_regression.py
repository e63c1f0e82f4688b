"""The regression of Baker et al.: nu-SVR on standardised features and targets."""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, KFold, ParameterSampler
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVR

from neurocap_search.prediction.learning_curve.families import Array

_FOLDS = 5


class FittedRegression(NamedTuple):
    """A fitted regression.

    Attributes:
        model: The estimator of scikit-learn.
        std: Root mean square of the residuals out of fold, each fold predicted with the settings that the
            others choose.
    """

    model: Any
    std: float

    def predict(self, features: Array) -> float:
        """Return the prediction for one vector of features."""
        return float(self.model.predict(features[None, :])[0])


def fit_regression(features: Array, targets: Array, *, candidates: int, seed: int) -> FittedRegression:
    """Fit nu-SVR with a Gaussian kernel.

    Args:
        features: Of shape (trials, features).
        targets: Of shape (trials,).
        candidates: How many random settings of C, nu and gamma to choose from by cross-validation, beside
            scikit-learn's own; 0 takes those.
        seed: Of the folds and of the candidates.
    """
    folds = list(KFold(_FOLDS, shuffle=True, random_state=seed).split(features))
    settings, errors = _compare(features, targets, candidates, folds, seed)
    residuals = np.empty(len(targets))
    for fold, (learned, tested) in enumerate(folds):
        # A fold that had a say in the choice would look easier to predict than a new trial is.
        model = _model(settings[np.delete(errors, fold, axis=1).mean(axis=1).argmin()])
        model.fit(features[learned], targets[learned])
        residuals[tested] = targets[tested] - model.predict(features[tested])
    best = _model(settings[errors.mean(axis=1).argmin()]).fit(features, targets)
    return FittedRegression(best, float(np.sqrt(np.mean(residuals**2))))


def _model(settings: dict[str, float]) -> Any:
    regression = make_pipeline(StandardScaler(), NuSVR(**settings))
    return TransformedTargetRegressor(regression, transformer=StandardScaler())


def _compare(
    features: Array, targets: Array, candidates: int, folds: list[tuple[Any, Any]], seed: int
) -> tuple[list[dict[str, float]], Array]:
    """Return scikit-learn's own and the paper's random settings of nu-SVR with their mean squared errors.

    The errors are of shape (settings, folds); of a single setting they are not asked for and are 0.

    All is standardised once, not fold by fold: it takes a tenth of the time and only the choice rests on it.
    nu begins a little above 0, where nothing could be fitted.
    """
    random = ParameterSampler(
        {"C": loguniform(1e-5, 10), "nu": uniform(0.01, 0.99), "gamma": loguniform(1e-5, 10)},
        n_iter=candidates,
        random_state=seed,
    )
    settings = [{}, *random]
    if not candidates:
        return settings, np.zeros((1, _FOLDS))
    grid = [{name: [value] for name, value in each.items()} for each in settings]
    search = GridSearchCV(NuSVR(), grid, cv=folds, scoring="neg_mean_squared_error", refit=False)
    x, y = StandardScaler().fit_transform(features), StandardScaler().fit_transform(targets[:, None])[:, 0]
    found = search.fit(x, y).cv_results_
    return settings, -np.stack([found[f"split{fold}_test_score"] for fold in range(_FOLDS)], axis=1)
