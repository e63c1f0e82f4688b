"""Ranks among networks of a similar size, against a slow second way."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurocap_search.prediction.combination.peers import cohort_scores, rank_among_peers
from neurocap_search.prediction.combination.signals import AMONG_PEERS, METRIC, SIGNALS, SIZE

NUMBER = {signal.name: k for k, signal in enumerate(SIGNALS)}


def slowly(values, sizes):
    """Return the shares by looking at each trial alone."""
    there = [k for k in range(len(values)) if math.isfinite(values[k]) and math.isfinite(sizes[k])]
    ordered = sorted(there, key=lambda k: sizes[k])
    window = min(len(ordered), max(5, len(ordered) // 3))
    shares = [math.nan] * len(values)
    for place, k in enumerate(ordered):
        start = min(max(place - window // 2, 0), len(ordered) - window)
        peers = ordered[start : start + window]
        ahead = sum(values[p] < values[k] for p in peers) + sum(values[p] == values[k] for p in peers) / 2
        shares[k] = ahead / window
    return shares


@given(
    st.integers(0, 40).flatmap(
        lambda n: st.tuples(
            arrays(float, n, elements=st.sampled_from([0.0, 1.0, 2.0, math.nan, math.inf])),
            arrays(float, n, elements=st.sampled_from([1.0, 2.0, 5.0, 9.0, math.nan])),
        )
    )
)
def test_the_shares_are_those_found_one_by_one(drawn):
    values, sizes = drawn
    np.testing.assert_allclose(rank_among_peers(values, sizes), slowly(values, sizes), rtol=1e-12)


def test_a_big_network_is_not_measured_against_small_ones():
    sizes = np.array([1.0] * 10 + [100.0] * 10 + [10_000.0] * 10)
    values = np.concatenate([np.arange(10.0) + 20, np.arange(10.0) + 10, np.arange(10.0)])
    shares = rank_among_peers(values, sizes)
    assert shares[29] == shares[9] == shares[19] == 0.95  # the best of each size, however it compares


def test_the_scores_of_a_cohort_hold_it():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, len(SIGNALS)))
    rows[:, NUMBER[AMONG_PEERS]] = np.nan
    scores = cohort_scores(rows)
    shares = rank_among_peers(rows[:, NUMBER[METRIC]], rows[:, NUMBER[SIZE]])
    order = np.argsort(shares, kind="stable")
    assert (np.diff(scores[order, NUMBER[AMONG_PEERS]]) >= 0).all()
    assert np.isnan(rows[:, NUMBER[AMONG_PEERS]]).all()  # not written into the caller's rows
