"""The interval covers what it should, and is drawn from pools and tasks, never from reshuffles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.comparison.bootstrap import Estimate, Resampling, expanded_tail
from neurocap_search.comparison.results import Unit

UNITS = [Unit("a", 0), Unit("a", 1), Unit("a", 2), Unit("b", 0), Unit("c", 0), Unit("c", 1)]


def test_every_task_counts_the_same_and_within_it_every_pool() -> None:
    draws = Resampling.of(UNITS, 0, 10)
    assert draws.center == pytest.approx([1 / 9, 1 / 9, 1 / 9, 1 / 3, 1 / 6, 1 / 6])
    assert draws.weights.sum(axis=1) == pytest.approx(np.ones(10))


def test_a_resample_draws_tasks_and_then_their_pools() -> None:
    weights = Resampling.of(UNITS, 1, 20_000).weights
    by_task = np.stack([weights[:, :3].sum(1), weights[:, 3], weights[:, 4:].sum(1)], axis=1)
    assert set(np.round(by_task * 3).astype(int).ravel()) == {0, 1, 2, 3}
    assert np.allclose(by_task * 3, np.round(by_task * 3))
    assert by_task.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.01)
    # Var of the share of one of three tasks: 3 draws with probability 1/3, divided by 3.
    assert by_task[:, 0].var() == pytest.approx(3 * (1 / 3) * (2 / 3) / 9, abs=0.005)


def test_the_standard_error_of_one_task_is_that_of_the_textbook() -> None:
    values = np.random.default_rng(3).normal(size=20)
    drawn = Resampling.of([Unit("t", k) for k in range(20)], 0, 20_000).draws(values)
    assert drawn.std() == pytest.approx(values.std() / np.sqrt(20), rel=0.03)


@pytest.mark.parametrize("size", [8, 25])
def test_the_interval_covers_the_mean_of_normal_data_in_about_95_of_100(size: int) -> None:
    draws = Resampling.of([Unit("t", k) for k in range(size)], 0, 2_000)
    data = np.random.default_rng(size).normal(loc=1.0, size=(size, 1_000))
    low, high = draws.interval(draws.draws(data))
    assert 0.92 < np.mean((low <= 1) & (high >= 1)) < 0.985


def test_the_interval_covers_the_mean_of_tasks_that_differ() -> None:
    tasks, pools, generator = 8, 5, np.random.default_rng(0)
    draws = Resampling.of([Unit(str(t), p) for t in range(tasks) for p in range(pools)], 0, 2_000)
    effects = np.repeat(generator.normal(size=(tasks, 1_000)), pools, axis=0)
    low, high = draws.interval(draws.draws(effects + generator.normal(size=effects.shape)))
    assert 0.92 < np.mean((low <= 0) & (high >= 0)) < 0.99


def test_reshuffles_of_one_pool_give_no_interval() -> None:
    estimate = Resampling.of([Unit("t", 0)], 0).estimate([0.25])
    assert estimate.value == 0.25
    assert not estimate.has_interval
    assert not estimate.excludes_zero


def test_no_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="no pool to resample, received an empty collection"):
        Resampling.of([], 0)


def test_the_tail_is_plain_for_many_and_wider_for_few() -> None:
    tails = [expanded_tail(count) for count in (2, 3, 5, 20, 100_000)]
    assert tails == sorted(tails)
    assert tails[-1] == pytest.approx(0.025, abs=1e-4)
    assert expanded_tail(1) == 0.0


values = st.lists(st.floats(-100, 100), min_size=6, max_size=6)


@given(values, st.floats(-50, 50))
@settings(max_examples=20, deadline=None)
def test_a_constant_moves_the_interval_and_a_sign_mirrors_it(numbers: list[float], constant: float) -> None:
    draws = Resampling.of(UNITS, 0, 200)
    plain = draws.estimate(numbers)
    assert draws.estimate([x + constant for x in numbers]) == pytest.approx([x + constant for x in plain])
    mirrored = Estimate(-plain.value, -plain.high, -plain.low)
    assert draws.estimate([-x for x in numbers]) == pytest.approx(mirrored, abs=1e-9)


def test_order_and_repetition_of_the_pools_change_nothing_and_the_seed_decides() -> None:
    numbers = [1.0, 5.0, 2.0, 4.0, 8.0, 3.0]
    found = Resampling.of(UNITS, 5, 300).estimate(numbers)
    assert Resampling.of([*reversed(UNITS), UNITS[0]], 5, 300).estimate(numbers) == found
    assert Resampling.of(UNITS, 6, 300).estimate(numbers) != found


def test_an_interval_that_ends_at_0_does_not_end_right_beside_it() -> None:
    """With two tasks next to nothing is cut off, and the quantile lies that far from the least value."""
    resampling = Resampling.of([Unit("a", 0), Unit("a", 1), Unit("b", 0)], seed=0)
    low, high = resampling.interval(np.array([0.0, 0.5, 1.0]))
    assert 0 < resampling.tail < 1e-60
    assert (float(low), float(high)) == (0.0, 1.0)
