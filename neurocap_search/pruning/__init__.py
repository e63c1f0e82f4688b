"""Which trials go on: pure decisions without any framework.

A :class:`PruningPolicy` answers every report with a :class:`Decision` that carries its reason. The
same object decides live and in replay. This room knows neither Ray, Optuna nor MLflow.
"""

from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.full_training import FullTrainingPolicy
from neurocap_search.pruning.guarded import GuardedPolicy
from neurocap_search.pruning.hyperband import HyperbandPolicy
from neurocap_search.pruning.i_epoch import IEpochPolicy
from neurocap_search.pruning.insight import Insight, SignalShares
from neurocap_search.pruning.learned_halving import LearnedHalvingPolicy
from neurocap_search.pruning.median import MedianPolicy
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.promotion_halving import PromotionHalvingPolicy
from neurocap_search.pruning.size_class import SizeClassPolicy
from neurocap_search.pruning.successive_halving import SuccessiveHalvingPolicy
from neurocap_search.pruning.synchronous_halving import SynchronousHalvingPolicy

__all__ = [
    "Action",
    "Decision",
    "FullTrainingPolicy",
    "GuardedPolicy",
    "HyperbandPolicy",
    "IEpochPolicy",
    "Insight",
    "LearnedHalvingPolicy",
    "MedianPolicy",
    "PromotionHalvingPolicy",
    "PruningPolicy",
    "SignalShares",
    "SizeClassPolicy",
    "SuccessiveHalvingPolicy",
    "SynchronousHalvingPolicy",
]
