"""Each check of the health card, in each of its states."""

from dataclasses import replace

import numpy as np
import pytest

from neurocap_search.comparison.results import Guess, Results
from neurocap_search.comparison.statistics.health import health_card
from neurocap_search.prediction import Report
from tests.comparison.runs import results, run
from tests.comparison.test_signals import made_task

GOOD = [0.01 + 0.001 * (k % 3) for k in range(12)]
FRONT = {"i_epoch:1": [0.1] * 12, "i_epoch:2": [0.08] * 12}
FRONT_SPENT = {"i_epoch:1": [20] * 12, "i_epoch:2": [40] * 12}


def card(made, tasks=None):
    return {check.name: check for check in health_card(made, tasks or {}, resamples=500)}


def states(made, tasks=None):
    return {name: check.state for name, check in card(made, tasks).items()}


def changed(made, **more):
    """The same runs with other numbers, by the run."""
    return Results(
        tuple(_changed(r, {key: value(r) for key, value in more.items()}) for r in made.runs), "a", "b"
    )


def _changed(r, more):
    return run(r.rule, r.unit.pool, r.regret, task=r.unit.task, epochs=r.epochs, **more)


def healthy(**rules):
    return results({"a": GOOD, "b": GOOD, **FRONT, **rules}, FRONT_SPENT, tasks=3)


def test_a_healthy_comparison_passes_everything():
    assert set(states(healthy()).values()) == {"PASS"}
    assert list(states(healthy())) == [
        "enough pools", "same work for all", "finished trials", "equal budgets", "against the trivial rule",
        "any rule beats the trivial one", "winner kept",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pools", "tasks", "state"), [(5, 1, "FAIL"), (8, 3, "WARNING"), (12, 1, "WARNING"), (12, 3, "PASS")]
)
def test_pools_can_be_too_few(pools, tasks, state):
    check = card(results({"a": [0.0] * pools, "b": [0.0] * pools}, tasks=tasks))["enough pools"]
    assert check.state == state
    assert check.reason.startswith(f"{pools} disjoint pools of {tasks} task")


def test_runs_that_some_rule_lacks_are_told():
    made = results({"a": GOOD, "b": GOOD[:-1]})
    check = card(made)["same work for all"]
    assert (check.state, check.reason) == (
        "WARNING",
        "b lack some of 12 runs; tables rest on the 11 in common",
    )


@pytest.mark.parametrize(("empty", "state"), [(0, "PASS"), (1, "WARNING"), (3, "FAIL")])
def test_runs_without_a_fully_trained_network_are_told(empty, state):
    made = changed(
        healthy(), trained=lambda r: r.rule != "a" or r.unit.pool * 3 + int(r.unit.task[1]) >= empty
    )
    assert states(made)["finished trials"] == state


def test_unlike_budgets_are_told():
    spent = {"a": [40] * 12, "b": [30] * 12}
    check = card(results({"a": GOOD, "b": GOOD}, spent))["equal budgets"]
    assert check.state == "WARNING"
    assert check.reason.startswith("a spent 40 % of full training, b 30 %; read regret and epochs together")


def test_the_trivial_rule_can_be_missing_better_or_equal():
    name = "against the trivial rule"
    assert "no i-epoch rule was compared" in card(results({"a": GOOD, "b": GOOD}))[name].reason
    dominated = results({"a": [0.05] * 12, "b": GOOD, "i_epoch:1": [0.0] * 12}, {"i_epoch:1": [10] * 12})
    assert states(dominated)[name] == "FAIL"
    equal = results({"a": GOOD, "b": GOOD, "i_epoch:1": GOOD[::-1]})
    assert states(equal)[name] == "WARNING"
    assert states(equal)["any rule beats the trivial one"] == "WARNING"


@pytest.mark.parametrize(
    ("ours", "theirs", "state"), [(0, 0, "PASS"), (1, 0, "WARNING"), (9, 0, "FAIL"), (0, 9, "PASS")]
)
def test_a_winner_killed_more_often_than_by_the_rival_is_told(ours, theirs, state):
    limit = {"a": ours, "b": theirs}
    made = changed(
        results({"a": GOOD, "b": GOOD}), pruned_at=lambda r: 1 if r.unit.pool < limit[r.rule] else None
    )
    assert states(made)["winner kept"] == state


