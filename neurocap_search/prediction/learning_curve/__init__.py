"""The rivals that look at learning curves alone: values seen, training losses, extrapolation, regression.

All follow :class:`~neurocap_search.prediction.Predictor` and answer before any trial has finished.
"""

from neurocap_search.prediction.learning_curve.best_seen import BestSeen
from neurocap_search.prediction.learning_curve.curve_ensemble import CurveEnsemble
from neurocap_search.prediction.learning_curve.curve_regression import CurveRegression
from neurocap_search.prediction.learning_curve.last_seen import LastSeen
from neurocap_search.prediction.learning_curve.power_law import PowerLaw
from neurocap_search.prediction.learning_curve.running_mean import RunningMean
from neurocap_search.prediction.learning_curve.training_speed import TrainingSpeed
from neurocap_search.prediction.learning_curve.tse import TSE, TSEE, TSEEMA

__all__ = [
    "TSE",
    "TSEE",
    "TSEEMA",
    "BestSeen",
    "CurveEnsemble",
    "CurveRegression",
    "LastSeen",
    "PowerLaw",
    "RunningMean",
    "TrainingSpeed",
]
