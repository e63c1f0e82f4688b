"""Mercy for trials that still improve and for the best so far, and for nobody else."""

import math

import pytest

from neurocap_search.prediction import Report
from neurocap_search.pruning import (
    Action,
    Decision,
    FullTrainingPolicy,
    GuardedPolicy,
    IEpochPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
)


class Strict(PruningPolicy):
    """Prunes whatever reports, unless it is at its end or has failed."""

    def on_report(self, trial_id, report):
        if report.get("acc") is not None and math.isnan(report.get("acc")):
            return Decision(Action.STOP, report.epoch, f"epoch {report.epoch}: diverged", failed=True)
        ends = report.epoch >= 9
        return Decision(Action.STOP, report.epoch, f"epoch {report.epoch}: no", pruned=not ends)

    def state_dict(self):
        return {"policy": "strict", "version": 1}

    def load_state_dict(self, state):
        pass


def guarded(policy=None, **arguments):
    return GuardedPolicy(policy or Strict(), **({"metric": "acc"} | arguments))


def report(epoch, acc):
    return Report(epoch, {"acc": acc})


def actions(policy, accs, trial="a"):
    return [policy.on_report(trial, report(epoch, acc)).action.value for epoch, acc in enumerate(accs, 1)]


def test_without_guards_the_policy_decides():
    assert actions(guarded(), [0.1, 0.2, 0.3]) == ["STOP"] * 3


@pytest.mark.parametrize(
    ("patience", "accs", "expected"),
    [
        (1, [0.1, 0.2, 0.2, 0.3, 0.1], "SCSCS"),  # a first value surpasses nothing; a tie is none
        (2, [0.1, 0.2, 0.2, 0.2, 0.3], "SCCSC"),
        (3, [0.1, 0.2, 0.1, 0.15, 0.1, 0.1], "SCCCSS"),
    ],
)
def test_patience_protects_for_so_many_epochs(patience, accs, expected):
    letters = {"C": "CONTINUE", "S": "STOP"}
    assert actions(guarded(patience=patience), accs) == [letters[letter] for letter in expected]
    mirrored = guarded(patience=patience, mode="min")
    assert actions(mirrored, [-acc for acc in accs]) == [letters[letter] for letter in expected]


def test_an_improvement_of_a_training_that_was_lost_does_not_protect():
    policy = guarded(patience=3)
    actions(policy, [0.1, 0.2, 0.3, 0.4])
    assert policy.on_report("a", report(1, 0.1)).action is Action.STOP


def test_the_best_are_protected_as_they_stand_by_now():
    policy = guarded(protect_best=2)
    assert policy.on_report("a", report(1, 0.5)).action is Action.CONTINUE
    assert policy.on_report("b", report(1, 0.6)).action is Action.CONTINUE
    assert policy.on_report("c", report(1, 0.4)).action is Action.STOP
    assert policy.on_report("d", report(1, 0.7)).action is Action.CONTINUE
    assert policy.on_report("a", report(2, 0.55)).action is Action.STOP  # third by now
    assert policy.on_report("b", report(2, 0.1)).action is Action.CONTINUE  # its best value counts


def test_trials_that_ended_still_rank_and_diverged_ones_do_not():
    policy = guarded(protect_best=1)
    policy.on_report("a", report(1, 0.9))
    policy.on_complete("a", report(1, 0.9))
    assert policy.on_report("b", report(1, 0.5)).action is Action.STOP
    failed = policy.on_report("a", report(2, math.nan))
    assert failed == Decision(Action.STOP, 2, "epoch 2: diverged", failed=True)
    assert policy.on_report("b", report(2, 0.5)).action is Action.CONTINUE


def test_reasons_name_the_guard_and_quote_the_policy():
    policy = guarded(patience=2, protect_best=1)
    assert policy.on_report("a", report(1, 0.5)) == Decision(
        Action.CONTINUE,
        1,
        "epoch 1: it goes on, because its best acc 0.500 ranks 1, among the 1 protected, though epoch 1: no",
    )
    policy.on_report("b", report(1, 0.1))
    assert policy.on_report("b", report(2, 0.2)).reason == (
        "epoch 2: it goes on, because its acc improved at epoch 2 (patience 2), though epoch 2: no"
    )


def test_neither_a_failed_nor_a_fully_trained_trial_is_held_back():
    policy = guarded(patience=9, protect_best=9)
    actions(policy, [0.1, 0.2])
    assert policy.on_report("a", report(3, math.nan)).action is Action.STOP
    assert policy.on_report("a", report(9, 0.9)).action is Action.STOP


# Pauses --------------------------------------------------------------------------------------------


def test_a_pause_stands_and_a_protected_trial_is_not_given_up_but_goes_on():
    inner = IEpochPolicy(metric="acc", epochs=1, keep=1, max_t=9)
    policy = guarded(inner, metric="robustness", protect_best=1)
    assert policy.pauses
    for trial, acc, robustness in (("a", 0.9, 0.1), ("b", 0.1, 0.9), ("c", 0.2, 0.2)):
        answer = policy.on_report(trial, Report(1, {"acc": acc, "robustness": robustness}))
        assert answer.action is Action.PAUSE
    assert [trial for trial, _ in inner.surplus()] == ["b", "c"]
    assert [trial for trial, _ in policy.surplus()] == ["c"]
    trial, decision = policy.resumable()
    assert (trial, decision.action, decision.pruned) == ("b", Action.CONTINUE, False)
    assert decision.reason == (
        "epoch 1: it goes on, because its best robustness 0.900 ranks 1, among the 1 protected, though "
        "epoch 1: acc 0.100 ranks 3 of 3, where the best one goes on; it is given up"
    )
    policy.on_resume("b")
    assert policy.resumable() is None
    assert policy.on_report("b", Report(2, {"acc": 0.1, "robustness": 0.9})).action is Action.CONTINUE
    policy.on_complete("c", None)
    policy.on_exhausted()
    assert policy.resumable()[0] == "a"


def test_the_policys_own_choice_goes_on_first():
    inner = PromotionHalvingPolicy(metric="acc", max_t=9, reduction_factor=2, max_paused=0)
    policy = guarded(inner, metric="robustness", protect_best=1)
    for trial, acc, robustness in (("a", 0.5, 0.1), ("b", 0.4, 0.9), ("c", 0.1, 0.1), ("d", 0.2, 0.1)):
        policy.on_report(trial, Report(1, {"acc": acc, "robustness": robustness}))
    assert policy.resumable()[0] == "a"
    policy.on_resume("a")
    assert policy.resumable()[0] == "b"


def test_signals_and_milestones_are_those_of_the_policy_and_the_metric():
    inner = IEpochPolicy(metric="acc", epochs=2, max_t=9)
    assert guarded(inner, metric="robustness").signals == ("acc", "robustness")
    assert guarded(inner).signals == ("acc",)
    assert guarded(inner).milestones == (2,)
    assert not guarded(FullTrainingPolicy(3)).pauses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patience": -1}, r"^patience must be at least 0, received -1\.$"),
        ({"protect_best": -1}, r"^protect_best must be at least 0, received -1\.$"),
        ({"mode": "up"}, r"^mode must be 'max' or 'min', received 'up'\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        guarded(**arguments)