@pytest.mark.parametrize(
    ("spread", "state"), [(1.0, "PASS"), (0.75, "WARNING"), (0.2, "FAIL"), (2.0, "WARNING")]
)
def test_a_spread_that_is_off_is_told(spread, state):
    generator = np.random.default_rng(0)
    finals = generator.normal(0.5, 0.1, size=(12, 40))
    made = changed(results({"a": GOOD, "b": GOOD}), guesses=lambda r: [
        Guess(1, 0.5, 0.1 * spread, final, False) for final in finals[r.unit.pool]
    ] if r.rule == "a" else [])  # fmt: skip
    assert states(made)["spread of the predictions"] == state


@pytest.mark.parametrize(("slope", "state"), [(1.0, "PASS"), (-1.0, "FAIL")])
def test_predictions_that_do_not_rank_are_told(slope, state):
    made = changed(results({"a": GOOD, "b": GOOD}), guesses=lambda r: [
        Guess(2, slope * k, 1.0, float(k), False) for k in range(6)
    ])  # fmt: skip
    assert states(made)["predictions rank"] == state
    few = changed(results({"a": GOOD, "b": GOOD}), guesses=lambda r: [Guess(2, 0.5, 1.0, 0.5, False)])
    assert "too few to say" in card(few)["predictions rank"].reason


def test_traces_are_checked_for_failures_and_for_the_candidates_signal():
    made = Results(results({"beta_eff": GOOD, "b": GOOD}).runs, "beta_eff", "b")
    found = card(made, {"t0": made_task(60, seeds=2, failed=10)})
    assert found["failed trainings"].state == "FAIL"
    assert (
        found["failed trainings"].reason == "20 of 120 recorded trainings failed (16.7 %), such as: it broke"
    )
    assert found["signal of the candidate"].state == "FAIL"
    assert "train_loss 0.8" in found["signal of the candidate"].reason
    assert found["signal of the candidate"].reason.endswith("(ahead at no epoch)")
    assert found["against the seed ceiling"].state == "WARNING"
    assert "more than size" not in found  # it measures nothing that size could explain


def test_a_signal_that_beats_the_plain_ones_passes():
    made = Results(results({"halving:train_loss": GOOD, "b": GOOD}).runs, "halving:train_loss", "b")
    found = states(made, {"t0": made_task(60, seeds=2)})
    assert [found[name] for name in ("failed trainings", "signal of the candidate", "more than size")] == [
        "PASS"
    ] * 3


def test_a_signal_that_is_only_size_is_told():
    """The final follows the size class and luck within it; so does what the candidate looks at."""
    made = Results(results({"halving:parameters": GOOD, "b": GOOD}).runs, "halving:parameters", "b")
    found = card(made, {"t0": by_size(made_task(90))})["more than size"]
    assert found.state == "FAIL"
    assert found.reason.endswith("much of what it measures is size")


def by_size(task):
    """The task with a final that is the third by size, plus luck."""

    def rewritten(trace):
        third = (trace.reports[0].metrics["parameters"] - 10) // (len(task.traces) / 3)
        luck = trace.reports[0].metrics["cpu_seconds"] / 100
        last = trace.reports[-1]
        return replace(
            trace,
            reports=(*trace.reports[:-1], Report(last.epoch, {**last.metrics, "val_accuracy": third + luck})),
        )

    return replace(task, traces=tuple(map(rewritten, task.traces)))


def test_a_signal_that_nobody_reports_is_told():
    made = Results(results({"halving:nothing": GOOD, "b": GOOD}).runs, "halving:nothing", "b")
    check = card(made, {"t0": made_task(20)})["signal of the candidate"]
    assert (check.state, check.reason) == ("WARNING", "no recorded training reports nothing")


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="no runs of the rule 'c'"):
        health_card(Results(results({"a": GOOD, "b": GOOD}).runs, "a", "c"), {})
