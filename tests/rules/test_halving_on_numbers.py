"""The same halving on other numbers: running means, sizes, losses, beta_eff alone."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import Action
from neurocap_search.rules import RuleContext, make_rule
from neurocap_search.traces.replayed import End
from tests.rules.streams import random_stream, replay, replayed, trace

FINITE = st.floats(-1e6, 1e6)


def with_number(stream, name, number):
    """The stream with another value of ``name``, computed from all reports of a training so far."""

    def with_it(made):
        reports = (
            Report(r.epoch, {**r.metrics, name: number(made.reports[: r.epoch])}, r.seconds)
            for r in made.reports
        )
        return replace(made, reports=tuple(reports))

    return [with_it(made) for made in stream]


def last(name):
    return lambda reports: reports[-1].get(name)


def mean_accuracy(reports):
    return float(np.mean([report.get("val_accuracy") for report in reports]))


def best_accuracy(reports):
    return max(report.get("val_accuracy") for report in reports)


def recent_accuracy(reports):
    return float(np.mean([report.get("val_accuracy") for report in reports[-3:]]))


def losses(decay):
    return lambda reports: sum(
        decay**age * report.get("train_loss") for age, report in enumerate(reversed(reports))
    )


def size_of_beta(reports):
    return abs(reports[-1].get("beta_eff"))


def signed_beta(reports):
    """A beta_eff whose sign flips from epoch to epoch."""
    return (-1) ** len(reports) * reports[-1].get("beta_eff")


@pytest.mark.parametrize(
    ("name", "number", "mode"),
    [
        ("halving:val_accuracy", last("val_accuracy"), "max"),
        ("halving:train_loss", last("train_loss"), "min"),
        ("halving:train_loss:max", last("train_loss"), "max"),
        ("halving:running_mean", mean_accuracy, "max"),
        ("halving:running_mean:min", mean_accuracy, "min"),
        ("halving:parameters", last("parameters"), "max"),
        ("halving:parameters:min", last("parameters"), "min"),
        ("halving:beta_eff", size_of_beta, "min"),
        ("halving:beta_eff:min", last("beta_eff"), "min"),
        ("halving:beta_eff:max", last("beta_eff"), "max"),
        ("curve:last_seen", last("val_accuracy"), "max"),
        ("curve:best_seen", best_accuracy, "max"),
        ("curve:running_mean", recent_accuracy, "max"),
        ("curve:tse", losses(1), "min"),
        ("curve:tse_e", last("train_loss"), "min"),
        ("curve:tse_ema", losses(0.999), "min"),
    ],
)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), workers=st.integers(1, 6))
def test_it_is_asha_on_a_stream_with_that_number(name, number, mode, seed, workers):
    stream = with_number(random_stream(20, 9, seed), "beta_eff", signed_beta)
    as_metric = with_number(stream, "val_accuracy", number)
    on_it = replayed("asha", as_metric, RuleContext(mode=mode, max_t=9), workers)
    assert replayed(name, stream, RuleContext(max_t=9), workers) == on_it


def test_the_metric_and_its_mean_have_the_mode_of_the_search():
    stream = random_stream(20)
    context = RuleContext(mode="min", max_t=9)
    assert replayed("halving:val_accuracy", stream, context) == replayed("asha", stream, context)
    assert replayed("halving:running_mean", stream, context) == replayed(
        "halving:running_mean:min", stream, context
    )


def reason(policy, trial, epoch, **metrics):
    return policy.on_report(trial, Report(epoch, metrics)).reason


@settings(max_examples=60, deadline=None)
@given(values=st.lists(FINITE, min_size=1, max_size=8), again_from=st.integers(1, 8))
def test_the_running_mean_is_that_of_the_epochs_so_far_also_after_a_restart(values, again_from):
    number = make_rule("halving:running_mean").policy(RuleContext(metric="acc", max_t=99))._derived
    for epoch, value in enumerate(values, 1):
        assert number.follow("a", epoch, value) == pytest.approx(np.mean(values[:epoch]), rel=1e-12, abs=1e-9)
    for epoch, value in enumerate(values[again_from - 1 :], again_from):  # from a checkpoint
        assert number.follow("a", epoch, value) == pytest.approx(np.mean(values[:epoch]), rel=1e-12, abs=1e-9)
    assert number.follow("b", 1, 7.0) == 7


@pytest.mark.parametrize("end", ["on_complete", "on_error"])
def test_the_mean_of_a_trial_that_has_ended_is_forgotten(end):
    policy = make_rule("halving:running_mean").policy(RuleContext(metric="acc", max_t=9))
    policy.on_report("a", Report(1, {"acc": 0.9}))
    policy.on_complete("a", None) if end == "on_complete" else policy.on_error("a")
    assert policy.state_dict()["derived"] == {}


def test_reasons_name_the_number():
    mean = make_rule("halving:running_mean").policy(RuleContext(metric="acc", max_t=9))
    reason(mean, "a", 1, acc=0.8)
    assert reason(mean, "b", 1, acc=0.1).startswith("epoch 1: mean_acc 0.100 is below 0.800")
    beta = make_rule("halving:beta_eff").policy(RuleContext(max_t=9))
    reason(beta, "a", 1, beta_eff=-0.1)
    assert reason(beta, "b", 1, beta_eff=-0.5).startswith("epoch 1: abs_beta_eff 0.500 is above 0.100")


@pytest.mark.parametrize("name", ["halving:beta_eff", "halving:beta_eff:min", "halving:degree_mean"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_training_whose_signal_is_undefined_goes_on_and_is_compared_later(name, value):
    signal = name.split(":")[1]
    policy = make_rule(name).policy(RuleContext(max_t=9))
    better, worse = (9.0, 1.0) if signal == "degree_mean" else (0.1, 0.5)
    policy.on_report("a", Report(1, {signal: better}))
    undefined = policy.on_report("b", Report(1, {signal: value}))
    assert undefined.action is Action.CONTINUE
    assert not undefined.failed
    assert undefined.reason == f"epoch 1: {signal} is {value}, which says nothing; it goes on"
    assert policy.on_report("b", Report(2, {signal: worse})).pruned


@pytest.mark.parametrize("name", ["halving:train_loss", "halving:running_mean", "halving:val_accuracy"])
def test_a_training_whose_loss_or_metric_is_not_finite_has_diverged(name):
    stream = [trace(0, [0.5, 0.6, 0.7]), trace(1, [math.nan] * 3)]
    result = replay(name, stream, RuleContext(max_t=3))
    assert [trial.end for trial in result.trials.values()] == [End.COMPLETED, End.FAILED]
    assert result.trials["1"].decisions[0].reason.endswith("the training has diverged")


@pytest.mark.parametrize("name", ["halving:running_mean", "halving:beta_eff", "halving:beta_eff:max"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(0, 60))
def test_a_state_through_json_changes_no_decision(name, seed, cut):
    stream = with_number(random_stream(12, 9, seed), "beta_eff", signed_beta)
    reports = [(str(k), made.reports[t]) for t in range(9) for k, made in enumerate(stream)]
    first = make_rule(name).policy(RuleContext(max_t=9))
    for trial, report in reports[:cut]:
        first.on_report(trial, report)
    state = json.loads(json.dumps(first.state_dict()))
    second = make_rule(name).policy(RuleContext(max_t=9))
    second.load_state_dict(state)
    assert second.state_dict() == first.state_dict()
    assert [second.on_report(*one) for one in reports[cut:]] == [
        first.on_report(*one) for one in reports[cut:]
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "halving",
            r"^Rule 'halving' needs a number to compare by: write halving:train_loss, for example\.$",
        ),
        ("halving:", r"^Rule 'halving' needs a number"),
        (
            "halving:train_loss:down",
            r"^Rule 'halving:train_loss:down': after the name comes max or min, received 'down'\. Write "
            r"halving:train_loss or halving:train_loss:min\.$",
        ),
        ("halving:train_loss:", r"after the name comes max or min, received ''\."),
    ],
)
def test_names_that_say_too_little_or_nonsense_are_refused(name, message):
    with pytest.raises(UserError, match=message):
        make_rule(name)


def test_a_sum_of_losses_is_refused_where_no_losses_were_recorded():
    with pytest.raises(UserError, match=r"^Rule 'curve:tse': no training reports 'train_loss' before"):
        make_rule("curve:tse").policy(RuleContext(max_t=9, stream=[without_losses(random_stream(1)[0])]))


def without_losses(made):
    reports = (Report(r.epoch, {"val_accuracy": r.get("val_accuracy")}) for r in made.reports)
    return replace(made, reports=tuple(reports))


@pytest.mark.parametrize("name", ["halving:train_lss", "halving:train_lss:min"])
def test_a_number_that_no_training_reports_is_refused(name):
    message = (
        r"^Rule 'halving:train_lss': no training reports .* Did you mean train_loss\? Reported: beta_eff, "
    )
    with pytest.raises(UserError, match=message):
        make_rule(name).policy(RuleContext(max_t=9, stream=random_stream(2)))


def test_so_is_beta_eff_where_it_was_not_recorded_and_a_mean_of_no_metric():
    stream = [trace(0, [0.5] * 9)]
    with pytest.raises(UserError, match=r"'halving:beta_eff': no training reports 'beta_eff'"):
        make_rule("halving:beta_eff").policy(RuleContext(max_t=9, stream=stream))
    with pytest.raises(UserError, match=r"'halving:running_mean': no training reports 'top5' before its"):
        make_rule("halving:running_mean").policy(RuleContext(max_t=9, metric="top5", stream=stream))
