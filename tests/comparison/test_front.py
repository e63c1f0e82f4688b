"""The i-epoch front, beside a brute-force lower envelope."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from neurocap_search.comparison.statistics.front import above_front, front, hull_at, is_i_epoch
from tests.comparison.runs import results

RULES = {"a": [0.02, 0.04], "i_epoch:1": [0.10, 0.06], "i_epoch:5": [0.01, 0.03], "b": [0.08, 0.10]}
SPENT = {"a": [30, 30], "i_epoch:1": [10, 10], "i_epoch:5": [50, 50], "b": [50, 60]}


def test_rows_hold_means_and_who_dominates():
    rows = {row.rule: row for row in front(results(RULES, SPENT), resamples=100)}
    assert rows["a"].epochs.value == pytest.approx(0.3)
    assert rows["a"].regret.value == pytest.approx(0.03)
    assert rows["a"].dominated_by == rows["i_epoch:1"].dominated_by == ()
    assert rows["b"].dominated_by == ("i_epoch:1", "i_epoch:5")
    assert {row.units for row in rows.values()} == {2}


def test_the_reference_lies_on_the_line_between_two_i_epoch_rules():
    found = above_front(results(RULES, SPENT), "a", resamples=100)
    assert found.reference == pytest.approx((0.08 + 0.02) / 2)
    assert found.difference.value == pytest.approx(0.03 - 0.05)


def test_epochs_may_be_left_unspent():
    spent = {**SPENT, "a": [90, 90], "i_epoch:5": [50, 50]}
    flat = {**RULES, "i_epoch:5": [0.0, 0.0]}
    assert above_front(results(flat, spent), "a", resamples=100).reference == 0.0


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(0, 50)), min_size=1, max_size=5), st.integers(0, 100)
)
@settings(max_examples=30, deadline=None)
def test_the_hull_is_the_best_mixture_within_the_budget(points, budget):
    """Brute force: the cheapest mixture of the points by a linear programme."""
    x = np.array([0, *(p[0] for p in points), 100]) / 100
    y = np.array([50, *(p[1] for p in points), 0]) / 100
    best = linprog(y, A_ub=x[None], b_ub=[budget / 100], A_eq=np.ones((1, len(x))), b_eq=[1.0])
    assert hull_at(x[None], y[None], np.array([budget / 100]))[0] == pytest.approx(best.fun, abs=1e-7)


def test_without_an_i_epoch_rule_there_is_no_front():
    with pytest.raises(ValueError, match="no i-epoch rule was compared, only a, b; add some"):
        above_front(results({"a": [0.0], "b": [0.0]}), "a")
    assert [is_i_epoch(name) for name in ("i_epoch:3:5", "i_epochs", "beta_eff")] == [True, False, False]
