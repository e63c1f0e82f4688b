"""Halving by the learned combination: who goes on, who is audited, and when the metric decides."""

import json
from dataclasses import replace

import numpy as np
import pytest

from neurocap_search.config import SchedulerConfig
from neurocap_search.prediction import Report
from neurocap_search.prediction.combination import SIGNALS, LearnedCombination
from neurocap_search.pruning import (
    Action,
    GuardedPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    LearnedHalvingPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    SizeClassPolicy,
    SuccessiveHalvingPolicy,
    SynchronousHalvingPolicy,
)
from neurocap_search.traces.simulator import simulate
from neurocap_search.traces.trace import Trace, TraceKey


def made(**arguments):
    return LearnedHalvingPolicy(**{"metric": "val_accuracy", "max_t": 16, "audit": 0} | arguments)


def traces(count, seed=0, told=1.0):
    """Return trainings whose loss tells the end as clearly as ``told``, and whose accuracy does not."""
    rng = np.random.default_rng(seed)
    finals, noise = rng.random(count), rng.random((count, 16, 2))
    loss = told * -finals[:, None] + (1 - told) * noise[..., 0]
    accuracy = noise[..., 1]
    accuracy[:, -1] = finals
    return [
        Trace(
            TraceKey(k, 0),
            {},
            {},
            "",
            0,
            tuple(
                Report(e + 1, {"val_accuracy": float(accuracy[k, e]), "train_loss": float(loss[k, e])}, 1.0)
                for e in range(16)
            ),
        )
        for k in range(count)
    ]


def replay(policy, stream, workers=1):
    return simulate(policy, stream, workers=workers, epochs=16)


def finished(replayed):
    return [int(k) for k, trial in replayed.trials.items() if trial.epochs == 16]


def by_loss():
    """Return what knows from the start all that these trainings tell: nothing learned changes the order."""
    return LearnedCombination(leave_out=("metric",))


def test_promotion_spends_what_its_shares_say():
    # 200 epochs for all, 12 trials (200 / 4^2) one more, 10 of them (four of five) to the end.
    replayed = replay(made(type="promotion", combination=by_loss()), traces(200))
    assert len(finished(replayed)) == 10
    assert replayed.epochs == 200 + 12 + 10 * 14


@pytest.mark.parametrize(("seed", "told"), [(0, 1), (4, 1), (2, 0.5)])
def test_what_is_learned_meanwhile_gives_a_few_more_a_place_and_takes_none_away(seed, told):
    # One that was given up and would rank among the best by now keeps no place from others.
    replayed = replay(made(type="promotion"), traces(200, seed=seed, told=told))
    assert 10 <= len(finished(replayed)) <= 14


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_with_more_workers_hardly_more_go_on(workers):
    replayed = replay(made(type="promotion"), traces(200, seed=workers), workers)
    assert 10 <= len(finished(replayed)) <= 14


def test_it_finds_what_the_losses_tell_and_the_accuracy_does_not():
    stream = traces(100)
    ends = [trace.last("val_accuracy") for trace in stream]
    policy = made(type="promotion", combination=LearnedCombination(leave_out=("metric",)))
    best = max(ends[k] for k in finished(replay(policy, stream)))
    assert best == max(ends)
    assert policy.contributions()[1]["train_loss"] == pytest.approx(1)


def test_at_least_three_are_finished_of_few():
    assert len(finished(replay(made(type="promotion"), traces(10)))) == 3
    assert len(finished(replay(made(type="promotion"), traces(2)))) == 2


def test_stopping_decides_at_once():
    policy = made(reduction_factor=2)
    answers = []
    for k, accuracy in enumerate((0.5, 0.6, 0.4, 0.7)):
        answers.append(policy.on_report(str(k), Report(1, {"val_accuracy": accuracy})).action)
    assert answers == [Action.CONTINUE, Action.CONTINUE, Action.STOP, Action.CONTINUE]


def test_equals_are_treated_alike():
    policy = made(reduction_factor=3)
    answers = {policy.on_report(str(k), Report(1, {"val_accuracy": 0.5})).action for k in range(6)}
    assert answers == {Action.CONTINUE}


def test_the_audited_are_those_the_seed_draws_and_are_trained_to_the_end():
    stream = traces(100)
    policies = [made(type="promotion", audit=0.1, seed=5) for _ in range(2)]
    one, other = (replay(policy, stream) for policy in policies)
    drawn = np.random.default_rng(5).random(100) < 0.1
    assert set(np.flatnonzero(drawn)) <= set(finished(one))
    assert finished(one) == finished(other)
    assert policies[0].audit().trials == drawn.sum()


