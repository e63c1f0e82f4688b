"""Ray Tune: the scheduler, the searcher and the launch of a search."""

from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.scheduler import NeuralCapacitanceScheduler
from neurocap_search.tune.search import SearchOutcome, run_search

__all__ = ["NeuralCapacitanceScheduler", "PolicyScheduler", "SearchOutcome", "run_search"]
