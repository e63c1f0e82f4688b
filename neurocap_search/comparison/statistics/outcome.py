"""When one rule counts as better than another, on two measures together."""

from typing import Literal

from neurocap_search.comparison.statistics.difference import Difference

Outcome = Literal["better", "no different", "worse", "a trade", "can't tell"]

LEVEL = 0.05
FEWEST_POOLS = 6
"""With five pools even a win in every one has p = 2 / 2^5 = 0.06 in Wilcoxon's test."""
EPOCHS_MARGIN = 0.01
"""Epochs that do not matter, as a share of full training."""


def outcome_of(regret: Difference, epochs: Difference, margin: float) -> Outcome:
    """Judge rule ``a`` against rule ``b``.

    A difference is *sure* if its 95 % interval excludes 0 and Wilcoxon's p after Holm's correction is below
    0.05. A rule spends (loses) *no more* if the interval of the difference ends below a margin that does
    not matter, as in a test of non-inferiority: that it was not shown to spend more is not enough. ``a`` is

    - **better** if it surely loses less and spends no more, or surely spends less and loses no more;
    - **worse** if that holds the other way round;
    - **a trade** if it surely spends less and surely loses more, or the reverse: another point on the same
      front, and no advantage;
    - **no different** otherwise: nothing was shown. With few pools that is easily so;
    - **can't tell** with fewer than six pools, whatever they say.

    Args:
        regret: Difference in regret.
        epochs: Difference in epochs, as a share of full training; the margin is 0.01.
        margin: Regret that does not matter, in the unit of the metric.
    """
    if regret.units < FEWEST_POOLS:
        return "can't tell"
    better = _wins(regret, epochs, margin, -1)
    worse = _wins(regret, epochs, margin, 1)
    if better != worse:
        return "better" if better else "worse"
    # Both: the rules are within the margins of each other on both.
    is_trade = any(_is_sure(regret, side) and _is_sure(epochs, -side) for side in (-1, 1))
    return "a trade" if is_trade and not better else "no different"


def _wins(regret: Difference, epochs: Difference, margin: float, side: int) -> bool:
    """Tell whether one rule is better: side -1 is the candidate, 1 the rival."""
    return (_is_sure(regret, side) and _is_no_more(epochs, EPOCHS_MARGIN, side)) or (
        _is_sure(epochs, side) and _is_no_more(regret, margin, side)
    )


def _is_sure(difference: Difference, side: int) -> bool:
    found = difference.difference
    return found.excludes_zero and side * found.value > 0 and difference.p_holm < LEVEL


def _is_no_more(difference: Difference, margin: float, side: int) -> bool:
    """Tell whether the end of the interval on the other side is within the margin; False without one."""
    end = difference.difference.high if side < 0 else -difference.difference.low
    return end <= margin
