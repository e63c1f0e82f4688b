"""A learned combination of the first epochs' signals."""

from neurocap_search.prediction.combination.combination import Cohort, LearnedCombination, Standings
from neurocap_search.prediction.combination.final_metric import FinalMetric, final_metric
from neurocap_search.prediction.combination.prior import BUNDLED_PRIOR, Prior, plain_prior, read_prior
from neurocap_search.prediction.combination.signals import GROUPS, METRIC, SIGNALS, Signal, SignalCourse

__all__ = [
    "BUNDLED_PRIOR",
    "GROUPS",
    "METRIC",
    "SIGNALS",
    "Cohort",
    "FinalMetric",
    "LearnedCombination",
    "Prior",
    "Signal",
    "SignalCourse",
    "Standings",
    "final_metric",
    "plain_prior",
    "read_prior",
]
