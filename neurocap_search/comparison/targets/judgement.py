"""Whether a target was met, and how sure that is."""

from enum import StrEnum
from math import inf

from neurocap_search.comparison.bootstrap import Estimate


class Judgement(StrEnum):
    """What an estimate and its 95 % interval say of a target, the best first."""

    MET = "met"
    MET_UNSURE = "met, not surely"
    MISSED_UNSURE = "missed, not surely"
    MISSED = "missed"


def judge(estimate: Estimate, low: float = -inf, high: float = inf) -> Judgement:
    """Say whether a number is from ``low`` to ``high``, as was wanted.

    Surely so if its whole interval is, surely not if no part of it is; else the estimate decides, not surely.
    Without an interval nothing is sure.

    Example:
        >>> [str(judge(Estimate(v, v - 0.1, v + 0.1), low=0.5)) for v in (0.7, 0.55, 0.45, 0.3)]
        ['met', 'met, not surely', 'missed, not surely', 'missed']
    """
    if estimate.has_interval and low <= estimate.low and estimate.high <= high:
        return Judgement.MET
    if estimate.has_interval and (estimate.high < low or high < estimate.low):
        return Judgement.MISSED
    return Judgement.MET_UNSURE if low <= estimate.value <= high else Judgement.MISSED_UNSURE


def worst(*judgements: Judgement) -> Judgement:
    """Return the judgement on several conditions that all have to hold."""
    order = list(Judgement)
    return max(judgements, key=order.index)
