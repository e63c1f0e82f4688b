"""Brackets in Hyperband's proportions, and nothing decided outside them."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import Prediction, Report
from neurocap_search.pruning import (
    Action,
    HyperbandPolicy,
    PromotionHalvingPolicy,
    SuccessiveHalvingPolicy,
)


def policy(**arguments):
    return HyperbandPolicy(**({"metric": "acc", "max_t": 9, "reduction_factor": 3} | arguments))


def report(epoch, acc, **more):
    return Report(epoch, {"acc": acc, **more})


def brackets(pruning):
    return pruning.state_dict()["bracket_of"]


@pytest.mark.parametrize(
    ("max_t", "factor", "sizes"),
    [
        (81, 3, (5, 8, 15, 34, 81)),  # table 1 of Li et al., read from the right
        (9, 3, (3, 5, 9)),
        (243, 3, (6, 9, 18, 41, 98, 243)),  # log(243) / log(3) is just below 5
        (100, 4, (4, 8, 22, 64)),
        (1, 3, (1,)),
    ],
)
def test_the_sizes_are_those_of_the_paper(max_t, factor, sizes):
    assert policy(max_t=max_t, reduction_factor=factor).sizes == sizes


@settings(max_examples=100, deadline=None)
@given(trials=st.integers(1, 400), max_t=st.sampled_from([9, 27, 81]))
def test_every_bracket_is_less_than_one_trial_off_its_share(trials, max_t):
    pruning = policy(max_t=max_t)
    for k in range(trials):
        pruning.on_add(f"t{k}")
    counts = Counter(brackets(pruning).values())
    for s, size in enumerate(pruning.sizes):
        assert abs(counts[s] - trials * size / sum(pruning.sizes)) < len(pruning.sizes) - 1


def test_after_as_many_trials_as_there_are_places_every_place_is_taken():
    pruning = policy(max_t=81)
    for k in range(sum(pruning.sizes)):
        pruning.on_add(f"t{k}")
    counts = Counter(brackets(pruning).values())
    assert tuple(counts[s] for s in range(5)) == pruning.sizes


def test_the_bracket_is_kept_and_follows_from_the_order_alone():
    pruning = policy()
    for trial in ("a", "b", "a", "c", "b", "a"):
        pruning.on_add(trial)
    assert brackets(pruning) == {"a": 2, "b": 1, "c": 2}
    pruning.on_error("a")
    pruning.on_add("a")
    assert brackets(pruning) == {"a": 2, "b": 1, "c": 2}


@pytest.mark.parametrize("type", ["stopping", "promotion"])
def test_each_bracket_is_its_own_halving(type):
    pruning = policy(type=type)
    make = PromotionHalvingPolicy if type == "promotion" else SuccessiveHalvingPolicy
    alone = [make(metric="acc", max_t=9, reduction_factor=3, grace_period=g) for g in (9, 3, 1)]
    for k in range(60):
        trial = f"t{k}"
        pruning.on_add(trial)
        bracket = brackets(pruning)[trial]
        alone[bracket].on_add(trial)
        for epoch in (1, 2, 3):
            numbers = report(epoch, math.sin(k * epoch) / 2)
            ours, its = pruning.on_report(trial, numbers), alone[bracket].on_report(trial, numbers)
            assert ours == its.with_reason(f"{its.reason} (bracket {bracket})")
            if ours.action is not Action.CONTINUE:
                break
    assert {t for t, _ in pruning.surplus()} == {t for one in alone for t, _ in one.surplus()}


def test_bracket_zero_prunes_nobody_where_max_t_is_a_rung():
    pruning = policy()
    for k in range(17):
        pruning.on_add(f"t{k}")
    last = [trial for trial, s in brackets(pruning).items() if s == 0]
    for k, trial in enumerate(last):
        assert pruning.on_report(trial, report(8, -k)).action is Action.CONTINUE


def test_milestones_of_all_brackets():
    assert policy(max_t=30).milestones == (1, 3, 9, 27)
    assert policy(max_t=27).milestones == (1, 3, 9)


def test_the_furthest_trial_goes_on_first():
    pruning = policy(type="promotion", reduction_factor=1.5)
    for trial in ("a", "b", "c", "d", "e", "f", "g", "h"):
        pruning.on_add(trial)
    for trial in brackets(pruning):
        for epoch in (1, 2, 3):
            if pruning.on_report(trial, report(epoch, 1 / ord(trial))).action is Action.PAUSE:
                break
    epochs = [o[1].epoch for bracket in pruning._brackets if (o := bracket.resumable())]
    assert len(set(epochs)) > 1
    assert pruning.resumable()[1].epoch == max(epochs)


def test_the_bound_on_paused_trials_is_for_all_brackets_together():
    pruning = policy(type="promotion", max_paused=2)
    for k in range(12):
        pruning.on_add(f"t{k}")
        for epoch in (1, 2, 3):
            if pruning.on_report(f"t{k}", report(epoch, k / 20)).action is not Action.CONTINUE:
                break
    paused = sum(bracket.waiting for bracket in pruning._brackets if bracket.waiting)
    surplus = pruning.surplus()
    assert paused - len(surplus) == 2
    assert [d.epoch for _, d in surplus] == sorted(d.epoch for _, d in surplus)  # lowest rung first
    assert "(bracket 2)" in surplus[0][1].reason


class Recorder:
    signals = ("acc", "beta_eff")

    def __init__(self):
        self.fitted = None

    def fit(self, histories, finals):
        self.fitted = ([len(history) for history in histories], list(finals))
        return self

    def predict(self, history):
        return Prediction(history[-1].get("acc"), None, "recorder", (1,))


@pytest.mark.parametrize("type", ["stopping", "promotion"])
def test_the_predictor_learns_from_all_brackets(type):
    pruning = policy(predictor=Recorder(), type=type)
    for k in range(6):
        pruning.on_add(f"t{k}")
    for k in range(6):
        pruning.on_report(f"t{k}", report(9, k / 10))
        pruning.on_complete(f"t{k}", report(9, k / 10))
    assert len(set(brackets(pruning).values())) == 3
    finals = sorted(brackets(pruning), key=lambda trial: brackets(pruning)[trial])
    learned = ([1] * 6, [int(trial[1]) / 10 for trial in finals])
    shared = pruning._brackets[0]._scorer.predictor._predictor
    assert shared.fitted == learned
    assert pruning.signals == ("acc", "beta_eff")

    again = policy(predictor=Recorder(), type=type)
    again.load_state_dict(pruning.state_dict())
    assert again._brackets[0]._scorer.predictor._predictor.fitted == learned


def test_unknown_trials_take_no_place():
    pruning = policy()
    pruning.on_error("x")
    pruning.on_resume("x")
    pruning.on_complete("x", report(1, 0.5))
    assert brackets(pruning) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"type": "both"}, r"^type must be 'stopping' or 'promotion', received 'both'\.$"),
        ({"max_paused": -1}, r"^max_paused must be at least 0, received -1\.$"),
        ({"mode": "up"}, r"^mode must be 'max' or 'min', received 'up'\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        policy(**arguments)
