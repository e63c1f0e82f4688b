"""From the first epochs of a trial to its final metric, with a spread.

Predictors follow scikit-learn's manners: :meth:`fit` on finished trials, :meth:`predict` on the
reports of a running one. This room knows neither Ray, Optuna nor MLflow.
"""

from neurocap_search.prediction.capacitance_ridge import CapacitanceRidge
from neurocap_search.prediction.prediction import Prediction, Predictor, plain
from neurocap_search.prediction.report import History, Report

__all__ = ["CapacitanceRidge", "History", "Prediction", "Predictor", "Report", "plain"]
