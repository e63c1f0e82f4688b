"""Halving by the learned combination when trials fail, come back, skip reports or tell it twice."""

import json
import math

import numpy as np
import pytest

from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.prediction.combination import SIGNALS, LearnedCombination, plain_prior
from neurocap_search.prediction.learning_curve import LastSeen
from neurocap_search.pruning import (
    Action,
    GuardedPolicy,
    HyperbandPolicy,
    LearnedHalvingPolicy,
    PromotionHalvingPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.pruning.learned_rungs import rungs_below
from neurocap_search.pruning.wrapped import WrappedPolicy
from neurocap_search.rules.derived import RunningMean
from neurocap_search.rules.derived_policy import DerivedPolicy


def made(**arguments):
    return LearnedHalvingPolicy(**{"metric": "acc", "max_t": 16, "audit": 0} | arguments)


def told(epoch, value, **more):
    return Report(epoch, {"acc": value, "train_loss": -value, **more})


def finish(policy, trial_id, value, epochs=(16,)):
    for epoch in epochs:
        policy.on_report(trial_id, told(epoch, value))
    policy.on_complete(trial_id, told(epochs[-1], value))


def weight(policy, name, rung=0):
    weights = policy._ladder.ranking.standings(rung).weights.mean
    return weights[[signal.name for signal in SIGNALS].index(name)]


# Failures ---------------------------------------------------------------------------------------------------


def test_a_winner_that_had_failed_on_the_way_is_no_loser():
    policy, sound = made(audit=1.0), made(audit=1.0)
    for one in (policy, sound):
        for k in range(4):
            one.on_report(f"t{k}", told(1, 0.9 - 0.1 * k))
    policy.on_error("t0")
    policy.on_add("t0")
    for one in (policy, sound):
        for k in range(4):  # as under Ray, where the last report comes with the end and not before
            one.on_complete(f"t{k}", told(16, 0.9 - 0.1 * k))
    assert policy._ladder.ranking.positions(0, by_metric=False)["t0"] == 0
    assert policy.audit() == sound.audit()
    assert weight(policy, "metric") == weight(sound, "metric")


def test_what_failed_is_learned_from_as_a_last_place():
    weights = []
    for large_ones_fail in (True, False):
        policy = made(combination=LearnedCombination(metric="acc", prior=plain_prior()))
        values = np.random.default_rng(0).permutation(40) / 40
        for k, value in enumerate(values):
            policy.on_report(str(k), Report(1, {"acc": value, "parameters": float(k)}))
        for k in range(20):
            finish(policy, str(k), values[k], epochs=(2, 16))
        for k in range(20, 40):
            if large_ones_fail:
                policy.on_error(str(k))
        weights.append(weight(policy, "parameters"))
    assert weights[0] < weights[1] - 0.05


def test_an_audited_trial_that_diverges_ends_last_in_the_audit():
    policy = made(audit=1.0)
    for k in range(10):
        policy.on_report(str(k), told(1, 0.9 - k / 20))
    assert policy.on_report("0", Report(2, {"acc": math.nan})).failed
    for k in range(1, 10):
        finish(policy, str(k), 0.9 - k / 20)
    estimates = policy.audit()
    assert estimates.trials == 10
    assert estimates.predicted < 0.7  # the one ranked first came to nothing; 1 without it


def test_a_trial_that_goes_on_from_its_checkpoint_keeps_what_it_had_reported():
    policy = made(grace_period=4)
    for trial_id in ("whole", "broken"):
        policy.on_add(trial_id)
        for epoch in (1, 2, 3):
            policy.on_report(trial_id, told(epoch, epoch / 10))
    policy.on_error("broken")
    policy.on_add("broken")
    policy.on_report("broken", told(3, 0.3))  # from the checkpoint of epoch 2
    for trial_id in ("whole", "broken"):
        policy.on_report(trial_id, told(4, 0.4))
    rows = policy._ladder.rungs[0].rows
    np.testing.assert_equal(rows["broken"], rows["whole"])


# The audit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 4])
def test_the_audit_notes_trials_that_report_now_and_then(step):
    policy = made(audit=1.0)
    for k, value in enumerate(np.random.default_rng(0).random(20)):
        finish(policy, str(k), value, epochs=range(step, 17, step))
    assert policy.audit().trials == 20
    assert policy.audit().predicted > 0.5


def lives(policy, values):
    """Let trials that always report their final value live one by one; return who trains to the end."""
    ended = set()
    for k, value in enumerate(values):
        policy.on_add(str(k))
        train(policy, str(k), value, 1, ended)
        while (offer := policy.resumable()) is not None:
            policy.on_resume(offer[0])
            train(policy, offer[0], values[int(offer[0])], 2, ended)
    policy.on_exhausted()
    while (offer := policy.resumable()) is not None:
        policy.on_resume(offer[0])
        train(policy, offer[0], values[int(offer[0])], 2, ended)
    return ended


def train(policy, trial_id, value, first, ended):
    for epoch in range(first, 17):
        action = policy.on_report(trial_id, told(epoch, value)).action
        if action is not Action.CONTINUE:
            break
    if action is Action.STOP:
        policy.on_complete(trial_id, told(epoch, value))
        ended |= {trial_id} if epoch == 16 else set()


@pytest.mark.parametrize("type", ["promotion", "stopping"])
def test_who_the_audit_says_is_pruned_is_pruned_where_nobody_is_audited(type):
    # Every report tells the end, so that the order never changes and both go by the same one.
    values = np.random.default_rng(1).random(100)
    audited, plain = made(type=type, audit=1.0), made(type=type)
    assert lives(audited, values) == {str(k) for k in range(100)}
    kept = lives(plain, values)
    top = values >= np.quantile(values, 0.8)
    lost = sum(top[k] and str(k) not in kept for k in range(100)) / top.sum()
    assert audited.audit().wrongly_pruned == pytest.approx(lost, abs=0.1)
    assert lost > 0.1


def test_that_the_metric_decides_survives_a_restart():
    policy = made(audit=1.0, combination=LearnedCombination(metric="acc", leave_out=["metric"]))
    for k in range(10):  # the loss says the opposite
        policy.on_report(str(k), Report(1, {"acc": k / 20, "train_loss": k / 20}))
        finish(policy, str(k), k / 20)
    other = made(audit=1.0, combination=LearnedCombination(metric="acc", leave_out=["metric"]))
    other.load_state_dict(json.loads(json.dumps(policy.state_dict(), allow_nan=False)))
    reasons = [one.on_report("new", told(1, 0.3)).reason for one in (policy, other)]
    assert "the metric decides" in reasons[0]
    assert reasons[0] == reasons[1]


# What is learned and foretold -------------------------------------------------------------------------------


def test_a_final_metric_is_learned_from_at_every_rung():
    policy = made(audit=1.0, combination=LearnedCombination(metric="acc", prior=plain_prior()))
    rng = np.random.default_rng(0)
    for k in range(40):
        end, noise = rng.random(2)
        for epoch in (1, 2):
            policy.on_report(str(k), Report(epoch, {"acc": noise, "parameters": end}))
        policy.on_complete(str(k), told(16, end))
    assert weight(policy, "parameters", 0) > 0.1
    assert weight(policy, "parameters", 1) > 0.1


class Said(LearnedCombination):
    """Predicts what it is told to."""

    def rank(self, cohorts, finals):
        std = np.array([0.1, 0.1, 0.9, 0.1])
        return [
            s._replace(mean=np.array([0.2, 0.1, 0.0, -0.1]), std=std) for s in super().rank(cohorts, finals)
        ]


def test_where_few_go_on_the_one_that_is_harder_to_judge_ranks_before_its_like():
    policy = made(reduction_factor=4, combination=Said(metric="acc"))
    for k in range(3):
        policy._ladder.rungs[0].enter(str(k), [0.5] * len(SIGNALS), 0.5)
    policy.on_report("3", told(1, 0.5))
    assert list(policy._ladder.ranking.positions(0, by_metric=False)) == ["2", "0", "1", "3"]


def test_a_prediction_does_not_leave_the_bounds():
    policy = made(audit=1.0, bounds=(0.0, 0.4))
    for k in range(10):
        policy.on_report(str(k), told(1, 0.1 + k / 100))
        policy.on_complete(str(k), told(16, 0.3 + k / 100))
    predictions = [policy.on_report(f"n{k}", told(1, 0.5 + k)).prediction for k in range(3)]
    assert [prediction.mean for prediction in predictions] == pytest.approx([0.4] * 3, abs=0.02)
    assert max(prediction.mean for prediction in predictions) <= 0.4


def test_an_error_rate_is_foretold_as_the_accuracy_it_stands_for():
    rng = np.random.default_rng(0)
    policies = [made(audit=1.0, mode=mode, bounds=(0.0, 1.0)) for mode in ("max", "min")]
    guesses = [[], []]
    for k in range(12):
        end, noise = rng.uniform(0.6, 0.99, 2)
        for policy, value, final, found in zip(
            policies, (noise, 1 - noise), (end, 1 - end), guesses, strict=True
        ):
            found.append(policy.on_report(str(k), Report(1, {"acc": value, "train_loss": -noise})).prediction)
            policy.on_complete(str(k), Report(16, {"acc": final}))
    means, errors = ([prediction.mean for prediction in found] for found in guesses)
    assert means == pytest.approx([1 - error for error in errors])
    assert [p.std for p in guesses[0]][3:] == pytest.approx([p.std for p in guesses[1]][3:])


def test_a_training_loss_that_has_diverged_within_the_first_epoch_ranks_last():
    policy = made(early_stops=(0.25,))
    for k in range(20):
        policy.on_report(str(k), Report(0.25, {"train_loss": 2 + k / 10, "acc": math.nan}))
    answer = policy.on_report("bad", Report(0.25, {"train_loss": math.nan, "acc": math.nan}))
    assert "ranks it 21 of 21" in answer.reason
    assert answer.pruned


def test_a_whole_epoch_is_not_compared_with_the_beginning_of_one():
    policy = made(early_stops=(0.25,), audit=0)
    for k in range(4):  # these report no quarter
        policy.on_report(f"whole {k}", told(1, 0.9))
    answers = [policy.on_report(str(k), Report(0.25, {"train_loss": k})) for k in range(4)]
    assert [answer.pruned for answer in answers] == [False, True, True, True][:1] + [
        "ranks it" in answer.reason and answer.pruned for answer in answers[1:]
    ]
    assert "1 of 1" in answers[0].reason
    assert "of 4" in answers[3].reason


# Places -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("trials", "places"), [(48, 3), (49, 4), (98, 8), (147, 12)])
def test_no_place_is_lost_to_rounding(trials, places):
    policy = made(type="promotion", early_stops=(0.25,))
    for k in range(trials):
        policy.on_report(str(k), Report(0.25, {"train_loss": k}))
    assert policy._ladder.places(1) == places


def test_the_chance_is_that_to_be_among_those_who_arrive_and_go_on():
    shares = [rung.kept for rung in made(type="promotion", early_stops=(0.25,))._ladder.rungs]
    (_, first), (_, second), (_, third) = rungs_below(16, 1, 3.5, (0.25,))
    assert shares == pytest.approx([first, second / first, third / second])
    assert shares == pytest.approx([0.5, 2 / 3.5**2, 0.8])


# Mistakes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"metric": "loss", "mode": "max"}, {"metric": "acc", "mode": "min"}])
def test_a_combination_for_another_goal_is_refused(given):
    with pytest.raises(ValueError, match="give both the same"):
        made(combination=LearnedCombination(**given))


@pytest.mark.parametrize(
    "other",
    [
        {"bounds": (0.0, 1.0)},
        {"combination": LearnedCombination(metric="acc", prior=plain_prior())},
        {"combination": LearnedCombination(metric="acc", leave_out=["beta_eff"])},
        {"combination": LearnedCombination(metric="acc", names={"train_loss": "loss"})},
    ],
)
def test_a_state_of_a_policy_that_ranks_otherwise_is_refused(other):
    with pytest.raises(ValueError, match="Load it into a policy with the same arguments"):
        made(**other).load_state_dict(made().state_dict())


class Unchanged(WrappedPolicy):
    """Changes nothing."""

    def state_dict(self):
        return self.policy.state_dict()

    def load_state_dict(self, state):
        self.policy.load_state_dict(state)


def test_who_wraps_a_policy_requires_what_it_requires():
    assert Unchanged(made()).required == ("acc",)
    assert GuardedPolicy(made(), metric="f1").required == ("acc", "f1")
    derived = DerivedPolicy(lambda name: SuccessiveHalvingPolicy(metric=name), RunningMean("acc"))
    assert derived.required == ("acc",)


@pytest.mark.parametrize("predictor", [LastSeen, CapacitanceRidge])
@pytest.mark.parametrize("policy", [SuccessiveHalvingPolicy, PromotionHalvingPolicy, HyperbandPolicy])
def test_a_predictor_is_not_asked_within_the_first_epoch(policy, predictor):
    tried = policy(metric="acc", max_t=9, predictor=predictor(metric="acc"))
    tried.on_add("a")
    decision = tried.on_report("a", Report(0.5, {"acc": 0.3, "beta_eff": 1.0}))
    assert decision.action is Action.CONTINUE
    assert decision.prediction is None
    assert tried.on_report("a", Report(1, {"acc": 0.4, "beta_eff": 0.5})).prediction.epochs == (1,)