def test_an_audited_trial_says_so():
    policy = made(audit=1.0)
    for k, accuracy in enumerate((0.9, 0.1)):
        policy.on_add(str(k))
        decision = policy.on_report(str(k), Report(1, {"val_accuracy": accuracy}))
    assert decision.action is Action.CONTINUE
    assert decision.reason.endswith("it goes on as one of the audit, which is never pruned")


def misled(audit):
    """Return a policy whose combination was misled by a loss that says the opposite, and its stream."""
    stream = traces(200, told=1.0)
    for trace in stream:
        for report in trace.reports:
            report.metrics["train_loss"] *= -1
            report.metrics["val_accuracy"] = trace.last("val_accuracy")
    combination = LearnedCombination(leave_out=("metric",))
    return made(type="promotion", audit=audit, combination=combination), stream


def test_it_falls_back_to_the_metric_when_the_audit_says_so():
    policy, stream = misled(audit=0.2)
    replayed = replay(policy, stream)
    assert not policy.audit().trustworthy
    reasons = [d.reason for trial in replayed.trials.values() for d in trial.decisions]
    late = [reason for reason in reasons if "the metric decides, because of" in reason]
    assert late
    assert "audited trials: rank correlation" in late[-1]
    best = max(trace.last("val_accuracy") for trace in stream)
    assert max(stream[k].last("val_accuracy") for k in finished(replayed)) > best - 0.02


def test_without_an_audit_it_cannot_know_better():
    policy, stream = misled(audit=0)
    replayed = replay(policy, stream)
    assert policy.audit().trustworthy
    assert not any(
        "the metric decides" in d.reason for trial in replayed.trials.values() for d in trial.decisions
    )


def test_a_diverged_trial_makes_room_and_is_learned_from():
    policy = made(type="stopping", reduction_factor=1.5)
    for k, accuracy in enumerate((0.9, 0.8, 0.7)):
        policy.on_report(str(k), Report(1, {"val_accuracy": accuracy}))
    gone = policy.on_report("0", Report(2, {"val_accuracy": float("nan")}))
    assert gone.failed
    kept = policy.on_report("3", Report(1, {"val_accuracy": 0.75}))
    assert "ranks it 2 of 3" in kept.reason


def test_a_trial_that_failed_and_is_tried_again_counts_again():
    policy = made(type="promotion")
    policy.on_add("a")
    policy.on_report("a", Report(1, {"val_accuracy": 0.9}))
    policy.on_error("a")
    policy.on_add("a")
    policy.on_report("a", Report(1, {"val_accuracy": 0.9}))
    assert "ranks it 1 of 1" in policy.on_report("a", Report(1, {"val_accuracy": 0.9})).reason


