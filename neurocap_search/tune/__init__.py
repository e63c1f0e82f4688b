"""Ray Tune: the scheduler, the searcher and the launch of a search."""

from neurocap_search.tune.callback import RecordCallback
from neurocap_search.tune.limiter import ActiveTrialLimiter
from neurocap_search.tune.listeners import MlflowListeners
from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.scheduler import NeuralCapacitanceScheduler
from neurocap_search.tune.search import SearchOutcome, run_search
from neurocap_search.tune.search_algorithm import NeuralCapacitanceSearch

__all__ = [
    "ActiveTrialLimiter",
    "MlflowListeners",
    "NeuralCapacitanceScheduler",
    "NeuralCapacitanceSearch",
    "PolicyScheduler",
    "RecordCallback",
    "SearchOutcome",
    "run_search",
]
