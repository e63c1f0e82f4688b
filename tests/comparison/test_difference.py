"""Paired differences, Wilcoxon's test and Holm's correction, beside SciPy and by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.difference import compare_rules, compare_with_all
from neurocap_search.comparison.statistics.holm import holm
from neurocap_search.comparison.statistics.signed_rank import signed_rank_p
from tests.comparison.runs import results, run

regrets = st.lists(st.integers(0, 20).map(lambda k: k / 100), min_size=7, max_size=7)


def test_wilcoxon_is_that_of_scipy_without_ties() -> None:
    for size in (5, 12, 40, 100):
        values = np.random.default_rng(size).normal(0.2, size=size)
        assert signed_rank_p(list(values)) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_wilcoxon_of_many_is_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(0.1, size=150)
    assert signed_rank_p(list(values)) == stats.wilcoxon(values, method="asymptotic").pvalue


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_wilcoxon_with_ties_is_the_share_of_all_choices_of_signs(values: list[int]) -> None:
    known = [value for value in values if value]
    ranks = stats.rankdata(np.abs(known)) if known else np.zeros(0)
    sums = [sum(rank for rank, up in zip(ranks, signs, strict=True) if up)
            for signs in product([False, True], repeat=len(known))]  # fmt: skip
    own = sum(rank for rank, value in zip(ranks, known, strict=True) if value > 0)
    tails = np.mean(np.array(sums) <= own), np.mean(np.array(sums) >= own)
    assert signed_rank_p(values) == pytest.approx(min(1.0, 2 * min(tails)))


def test_holm_is_that_of_the_paper_and_of_brute_force() -> None:
    # Holm's own steps for five p values: 5 x, 4 x, 3 x, 2 x, 1 x, never falling.
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_holm_rejects_what_the_step_down_rejects(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    level, rejected = 0.05, set()
    for step, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if (len(p_values) - step) * p_values[i] > level:
            break
        rejected.add(i)
    assert {i for i, p in enumerate(adjusted) if p <= level} == rejected
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


def test_a_difference_by_hand() -> None:
    found = compare_rules(
        results({"a": [0.01, 0.02, 0.03], "b": [0.02, 0.02, 0.05], "c": [0.0] * 3}), "a", "b"
    )
    assert found.mean_a == pytest.approx(0.02)
    assert found.difference.value == pytest.approx(-0.01)
    assert (found.wins, found.ties, found.losses, found.win_rate) == (2, 1, 0, 2 / 3)
    assert found.p == 0.5  # two pools that differ, both one way: 2 / 2^2
    against_c = 0.25  # three pools, all the other way
    assert found.p_holm == pytest.approx(max(0.5, 2 * against_c))
    assert (found.family, found.tasks, found.runs) == (2, 1, 3)


@given(regrets, regrets, st.integers(0, 10))
@settings(max_examples=15, deadline=None)
def test_swapping_mirrors_and_a_constant_changes_nothing(a: list[float], b: list[float], more: int) -> None:
    plain = compare_rules(results({"a": a, "b": b}, tasks=2), "a", "b", resamples=100)
    swapped = compare_rules(results({"a": a, "b": b}, tasks=2), "b", "a", resamples=100)
    moved = results({rule: [x + more / 100 for x in xs] for rule, xs in (("a", a), ("b", b))}, tasks=2)
    found = compare_rules(moved, "a", "b", resamples=100)
    assert (swapped.p, swapped.wins, swapped.ties, swapped.losses) == (
        plain.p, plain.losses, plain.ties, plain.wins,
    )  # fmt: skip
    assert swapped.difference == pytest.approx(
        (-plain.difference.value, -plain.difference.high, -plain.difference.low), abs=1e-9
    )
    assert found.difference == pytest.approx(plain.difference, abs=1e-9)
    assert (found.p, found.wins) == (plain.p, plain.wins)


@given(regrets)
@settings(max_examples=20, deadline=None)
def test_a_rule_does_not_differ_from_itself(values: list[float]) -> None:
    found = compare_rules(results({"a": values, "b": values}), "a", "b", resamples=100)
    assert found.difference == (0.0, 0.0, 0.0)
    assert (found.p, found.p_holm, found.ties, found.win_rate) == (1.0, 1.0, 7, 0.0)


def test_higher_is_better_on_the_test_set_unless_the_metric_is_a_loss() -> None:
    runs = [
        run(rule, k, 0.0, test=value + k / 100) for rule, value in (("a", 0.9), ("b", 0.8)) for k in range(3)
    ]
    assert compare_rules(Results(tuple(runs)), "a", "b", "test").wins == 3
    assert compare_rules(Results(tuple(runs), mode="min"), "a", "b", "test").losses == 3


def test_what_the_interval_rests_on_is_said() -> None:
    one_pool = compare_rules(results({"a": [0.1], "b": [0.2]}), "a", "b")
    assert not one_pool.difference.has_interval
    assert one_pool.note == "one pool of architectures: there is nothing to resample, so no interval"
    one_task = compare_rules(results({"a": [0.1, 0.2], "b": [0.2, 0.1]}), "a", "b")
    assert one_task.note == "one task: the interval is over its pools and says nothing of other tasks"
    assert compare_rules(results({"a": [0.1] * 4, "b": [0.2] * 4}, tasks=2), "a", "b").note is None


def test_every_rule_is_compared_with_all_it_shares_a_run_with() -> None:
    found = results({"a": [0.1, 0.2], "b": [0.2, 0.3], "c": [0.0, 0.0]})
    alone = Results((*found.runs, run("d", 7, 0.0)))
    assert [difference.b for difference in compare_with_all(alone, "a")] == ["b", "c"]
    with pytest.raises(ValueError, match="'a' and 'd' have no run in common whose regret is known"):
        compare_rules(alone, "a", "d")
    with pytest.raises(ValueError, match="no runs of the rule 'x'; known: a, b, c, d"):
        compare_rules(alone, "a", "x")


def test_the_same_seed_gives_the_same_interval() -> None:
    made = results({"a": [0.1, 0.2, 0.05, 0.0], "b": [0.2, 0.1, 0.3, 0.1]}, tasks=2)
    assert compare_rules(made, "a", "b", seed=3) == compare_rules(made, "a", "b", seed=3)
