"""How a trial's metric ranks among networks of its size: bigger ones converge later."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import rankdata

from neurocap_search.prediction.combination.signals import (
    AMONG_PEERS,
    METRIC,
    SIGNALS,
    SIZE,
    Floats,
    normal_scores,
)

_PLACE = {signal.name: k for k, signal in enumerate(SIGNALS)}
_SHARE = 3
_LEAST = 5


def cohort_scores(rows: Floats) -> Floats:
    """Return the normal scores of a cohort's signals, its metric among peers filled in.

    Args:
        rows: (trials, signals), what :meth:`SignalCourse.row` gave, the metric larger for better.
    """
    rows = rows.copy()
    rows[:, _PLACE[AMONG_PEERS]] = rank_among_peers(rows[:, _PLACE[METRIC]], rows[:, _PLACE[SIZE]])
    return normal_scores(rows)


def rank_among_peers(values: Floats, sizes: Floats) -> Floats:
    """Return which share of its peers each trial is ahead of.

    A trial's peers are the third of the cohort that is closest to it in the order of sizes, five at least,
    itself included. Classes with fixed bounds would part neighbours and leave some classes nearly empty.

    Args:
        values: (trials,), larger is better.
        sizes: (trials,), numbers of parameters, or anything else that orders the networks.

    Returns:
        (trials,), from 0 to 1; an equal counts half, itself too. NaN where value or size is missing.

    Example:
        >>> sizes = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 60.0, 61.0, 62.0, 63.0, 64.0])
        >>> rank_among_peers(np.arange(10.0) % 5, sizes).tolist()
        [0.1, 0.3, 0.5, 0.7, 0.9, 0.1, 0.3, 0.5, 0.7, 0.9]
    """
    there = np.flatnonzero(np.isfinite(values) & np.isfinite(sizes))
    shares = np.full(len(values), np.nan)
    by_size = there[np.argsort(sizes[there], kind="stable")]
    window = min(len(by_size), max(_LEAST, len(by_size) // _SHARE))
    if window:
        places = np.arange(len(by_size))
        first = np.clip(places - window // 2, 0, len(by_size) - window)
        ranks = rankdata(values[by_size], "dense").astype(np.int32)
        peers, own = sliding_window_view(ranks, window)[first], ranks[:, None]
        behind, equal = (np.count_nonzero(found, axis=1) for found in (peers < own, peers == own))
        shares[by_size] = (behind + 0.5 * equal) / window
    return shares