def test_predictions_are_in_the_unit_of_the_metric_and_say_when_they_are_none():
    policy = made(audit=1.0, bounds=(0.0, 1.0))
    rng = np.random.default_rng(0)
    guesses = []
    for k in range(30):
        end = float(rng.uniform(0.3, 0.9))
        early = [Report(e, {"val_accuracy": end * (0.5 + e / 32), "train_loss": -end}) for e in (1, 2)]
        guesses.append([policy.on_report(str(k), report).prediction for report in early])
        policy.on_complete(str(k), Report(16, {"val_accuracy": end}))
    first, last = guesses[0][0], guesses[-1][0]
    assert first.std is None
    assert first.fallback == "only 0 of the trials seen at epoch 1 have finished"
    assert last.fallback is None
    assert abs(last.mean - end) < 3 * last.std
    assert guesses[-1][1].epochs == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "up"}, "mode must be 'max' or 'min', received 'up'"),
        ({"max_t": 0}, "max_t must be above 0, received 0"),
        ({"grace_period": 17}, "grace_period must be from 1 to max_t = 16, received 17"),
        ({"reduction_factor": 1}, "reduction_factor must be above 1, received 1"),
        ({"type": "pausing"}, "type must be 'stopping' or 'promotion', received 'pausing'"),
        ({"max_paused": -1}, "max_paused must be at least 0, received -1"),
        ({"audit": 2}, "audit must be a share from 0 to 1, received 2"),
        ({"bounds": (1, 0)}, r"bounds must be \(low, high\) with low < high, received \(1, 0\)"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        made(**arguments)


def test_a_rung_beyond_the_end_is_left_out():
    assert made(grace_period=1).milestones == (1, 2)
    assert made(grace_period=9).milestones == (9,)
    assert made(grace_period=16).milestones == ()


def early(epoch, loss, accuracy=0.5):
    """Return what training has told within the first epoch."""
    return Report(epoch, {"train_loss": loss, "train_accuracy": accuracy, "val_accuracy": float("nan")})


def with_early_reports(stream, told=1.0, seed=1):
    rng = np.random.default_rng(seed)
    noise = rng.random(len(stream))
    return [
        replace(
            trace,
            early=(Report(0.5, {"train_loss": -told * trace.last("val_accuracy") + (1 - told) * float(x)}),),
        )
        for trace, x in zip(stream, noise, strict=True)
    ]


@pytest.mark.parametrize("type", ["promotion", "stopping"])
def test_the_worse_half_ends_in_mid_epoch_and_nobody_pauses_there(type):
    policy = made(type=type, early_stops=(0.5,))
    answers = [policy.on_report(str(k), early(0.5, loss)) for k, loss in enumerate((4, 3, 2, 5, 6, 1, 7, 8))]
    stopped = [k for k, answer in enumerate(answers) if answer.pruned]
    assert {answer.action for answer in answers} == {Action.CONTINUE, Action.STOP}
    # Promotion finishes at least three and lets as many pass; of eight, four have a place.
    assert stopped == [3, 4, 6, 7]
    assert answers[3].prediction is None
    assert answers[3].reason == (
        "epoch 0.5: the combination ranks it 4 of 4 by its training so far, and the best "
        f"{'3 go' if type == 'promotion' else '2 go'} on; it is pruned"
    )


def test_half_an_epoch_of_the_worse_half_is_saved_and_no_whole_rung_is_skipped():
    stream = with_early_reports(traces(100))
    policy = made(type="promotion", early_stops=(0.5,), combination=by_loss())
    replayed = replay(policy, stream)
    spent = sorted(trial.epochs for trial in replayed.trials.values())
    assert 44 <= spent.count(0.5) <= 50
    assert spent.count(16) - int(0.8 * 100 / 3.5**2) in (0, 1)
    assert replayed.epochs == sum(spent)
    assert policy.early_stops == (0.5,)
    assert policy.milestones == (1, 2)
    assert set(policy.contributions()) == {0.5, 1, 2}
    assert policy.contributions()[0.5]["train_loss"] == pytest.approx(1)


@pytest.mark.parametrize("workers", [4, 16, 64])
def test_with_many_workers_the_first_ones_behind_an_early_stop_take_no_places_from_those_to_come(workers):
    stream = with_early_reports(traces(100, seed=workers))
    policy = made(type="promotion", early_stops=(0.25,), combination=by_loss())
    stream = [replace(t, early=(replace(t.early[0], epoch=0.25),)) for t in stream]
    assert 6 <= len(finished(replay(policy, stream, workers))) <= 8  # 100 / 3.5^2, four of five of them


def test_without_early_reports_early_stops_prune_nobody():
    replayed = replay(made(type="promotion", early_stops=(0.5,)), traces(100))
    assert min(trial.epochs for trial in replayed.trials.values()) == 1


def test_two_early_stops_halve_twice():
    policy = made(early_stops=(0.25, 0.5))
    passed = {0.25: 0, 0.5: 0}
    for k, loss in enumerate(np.random.default_rng(0).random(100)):
        for mark in passed:
            if policy.on_report(str(k), early(mark, float(loss))).pruned:
                break
            passed[mark] += 1
    assert 48 <= passed[0.25] <= 56
    assert 20 <= passed[0.5] <= 28


def test_the_audited_go_on_in_mid_epoch_and_count_as_pruned_if_they_would_have_been():
    stream = with_early_reports(traces(100))
    policy = made(type="promotion", audit=0.2, seed=5, early_stops=(0.5,))
    replayed = replay(policy, stream)
    drawn = set(np.flatnonzero(np.random.default_rng(5).random(100) < 0.2))
    assert drawn <= set(finished(replayed))
    assert policy.audit().trials == len(drawn)
    # The loss tells the end: the audited that would have gone on are the best ones.
    kept = {k: str(k) not in policy._audit._pruned for k in drawn}
    ends = {k: stream[k].last("val_accuracy") for k in drawn}
    assert any(kept.values())
    assert all(
        ends[k] > np.median([trace.last("val_accuracy") for trace in stream]) for k in drawn if kept[k]
    )
    said = replayed.trials[str(next(k for k in drawn if not kept[k]))].decisions[0].reason
    assert said.endswith("it goes on as one of the audit, which is never pruned")


def test_while_the_metric_decides_nobody_is_stopped_before_it_is_known():
    policy, stream = misled(audit=0.2)
    replay(policy, stream)
    assert not policy.audit().trustworthy
    late = made(type="promotion", audit=0.2, early_stops=(0.5,))
    late._audit = policy._audit
    late._ladder.by_metric = True
    answers = [late.on_report(f"late {k}", early(0.5, k)) for k in range(10)]
    assert not any(answer.pruned for answer in answers)
    assert answers[-1].reason.endswith("because the metric decides, which it does not have yet")


def test_it_learns_from_mid_epoch_to_the_first_rung_what_the_early_loss_is_worth():
    stream = with_early_reports(traces(100), told=0.0)
    for trace in stream:  # a low loss in mid-epoch is a bad sign here
        trace.early[0].metrics["train_loss"] = trace.last("val_accuracy")
    policy = made(type="promotion", early_stops=(0.5,), audit=0.3)
    replay(policy, stream)
    weights = policy._ladder.ranking.standings(0).weights.mean
    before = policy._combination.prior_at(0.5).weights.mean
    loss = [signal.name for signal in SIGNALS].index("train_loss")
    assert weights[loss] > before[loss] + 0.1


def test_a_state_saved_in_mid_epoch_goes_on_alike():
    def fresh():
        return made(type="promotion", early_stops=(0.5,), audit=0.1)

    one, other = fresh(), fresh()
    answers = []
    rng = np.random.default_rng(0)
    for k, loss in enumerate(rng.random(40)):
        if k == 20:
            other.load_state_dict(json.loads(json.dumps(one.state_dict(), allow_nan=False)))
        policies = (one,) if k < 20 else (one, other)
        told = []
        for policy in policies:
            policy.on_add(str(k))
            decisions = [policy.on_report(str(k), early(0.5, float(loss)))]
            if decisions[0].action is Action.CONTINUE:
                whole = {"val_accuracy": 1 - float(loss), "train_loss": float(loss)}
                decisions.append(policy.on_report(str(k), Report(1, whole)))
            told.append([str(decision) for decision in decisions])
        answers.append(told)
    assert all(told[0] == told[1] for told in answers[20:])


@pytest.mark.parametrize("marks", [(0.0,), (1.0,), (0.5, 0.25), (0.5, 0.5), (float("nan"),)])
def test_early_stops_that_are_none_are_refused(marks):
    with pytest.raises(ValueError, match="early_stops must be shares of the first epoch, ascending"):
        made(early_stops=marks)


def test_a_trial_that_failed_before_mid_epoch_and_is_tried_again_competes_there():
    policy = made(type="promotion", early_stops=(0.5,))
    policy.on_add("a")
    policy.on_error("a")
    policy.on_add("a")
    assert "ranks it 1 of 1" in policy.on_report("a", early(0.5, 1.0)).reason


@pytest.mark.parametrize("type", ["promotion", "stopping"])
@pytest.mark.parametrize("stops", [(), (0.5,)])
def test_a_configuration_has_the_factor_of_the_policy(type, stops):
    settings = SchedulerConfig(type=type, early_stops=stops)
    assert settings.reduction_factor == made(type=type, early_stops=stops).reduction_factor


def test_what_wraps_the_policy_asks_for_the_same_reports():
    policy = made(early_stops=(0.5,))
    assert GuardedPolicy(policy, metric="val_accuracy").early_stops == (0.5,)
    assert SizeClassPolicy(lambda number: made(early_stops=(0.5,))).early_stops == (0.5,)


@pytest.mark.parametrize(
    "policy",
    [
        made(),
        SuccessiveHalvingPolicy(metric="val_accuracy"),
        PromotionHalvingPolicy(metric="val_accuracy"),
        SynchronousHalvingPolicy(metric="val_accuracy"),
        HyperbandPolicy(metric="val_accuracy"),
        MedianPolicy(metric="val_accuracy", max_t=9),
        IEpochPolicy(metric="val_accuracy", epochs=1, max_t=9),
    ],
    ids=lambda policy: type(policy).__name__,
)
def test_who_asks_for_no_early_report_lets_one_without_the_metric_pass(policy):
    policy.on_add("a")
    decision = policy.on_report("a", early(0.5, 1.0))
    assert (decision.action, decision.failed) == (Action.CONTINUE, False)
    assert not policy.on_report("a", Report(1, {"val_accuracy": 0.5})).failed
