"""Quantiles are numpy's to the last bit, whoever comes and goes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.pruning.quantiles import Quantiles

values = st.floats(-1e300, 1e300) | st.integers(0, 5).map(float)
changes = st.lists(st.tuples(st.integers(0, 9), st.none() | values), max_size=60)


@settings(max_examples=400, deadline=None)
@given(changes=changes, percent=st.sampled_from([0, 25, 50, 99.9, 100]) | st.floats(0, 100))
def test_the_percentile_of_those_who_are_there_is_numpys(changes, percent):
    quantiles, plain = Quantiles(), {}
    for trial, value in changes:
        plain.pop(f"t{trial}", None)
        if value is None:
            quantiles.withdraw(f"t{trial}")
        else:
            quantiles.enter(f"t{trial}", value)
            plain[f"t{trial}"] = value
    assert len(quantiles) == len(plain)
    assert list(quantiles.values().items()) == list(plain.items())
    if plain:
        with np.errstate(over="ignore", invalid="ignore"):
            expected = float(np.percentile(list(plain.values()), percent))
        for ranked in (quantiles, Quantiles(plain)):
            assert ranked.percentile(percent) == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


def test_what_it_was_made_with_and_what_it_returns_are_copies():
    given_values = {"a": 0.5}
    quantiles = Quantiles(given_values)
    quantiles.values()["b"] = 0.1
    quantiles.enter("c", 0.7)
    assert (given_values, quantiles.values()) == ({"a": 0.5}, {"a": 0.5, "c": 0.7})
