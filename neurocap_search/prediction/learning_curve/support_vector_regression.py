"""The regression of Baker et al.: nu-SVR on standardised features and targets."""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, KFold, ParameterSampler, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVR

from neurocap_search.prediction.learning_curve.families import Array

_FOLDS = 5


class FittedRegression(NamedTuple):
    """A fitted regression.

    Attributes:
        model: The estimator of scikit-learn.
        std: Root mean square of the residuals out of fold.
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
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    regression = _best_settings(features, targets, candidates, folds, seed) if candidates else NuSVR()
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regression), transformer=StandardScaler()
    )
    residuals = targets - cross_val_predict(model, features, targets, cv=folds)
    return FittedRegression(model.fit(features, targets), float(np.sqrt(np.mean(residuals**2))))


def _best_settings(features: Array, targets: Array, candidates: int, folds: KFold, seed: int) -> Any:
    """Return nu-SVR with the best of the paper's random settings and scikit-learn's own.

    All is standardised once, not fold by fold: it takes a tenth of the time and only the choice rests on it.
    nu begins a little above 0, where nothing could be fitted.
    """
    random = ParameterSampler(
        {"C": loguniform(1e-5, 10), "nu": uniform(0.01, 0.99), "gamma": loguniform(1e-5, 10)},
        n_iter=candidates,
        random_state=seed,
    )
    settings = [{}, *({name: [value] for name, value in each.items()} for each in random)]
    search = GridSearchCV(NuSVR(), settings, cv=folds, scoring="neg_mean_squared_error", refit=False)
    x, y = StandardScaler().fit_transform(features), StandardScaler().fit_transform(targets[:, None])[:, 0]
    return NuSVR(**search.fit(x, y).best_params_)
