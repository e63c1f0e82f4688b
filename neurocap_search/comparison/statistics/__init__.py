"""What a comparison says in numbers: pure functions of its results."""

from neurocap_search.comparison.statistics.calibration import Coverage, calibration
from neurocap_search.comparison.statistics.difference import Difference, compare_rules, compare_with_all
from neurocap_search.comparison.statistics.front import AboveFront, FrontRow, above_front, front, is_i_epoch
from neurocap_search.comparison.statistics.health import Check, health_card
from neurocap_search.comparison.statistics.holm import holm
from neurocap_search.comparison.statistics.incumbents import IncumbentCurve, incumbent_curves
from neurocap_search.comparison.statistics.ranks import AverageRanks, average_ranks, critical_difference
from neurocap_search.comparison.statistics.signals import (
    SignalCorrelations,
    SignalCurve,
    signal_correlations,
)
from neurocap_search.comparison.statistics.units import Measure
from neurocap_search.comparison.statistics.verdict import Verdict, verdict
from neurocap_search.comparison.statistics.winner import WinnerPruned, winner_pruned

__all__ = [
    "AboveFront",
    "AverageRanks",
    "Check",
    "Coverage",
    "Difference",
    "FrontRow",
    "IncumbentCurve",
    "Measure",
    "SignalCorrelations",
    "SignalCurve",
    "Verdict",
    "WinnerPruned",
    "above_front",
    "average_ranks",
    "calibration",
    "compare_rules",
    "compare_with_all",
    "critical_difference",
    "front",
    "health_card",
    "holm",
    "incumbent_curves",
    "is_i_epoch",
    "signal_correlations",
    "verdict",
    "winner_pruned",
]
