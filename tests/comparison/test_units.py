"""What is averaged before anything is compared."""

import pytest

from neurocap_search.comparison.results import Results, Unit
from neurocap_search.comparison.statistics.units import (
    MEASURES,
    RunKey,
    check_rule,
    common_means,
    mean,
    runs_by_rule,
    shared_runs,
    unit_means,
    values_by_rule,
    workers_of,
)
from tests.comparison.runs import run


def test_seeds_and_workers_are_averaged_within_a_pool() -> None:
    keys = [RunKey(Unit("t", 0), seed, workers) for seed in (0, 1) for workers in (1, 4)]
    found = unit_means(
        {**dict(zip(keys, [1.0, 2.0, 3.0, 6.0], strict=True)), RunKey(Unit("s", 9), 0, 1): 7.0}
    )
    assert list(found.items()) == [(Unit("s", 9), 7.0), (Unit("t", 0), 3.0)]


def test_only_runs_that_all_rules_have_are_compared() -> None:
    runs = [run("a", 0, 0.1), run("a", 1, 0.5), run("b", 0, 0.2)]
    assert [list(by_key) for by_key in shared_runs(Results(tuple(runs))).values()] == [
        [RunKey(Unit("t", 0), 0, 1)]
    ] * 2
    assert common_means(Results(tuple(runs)), MEASURES["epochs"])["a"] == {Unit("t", 0): 0.3}


def test_a_run_whose_value_one_rule_does_not_know_counts_for_none() -> None:
    runs = [run("a", 0, 0, test=0.5), run("a", 1, 0, test=0.7), run("b", 0, 0), run("b", 1, 0, test=0.6)]
    means = common_means(Results(tuple(runs)), MEASURES["test"])
    assert means == {"a": {Unit("t", 1): 0.7}, "b": {Unit("t", 1): 0.6}}
    assert list(values_by_rule(Results(tuple(runs)), MEASURES["test"])["b"].values()) == [0.6]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rules a, b have no run in common; run .* \(there are \[1, 4\]"):
        shared_runs(Results((run("a", 0, 0), run("b", 0, 0, workers=4))))
    with pytest.raises(ValueError, match="'a' has two runs on RunKey"):
        runs_by_rule(Results((run("a", 0, 0), run("a", 0, 0.5))))
    with pytest.raises(ValueError, match=r"unknown \(nan\) for every run"):
        common_means(Results((run("a", 0, 0),)), MEASURES["test"])
    with pytest.raises(ValueError, match="no runs of the rule 'c'; known: a"):
        check_rule(Results((run("a", 0, 0),)), "c")


def test_workers_are_told_apart() -> None:
    found = Results((run("a", 0, 0.1), run("a", 0, 0.3, workers=4)))
    assert workers_of(found) == [1, 4]
    assert list(runs_by_rule(found, 4)["a"]) == [RunKey(Unit("t", 0), 0, 4)]


def test_the_mean_does_not_depend_on_the_order() -> None:
    assert mean([1e16, 1.0, -1e16]) == mean([1.0, 1e16, -1e16]) == pytest.approx(1 / 3)


def test_who_trained_nobody_loses_as_much_as_the_median() -> None:
    assert run("a", 0, 0, trained=False).regret == pytest.approx(0.2)
