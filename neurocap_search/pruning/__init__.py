"""Which trials go on: pure decisions without any framework.

A :class:`PruningPolicy` answers every report with a :class:`Decision` that carries its reason. The
same object decides live and in replay. This room knows neither Ray, Optuna nor MLflow.
"""

from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.policy import FullTrainingPolicy, PruningPolicy
from neurocap_search.pruning.successive_halving import SuccessiveHalvingPolicy

__all__ = ["Action", "Decision", "FullTrainingPolicy", "PruningPolicy", "SuccessiveHalvingPolicy"]
