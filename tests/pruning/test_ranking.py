"""Rankings stay sorted, and their percentile is numpy's to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.pruning.ranking import Ranking

values = st.floats(-1e300, 1e300) | st.integers(0, 5).map(float)
changes = st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 5).map(float)), max_size=60)


@settings(max_examples=400, deadline=None)
@given(
    numbers=st.lists(values, min_size=1, max_size=50),
    factor=st.sampled_from([1.5, 2, 2.5, 3, 4, 7]) | st.floats(1.01, 100),
)
def test_the_percentile_is_numpys_to_the_last_bit(numbers, factor):
    percent = (1 - 1 / factor) * 100
    ranking = Ranking({str(i): value for i, value in enumerate(numbers)})
    with np.errstate(over="ignore", invalid="ignore"):
        expected = float(np.nanpercentile(numbers, percent))
    assert ranking.percentile(percent) == expected


@pytest.mark.parametrize("percent", [0, 25, 50, 99.9, 100])
def test_the_percentile_at_the_ends_is_numpys(percent):
    numbers = [0.3, 0.1, 0.7, 0.2]
    ranking = Ranking({str(i): value for i, value in enumerate(numbers)})
    assert ranking.percentile(percent) == np.percentile(numbers, percent)


@settings(max_examples=200, deadline=None)
@given(changes=changes)
def test_whoever_comes_and_goes_the_order_is_that_of_a_stable_sort(changes):
    ranking, plain = Ranking(), {}
    for trial, value in changes:
        plain.pop(f"t{trial}", None)
        if value is None:
            ranking.withdraw(f"t{trial}")
        else:
            ranking.enter(f"t{trial}", value)
            plain[f"t{trial}"] = value
    order = sorted(plain, key=lambda t: -plain[t])  # stable: of equals the earlier first
    assert list(ranking) == order
    assert list(ranking.worst_first()) == order[::-1]
    assert [ranking.position(t) for t in order] == list(range(len(order)))
    assert ranking.best() == (order[0] if order else None)
    assert list(ranking.values().items()) == list(plain.items())
    assert list(Ranking(ranking.values())) == order
    assert len(ranking) == len(order)
    assert all(t in ranking for t in order)
