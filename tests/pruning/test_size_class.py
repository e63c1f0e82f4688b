"""Trials compete with those of their size only."""

import math

import pytest

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, PromotionHalvingPolicy, SizeClassPolicy, SuccessiveHalvingPolicy


def halving(_=None):
    return SuccessiveHalvingPolicy(metric="acc", max_t=9, reduction_factor=2)


def promotion(_=None):
    return PromotionHalvingPolicy(metric="acc", max_t=9, reduction_factor=2)


def report(acc, size=None, epoch=1):
    return Report(epoch, {"acc": acc} | ({} if size is None else {"parameters": size}))


def classes(policy):
    return policy.state_dict()["class_of"]


@pytest.mark.parametrize(
    ("size", "ratio", "number"),
    [
        (1, 4, 0),
        (3.99, 4, 0),
        (4, 4, 1),
        (63, 4, 2),
        (64, 4, 3),
        (243, 3, 5),  # log(243) / log(3) is just below 5 in floating point
        (125, 5, 3),
        (1000, 10, 3),
        (0.5, 4, -1),
        (1e300, 4, 498),
        (0, 4, None),
        (-1, 4, None),
        (math.nan, 4, None),
        (math.inf, 4, None),
        (None, 4, None),
    ],
)
def test_a_class_is_a_power_of_the_ratio(size, ratio, number):
    policy = SizeClassPolicy(halving, ratio=ratio)
    policy.on_report("a", report(0.5, size))
    assert classes(policy) == {"a": number}


def test_only_trials_of_about_the_same_size_are_compared():
    policy = SizeClassPolicy(halving)
    policy.on_report("small", report(0.9, 10))
    policy.on_report("unknown", report(0.9))
    assert policy.on_report("big", report(0.1, 100)).action is Action.CONTINUE
    assert policy.on_report("small too", report(0.1, 15)).action is Action.STOP
    assert policy.on_report("unknown too", report(0.1)).action is Action.STOP


def test_the_reason_names_the_class():
    policy = SizeClassPolicy(halving)
    assert policy.on_report("a", report(0.5, 10)).reason == (
        "epoch 1: acc 0.500; nobody to compare with at this rung yet (parameters from 4 to 16)"
    )
    assert policy.on_report("b", report(0.5)).reason.endswith("(parameters unknown)")


def test_the_first_report_settles_the_class():
    policy = SizeClassPolicy(halving)
    policy.on_report("a", report(0.5, 10))
    policy.on_report("a", report(0.5, 1000, epoch=2))
    assert classes(policy) == {"a": 1}


def test_each_class_has_its_own_policy_made_once():
    made = []
    policy = SizeClassPolicy(lambda number: made.append(number) or halving())
    for size in (10, 100, 11, None, 12):
        policy.on_report(str(size), report(0.5, size))
    assert made == [None, 1, 3]


def test_a_policy_learns_of_a_trial_when_its_class_is_known():
    seen = []

    class Spy(SuccessiveHalvingPolicy):
        def on_add(self, trial_id):
            seen.append(trial_id)

    policy = SizeClassPolicy(lambda _: Spy(metric="acc", max_t=9))
    policy.on_add("a")
    assert seen == []
    policy.on_report("a", report(0.5, 10))
    policy.on_add("a")
    assert seen == ["a", "a"]


def test_a_class_gives_nobody_up_while_a_trial_without_class_may_join_it():
    policy = SizeClassPolicy(promotion)
    policy.on_add("a")
    policy.on_add("b")
    policy.on_report("a", report(0.5, 10))
    policy.on_exhausted()
    assert policy.surplus() == []
    assert policy.resumable() is None
    policy.on_report("b", report(0.5, 1000))
    assert policy.resumable()[0] in ("a", "b")


@pytest.mark.parametrize("end", ["on_error", "on_complete"])
def test_a_trial_that_ends_before_its_first_report_joins_no_class(end):
    policy = SizeClassPolicy(promotion)
    policy.on_add("a")
    policy.on_add("b")
    policy.on_report("a", report(0.5, 10))
    policy.on_exhausted()
    policy.on_error("b") if end == "on_error" else policy.on_complete("b", None)
    assert policy.resumable()[0] == "a"


def test_a_class_that_is_made_after_the_last_trial_was_drawn_knows_it():
    policy = SizeClassPolicy(promotion)
    policy.on_add("a")
    policy.on_exhausted()
    policy.on_report("a", report(0.5, 10))
    assert policy.resumable()[0] == "a"


def test_the_furthest_trial_goes_on_first():
    policy = SizeClassPolicy(promotion)
    for trial, acc, size, epoch in (
        ("a", 0.5, 10, 1),
        ("b", 0.1, 10, 1),
        ("c", 0.5, 99, 2),
        ("d", 0.1, 99, 2),
    ):
        policy.on_report(trial, report(acc, size, epoch))
    assert policy.resumable()[0] == "c"
    policy.on_resume("c")
    trial, decision = policy.resumable()
    assert trial == "a"
    assert decision.reason.endswith("(parameters from 4 to 16)")


def test_signals_milestones_and_pauses_are_those_of_the_policies():
    policy = SizeClassPolicy(promotion, size="flops")
    assert (policy.signals, policy.milestones, policy.pauses) == (("acc", "flops"), (1, 2, 4, 8), True)
    assert not SizeClassPolicy(halving).pauses


@pytest.mark.parametrize("ratio", [1, 0.5, math.nan])
def test_a_ratio_without_classes_is_refused(ratio):
    with pytest.raises(ValueError, match=rf"^ratio must be above 1, received {ratio}\.$"):
        SizeClassPolicy(halving, ratio=ratio)
