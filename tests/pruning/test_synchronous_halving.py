"""Everybody of a rung is there before the best go on."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, SynchronousHalvingPolicy
from neurocap_search.testing import PolicyConformance
from neurocap_search.testing.policy_simulation import Simulation


class TestSynchronousHalving(PolicyConformance):
    def make(self, mode):
        return SynchronousHalvingPolicy(metric="value", mode=mode, max_t=9, reduction_factor=3)

    def make_policy(self):
        return self.make("max")

    def make_min_policy(self):
        return self.make("min")


class TestSynchronousHalvingWithManyRungs(TestSynchronousHalving):
    def make(self, mode):
        return SynchronousHalvingPolicy(metric="value", mode=mode, max_t=9, reduction_factor=1.5)


class TestSynchronousHalvingWithoutRungs(TestSynchronousHalving):
    def make(self, mode):
        return SynchronousHalvingPolicy(metric="value", mode=mode, max_t=9, grace_period=9)

    def paused(self):
        pytest.skip("there is no rung to pause at")


def policy(**arguments):
    return SynchronousHalvingPolicy(**({"metric": "acc", "max_t": 9, "reduction_factor": 3} | arguments))


def report(epoch, acc):
    return Report(epoch, {"acc": acc})


def expected_epochs(curves, milestones, factor, max_t, sign):
    """Epochs of each trial by the textbook: sort, keep the first n/eta, at least one, until the last rung."""
    epochs, left = {}, list(curves)
    for milestone in milestones:
        left.sort(key=lambda trial: -sign * curves[trial][milestone - 1])
        places = max(1, math.floor(len(left) / factor))
        epochs |= dict.fromkeys(left[places:], milestone)
        left = left[:places]
    return epochs | dict.fromkeys(left, max_t)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    trials=st.integers(1, 40),
    workers=st.integers(1, 7),
    factor=st.sampled_from([2, 3, 4]),
    grace_period=st.integers(1, 3),
    mode=st.sampled_from(["max", "min"]),
)
def test_the_textbook_says_who_trains_how_long(seed, trials, workers, factor, grace_period, mode):
    rng = np.random.default_rng(seed)
    curves = {f"t{k}": row.tolist() for k, row in enumerate(rng.random((trials, 20)))}
    pruning = policy(max_t=20, reduction_factor=factor, grace_period=grace_period, mode=mode)
    milestones = [grace_period * factor**k for k in range(5) if grace_period * factor**k < 20]
    assert pruning.milestones == tuple(milestones)
    decisions = Simulation(pruning, curves, report, workers=workers).run().decisions
    sign = 1 if mode == "max" else -1
    expected = expected_epochs(curves, milestones, factor, 20, sign)
    assert {trial: made[-1].epoch for trial, made in decisions.items()} == expected
    assert {trial for trial, made in decisions.items() if made[-1].pruned} == {
        trial for trial, epochs in expected.items() if epochs < 20
    }


def test_ties_go_to_who_came_first():
    pruning = policy(reduction_factor=2)
    for trial in "abcd":
        pruning.on_report(trial, report(1, 0.5))
    pruning.on_report("a", report(1, 0.5))  # again: it counts as arriving now
    pruning.on_exhausted()
    assert [trial for trial, _ in pruning.surplus()] == ["a", "d"]
    assert pruning.resumable()[0] == "b"


def test_reasons():
    pruning = policy(reduction_factor=2)
    waits = pruning.on_report("a", report(1, 0.2))
    assert waits == Decision(
        Action.PAUSE,
        1,
        "epoch 1: acc 0.200 ranks 1 of 1 at its rung, where the best one may go on; it waits for the others",
    )
    pruning.on_report("b", report(1, 0.1))
    pruning.on_exhausted()
    goes_on = "epoch 1: acc 0.200 ranks 1 of 2 at its rung, where the best one may go on; it goes on"
    assert pruning.resumable() == ("a", Decision(Action.CONTINUE, 1, goes_on))
    given_up = "epoch 1: acc 0.100 ranks 2 of 2 at its rung, where the best one may go on; it is given up"
    assert pruning.surplus() == [("b", Decision(Action.STOP, 1, given_up, pruned=True))]
    pruning.on_complete("b", None)
    pruning.on_resume("a")
    assert pruning.on_report("a", report(2, 0.2)) == Decision(
        Action.CONTINUE,
        2,
        "epoch 2: acc 0.200 ranks 1 of 1 at its rung, where the best one may go on; it goes on",
    )
    assert pruning.on_report("a", report(3, 0.2)).reason == "epoch 3: between rungs"
    assert pruning.on_report("a", report(9, 0.2)).reason == "epoch 9 of 9: fully trained"


def test_nobody_goes_on_while_new_trials_may_come_or_one_is_on_the_way():
    pruning = policy()
    pruning.on_add("late")
    for k in range(6):
        pruning.on_report(f"t{k}", report(1, k / 10))
    assert pruning.resumable() is None
    assert pruning.surplus() == []
    pruning.on_exhausted()
    assert pruning.resumable() is None
    assert pruning.surplus() == []
    pruning.on_error("late")
    assert pruning.resumable()[0] == "t5"
    assert [trial for trial, _ in pruning.surplus()] == ["t0", "t1", "t2", "t3"]


def test_nobody_of_a_higher_rung_goes_on_while_one_waits_to_come_there():
    pruning = policy(max_t=27)
    for k in range(9):
        pruning.on_report(f"t{k}", report(1, k / 10))
    pruning.on_exhausted()
    for _ in range(2):
        best, _ = pruning.resumable()
        pruning.on_resume(best)
        assert pruning.on_report(best, report(3, 0.5)).action is Action.PAUSE
    assert pruning.resumable()[0] == "t6"
    assert [trial for trial, _ in pruning.surplus()] == [f"t{k}" for k in range(6)]
    pruning.on_resume("t6")
    assert pruning.resumable() is None
    assert pruning.on_report("t6", report(3, 0.6)).action is Action.CONTINUE
    assert {trial for trial, _ in pruning.surplus()} >= {"t7", "t8"}


def test_the_places_do_not_become_fewer_while_the_others_are_given_up():
    pruning = policy(reduction_factor=2)
    for k in range(8):
        pruning.on_report(f"t{k}", report(1, k / 10))
    pruning.on_exhausted()
    for trial, _ in pruning.surplus():
        pruning.on_complete(trial, None)
        assert trial in {"t0", "t1", "t2", "t3"}
    assert pruning.surplus() == []
    assert pruning.resumable()[1].reason.startswith("epoch 1: acc 0.700 ranks 1 of 8")


@pytest.mark.parametrize("taken_away", ["on_error", "on_complete"])
def test_a_trial_taken_away_while_it_waits_leaves_its_place(taken_away):
    pruning = policy()
    for trial, acc in (("a", 0.9), ("b", 0.5), ("c", 0.1)):
        pruning.on_report(trial, report(1, acc))
    if taken_away == "on_error":
        pruning.on_error("a")
    else:
        pruning.on_complete("a", None)
    pruning.on_exhausted()
    assert pruning.resumable()[0] == "b"


def test_a_diverged_trial_leaves_its_place():
    pruning = policy()
    for trial in "abc":
        pruning.on_add(trial)
    pruning.on_report("a", report(1, 0.9))
    pruning.on_report("b", report(1, 0.5))
    pruning.on_exhausted()
    assert pruning.on_report("a", report(1, math.nan)).failed
    pruning.on_complete("a", None)
    assert pruning.on_report("c", report(1, 0.1)).action is Action.PAUSE
    assert pruning.resumable()[0] == "b"


def test_a_promoted_trial_that_starts_over_is_not_paused_again():
    pruning = policy()
    pruning.on_report("a", report(1, 0.9))
    pruning.on_exhausted()
    pruning.on_resume("a")
    pruning.on_error("a")
    pruning.on_add("a")
    assert pruning.on_report("a", report(1, 0.1)).reason == "epoch 1: between rungs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grace_period": 0}, r"^grace_period must be from 1 to max_t = 9, received 0\.$"),
        ({"reduction_factor": 1}, r"^reduction_factor must be above 1, received 1\.$"),
        ({"mode": "up"}, r"^mode must be 'max' or 'min', received 'up'\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        policy(**arguments)
