"""What counts as better, and that the sentence says so in numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.outcome import outcome_of
from neurocap_search.comparison.statistics.verdict import verdict
from tests.comparison.runs import results, run

POOLS = 12
LOW, HIGH = [0.001 * k for k in range(POOLS)], [0.05 + 0.002 * k for k in range(POOLS)]
FEW, MANY = [20 + k % 3 for k in range(POOLS)], [40 + k % 2 for k in range(POOLS)]


def judged(a, b, spent_a=MANY, spent_b=MANY, **more):
    return verdict(results({"a": a, "b": b}, {"a": spent_a, "b": spent_b}, tasks=2, **more), resamples=2_000)


@pytest.mark.parametrize(
    ("outcome", "a", "b", "spent_a", "spent_b"),
    [
        ("better", LOW, HIGH, MANY, MANY),
        ("better", LOW, HIGH, FEW, MANY),
        ("better", LOW, LOW, FEW, MANY),
        ("worse", HIGH, LOW, MANY, MANY),
        ("worse", LOW, LOW, MANY, FEW),
        ("a trade", LOW, HIGH, MANY, FEW),
        ("a trade", HIGH, LOW, FEW, MANY),
        ("no different", LOW, LOW, MANY, MANY),
        ("no different", LOW, LOW[::-1], MANY, MANY),
    ],
)
def test_an_outcome(outcome, a, b, spent_a, spent_b):
    found = judged(a, b, spent_a, spent_b)
    assert found.outcome == outcome
    assert found.sentence.startswith("a is ")
    assert {"no different": "not clearly different"}.get(outcome, outcome) in found.sentence


def test_less_regret_bought_with_more_epochs_is_no_advantage():
    """2 % more of full training is above the margin of 1 %, whatever the test of epochs says."""
    generator = np.random.default_rng(0)
    noisy = [int(40 + 2 + generator.integers(-9, 10)) for _ in range(POOLS)]
    found = judged(LOW, HIGH, noisy, [40] * POOLS)
    assert not found.epochs.difference.excludes_zero  # not shown to spend more,
    assert found.epochs.difference.high > 0.01  # nor to spend no more
    assert found.outcome == "no different"


def test_fewer_epochs_at_a_regret_that_may_be_higher_are_no_advantage():
    wide = [0.1 * (k % 2) for k in range(POOLS)]
    found = judged(wide, wide[::-1], FEW, MANY)
    assert found.epochs.difference.excludes_zero
    assert found.regret.difference.high > found.margin == pytest.approx(0.05 * 0.2)
    assert found.outcome == "no different"


def test_differences_that_do_not_matter_are_none_either_way():
    """A hundredth more epochs for a tenth of a point less regret: both sure, and both within the margins."""
    found = judged([0.01] * POOLS, [0.011] * POOLS, [41] * POOLS, [40] * POOLS)
    assert found.regret.difference.excludes_zero
    assert found.epochs.difference.excludes_zero
    assert found.outcome == "no different"


@pytest.mark.parametrize(("interval", "p"), [((-0.1, -0.05), 0.2), ((-0.1, 0.001), 0.01)])
def test_a_difference_is_sure_only_by_its_interval_and_by_holm(interval, p):
    found = judged(LOW, HIGH)
    less = replace(found.regret, difference=Estimate(-0.07, *interval), p_holm=p)
    assert outcome_of(found.regret, found.epochs, found.margin) == "better"
    assert outcome_of(less, found.epochs, found.margin) == "no different"


def test_few_pools_cannot_tell_whatever_they_say():
    found = judged([0.0] * 5, [0.1] * 5, [20] * 5, [40] * 5)
    assert found.outcome == "can't tell"
    assert found.sentence.startswith("5 pools can't tell whether a is better than b")
    assert found.beside[-1].endswith("it takes at least 6 pools.")


def test_one_pool_has_no_interval_and_no_verdict():
    found = verdict(results({"a": [0.0], "b": [0.1]}))
    assert found.outcome == "can't tell"
    assert "95 % interval none" in found.sentence


def test_the_sentence_holds_the_numbers():
    found = judged(LOW, HIGH, FEW, MANY)
    a, b = np.mean(LOW), np.mean(HIGH)
    for part in (
        "a is better than b here: it spends 21 % of the epochs of full training against 40.5 % "
        "(difference -19.5, 95 % interval -",
        f"{100 * a:.3g} points off the best network against {100 * b:.3g} points (difference "
        f"{100 * (a - b):.3g}, 95 % interval -",
        "p < 0.001), closer in 100 % of the pools and as close in 0 %",
    ):
        assert part in found.sentence
    assert found.beside[-1] == (
        "Replays of recorded trainings: 2 tasks, 12 pools of networks, 12 pairs of runs; p is Wilcoxon's "
        "over the pools after Holm's correction for 1 comparison."
    )


def test_live_searches_and_other_metrics_have_their_words():
    found = judged(LOW, HIGH, kind="live", metric="val_perplexity", mode="min")
    assert found.beside[-1].startswith("Live searches: ")
    assert "0.0055 of val perplexity off the best" in found.sentence


def test_so_few_pools_that_holm_could_hardly_be_passed_are_called_so():
    rules = {name: [0.01 * (k % 2) for k in range(7)] for name in "abcdefgh"}
    assert "hardly any difference could have been shown" in verdict(results(rules)).beside[-1]
    assert "hardly" not in judged(LOW, LOW).beside[-1]


def test_what_a_sceptic_asks_next_stands_beside():
    rules = {
        "a": LOW,
        "b": HIGH,
        "i_epoch:1": HIGH,
        "i_epoch:3": LOW,
        "full": [0.0] * 12,
        "oracle": [0.0] * 12,
    }
    spent = {"a": [70] * 12, "i_epoch:1": [10] * 12, "full": [100] * 12, "oracle": [11] * 12}
    made = results(rules, spent, tasks=2)
    tested = tuple(run(r.rule, r.unit.pool, r.regret, task=r.unit.task, epochs=r.epochs, test=0.8,
                       pruned_at=1 if r.rule == "b" else None) for r in made.runs)  # fmt: skip
    said = verdict(Results(tested, "a", "b"), resamples=500).beside
    assert said[0].startswith("a is worse than stopping everybody after a fixed number of epochs")
    assert "with the same 70 % of the epochs that loses" in said[0]
    assert said[1].startswith("b is worse than stopping everybody")
    assert said[2] == "Full training of everybody spends 100 % of the epochs and loses 0 points."
    assert said[3].startswith("The oracle, which knows the finals, spends 11 % of the epochs")
    assert said[4].startswith("a pruned the best network of the pool in 0 % of the runs (95 % interval 0 to")
    assert "b pruned the best network of the pool in 100 % of the runs" in said[5]
    assert said[5].endswith("there it lost 6.1 points.")
    assert "the pick of a reaches 80 % and that of b 80 %" in said[6]


def test_a_missing_front_is_said():
    said = judged(LOW, HIGH).beside
    assert said[0].startswith("The trivial rule was not compared")


def test_one_task_says_nothing_of_others():
    said = verdict(results({"a": LOW, "b": HIGH})).beside
    assert said[-2] == "One task: the interval is over its pools and says nothing of other tasks."


pools = st.lists(st.integers(0, 15), min_size=8, max_size=8)
MIRROR = {"better": "worse", "worse": "better"}


@given(pools, pools, pools, pools)
@settings(max_examples=12, deadline=None)
def test_swapping_the_rules_mirrors_the_outcome(a, b, spent_a, spent_b):
    made = results({"a": [x / 100 for x in a], "b": [x / 100 for x in b]},
                   {"a": [30 + x for x in spent_a], "b": [30 + x for x in spent_b]}, tasks=2)  # fmt: skip
    there = verdict(made, resamples=200).outcome
    back = verdict(Results(made.runs, "b", "a"), resamples=200).outcome
    assert back == MIRROR.get(there, there)


def test_the_same_seed_gives_the_same_verdict():
    assert judged(LOW, HIGH) == judged(LOW, HIGH)


def test_rules_that_do_not_differ_are_called_better_or_worse_rarely():
    """60 comparisons of two rules of equal quality: sure differences in about one in twenty at most."""
    generator = np.random.default_rng(7)
    outcomes = [
        verdict(results({r: list(generator.uniform(0, 0.1, 10)) for r in "ab"}), resamples=500).outcome
        for _ in range(60)
    ]
    assert sum(outcome != "no different" for outcome in outcomes) <= 6
