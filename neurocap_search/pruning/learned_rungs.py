"""Where a learned halving compares its trials, and how many go on."""

from collections.abc import Sequence

_KEPT_EARLY = 0.5
_STAY = 0.8
"""Chosen, as all else, on tasks that the prior is fitted on. More rungs, and later ones, lost more:
in mid-training the best are told apart little better than at the beginning."""


def usual_factor(type: str, early_stops: Sequence[float]) -> float:
    """Return the reduction factor that is taken if nobody names one.

    Decisions that are made early, and for good, need more room.
    """
    if type == "stopping":
        return 2.5
    return 3.5 if early_stops else 4


def rungs_below(
    max_t: float, grace_period: float, reduction_factor: float, early_stops: Sequence[float]
) -> list[tuple[float, float]]:
    """Return the epoch of each rung below ``max_t`` and the share of all trials that goes on from it.

    Example:
        >>> rungs_below(16, 1, 4, (0.25,))
        [(0.25, 0.5), (1, 0.0625), (2, 0.05)]
    """
    early = [(mark, _KEPT_EARLY ** (k + 1)) for k, mark in enumerate(early_stops)]
    share = min(reduction_factor**-2, _KEPT_EARLY ** len(early))
    rungs = [*early, (grace_period, share), (2 * grace_period, _STAY * share)]
    return [(epoch, share) for epoch, share in rungs if epoch < max_t]
