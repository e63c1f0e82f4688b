"""What Ray's own tests ask of its AsyncHyperBandScheduler, asked of it and of ours in our own words.

Without predictions ours is to behave as ASHA does; where it is meant to differ, a test says so.
"""

import math

import pytest
from ray.tune.result import DEFAULT_METRIC
from ray.tune.schedulers import AsyncHyperBandScheduler

from neurocap_search.pruning import SuccessiveHalvingPolicy
from neurocap_search.testing.mock_controller import MockController
from neurocap_search.testing.mock_experiment import MockExperiment
from neurocap_search.testing.scheduler_contract import stub_trial
from neurocap_search.tune import NeuralCapacitanceScheduler, PolicyScheduler


def over_halving(time_attr="training_iteration", metric=None, mode=None, **arguments):
    """A scheduler over plain successive halving, with ASHA's arguments."""

    def make(metric, mode):
        return SuccessiveHalvingPolicy(metric=metric, mode=mode, **arguments)

    return PolicyScheduler(make, time_attr=time_attr, metric=metric, mode=mode)


def by_capacitance(*positional, **arguments):
    """Our scheduler by beta_eff alone, which without beta_eff is successive halving."""
    return NeuralCapacitanceScheduler(*positional, predictor="capacitance", **arguments)


OURS = [by_capacitance, over_halving]
every = pytest.mark.parametrize("make", [AsyncHyperBandScheduler, *OURS], ids=["ray", "ours", "policy"])
all_nan = pytest.mark.filterwarnings("ignore:All-NaN slice")  # numpy's, where Ray takes their percentile
ours = pytest.mark.parametrize("make", OURS, ids=["ours", "policy"])


def controller(make, **arguments):
    """A controller over a scheduler that compares accuracies by epoch."""
    return MockController(make(**({"time_attr": "epoch", "metric": "acc", "mode": "max"} | arguments)))


def say(control, trial_id, epoch, **metrics):
    return control.report(trial_id, {"epoch": epoch, **metrics})


# Metric and mode -------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize(
    ("own", "given", "accepted"),
    [
        (("acc", "max"), (None, None), True),
        ((None, None), ("acc", "max"), True),
        (("acc", None), (None, "max"), True),
        ((None, "max"), ("acc", None), True),
        (("acc", "max"), ("loss", None), False),
        (("acc", "max"), (None, "min"), False),
        (("acc", "max"), ("acc", "max"), False),
    ],
)
def test_metric_and_mode_may_be_given_once(make, own, given, accepted):
    assert make(metric=own[0], mode=own[1]).set_search_properties(*given) is accepted


@every
def test_a_mode_that_is_none_is_refused(make):
    with pytest.raises((AssertionError, ValueError), match="mode"):
        make(metric="acc", mode="upwards")


@every
def test_without_a_mode_no_trial_is_taken(make):
    scheduler = make(metric="acc")
    scheduler.set_search_properties(None, None)
    with pytest.raises(ValueError, match="mode"):
        scheduler.on_trial_add(None, stub_trial("a"))


@every
def test_with_a_mode_alone_the_anonymous_metric_counts(make):
    scheduler = make(time_attr="epoch", mode="max")
    scheduler.set_search_properties(None, None)
    control = MockController(scheduler)
    assert [say(control, name, 1, **{DEFAULT_METRIC: value}) for name, value in (("a", 5), ("b", 2))] == [
        "CONTINUE",
        "STOP",
    ]


@every
@pytest.mark.parametrize(("mode", "sign"), [("max", 1), ("min", -1)])
def test_the_mode_says_which_way_is_better(make, mode, sign):
    control = controller(make, mode=mode)
    assert say(control, "good", 1, acc=sign * 9) == "CONTINUE"
    assert say(control, "bad", 1, acc=sign * 1) == "STOP"
    assert say(control, "better", 1, acc=sign * 10) == "CONTINUE"


@every
def test_any_reported_keys_can_be_time_and_metric(make):
    control = controller(make, time_attr="steps", metric="loss", mode="min", max_t=1000, grace_period=100)
    answers = [
        control.report(name, {"steps": 100, "loss": loss, "acc": acc})
        for name, loss, acc in (("a", 1.0, 0.1), ("b", 2.0, 0.9), ("c", 0.5, 0.0))
    ]
    assert answers == ["CONTINUE", "STOP", "CONTINUE"]


# Rungs -----------------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize(
    ("factor", "value", "answer"),
    [(2, 19.9, "STOP"), (2, 20, "CONTINUE"), (4, 24.9, "STOP"), (4, 25, "CONTINUE")],
)
def test_the_cut_off_is_a_percentile_with_interpolation(make, factor, value, answer):
    # Of 10, 20 and 30 the upper half begins at 20, the upper quarter at 25. Ascending, all three pass.
    control = controller(make, reduction_factor=factor)
    assert [say(control, f"t{acc}", 1, acc=acc) for acc in (10, 20, 30)] == ["CONTINUE"] * 3
    assert say(control, "next", 1, acc=value) == answer


@every
def test_rungs_are_apart_by_the_reduction_factor(make):
    control = controller(make, max_t=27, reduction_factor=3)
    for epoch in range(1, 27):
        assert say(control, "good", epoch, acc=0.9) == "CONTINUE"
    stopped = {}
    for rung in (1, 3, 9):
        name = f"falls at {rung}"
        for epoch in range(1, 27):
            if say(control, name, epoch, acc=0.9 if epoch < rung else 0.1) == "STOP":
                stopped[rung] = epoch
                break
    assert stopped == {1: 1, 3: 3, 9: 9}


@every
def test_nobody_is_judged_before_the_grace_period_though_it_is_no_whole_epoch(make):
    control = controller(make, grace_period=2.5, reduction_factor=3, max_t=10)
    for epoch in (1, 2, 3):
        say(control, "good", epoch, acc=0.9)
    assert [say(control, "bad", epoch, acc=0.1) for epoch in (1, 2, 3)] == ["CONTINUE", "CONTINUE", "STOP"]


@every
def test_all_trials_end_at_max_t(make):
    control = controller(make, max_t=10, brackets=2)
    assert [say(control, f"t{i}", 10, acc=i) for i in range(10)] == ["STOP"] * 10


@every
def test_what_a_trial_ended_with_counts_at_its_rung(make):
    control = controller(make, max_t=10)
    say(control, "first", 1, acc=0.5)
    control.add(stub_trial("ended"))
    control.trial("ended").set_status("RUNNING")
    control.scheduler.on_trial_complete(control, control.trial("ended"), {"epoch": 1, "acc": 0.9})
    assert say(control, "third", 1, acc=0.6) == "STOP"


@every
def test_a_stopped_trial_still_counts_at_its_rung(make):
    # After 0.9 and the stopped 0.1, the upper half begins at 0.5.
    control = controller(make, reduction_factor=2, max_t=10)
    answers = [say(control, f"t{value}", 1, acc=value) for value in (0.9, 0.1, 0.6)]
    assert answers == ["CONTINUE", "STOP", "CONTINUE"]


@every
def test_a_trial_is_judged_once_at_a_rung(make):
    control = controller(make, max_t=27, reduction_factor=3)
    say(control, "a", 1, acc=0.5)
    say(control, "b", 1, acc=0.9)
    assert [say(control, "a", epoch, acc=0.0) for epoch in (1, 2)] == ["CONTINUE", "CONTINUE"]


@every
def test_a_result_without_time_or_metric_decides_nothing(make):
    control = controller(make)
    say(control, "good", 1, acc=0.9)
    assert [control.report("a", {"acc": 0.1}), control.report("a", {"epoch": 1})] == ["CONTINUE", "CONTINUE"]
    assert say(control, "a", 1, acc=0.1) == "STOP"


# Not a number ----------------------------------------------------------------------------------------


@every
@all_nan
def test_a_cohort_of_nan_stops_no_good_trial(make):
    control = controller(make)
    for i in range(4):
        say(control, f"nan{i}", 1, acc=math.nan)
    assert say(control, "good", 1, acc=0.9) == "CONTINUE"


@every
@all_nan
def test_beside_nan_the_others_are_compared_with_each_other(make):
    control = controller(make, reduction_factor=2)
    for name, value in (("nan", math.nan), ("good", 0.9)):
        say(control, name, 1, acc=value)
    assert [say(control, "bad", 1, acc=0.1), say(control, "better", 1, acc=0.95)] == ["STOP", "CONTINUE"]


@ours
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_diverged_trial_is_stopped_where_ray_trains_on(make, value):
    assert say(controller(AsyncHyperBandScheduler), "a", 1, acc=value) == "CONTINUE"
    assert say(controller(make), "a", 1, acc=value) == "STOP"


# State and whole experiments -------------------------------------------------------------------------


@every
def test_rungs_survive_saving_and_restoring(make, tmp_path):
    control = controller(make, max_t=9)
    for name, value in (("a", 0.5), ("b", 0.9)):
        say(control, name, 1, acc=value)
    control.scheduler.save(str(tmp_path / "state"))
    fresh = make(time_attr="epoch", metric="acc", mode="max", max_t=9)
    fresh.restore(str(tmp_path / "state"))
    assert say(control.restored(fresh), "c", 1, acc=0.6) == "STOP"
    empty = make(time_attr="epoch", metric="acc", mode="max", max_t=9)
    assert say(control.restored(empty), "c", 1, acc=0.6) == "CONTINUE"


@every
def test_most_of_a_random_cohort_is_stopped_early_and_the_best_trained(make):
    scheduler = make(time_attr="epoch", metric="value", mode="max", max_t=27, reduction_factor=3)
    curves = {f"t{i}": [(7 * i % 27) / 27] * 27 for i in range(27)}
    experiment = MockExperiment(scheduler, curves)
    experiment.run()
    epochs = {name: experiment.epochs(name) for name in curves}
    best = max(curves, key=lambda name: curves[name][0])
    assert epochs[best] == 27
    assert sum(e < 27 for e in epochs.values()) > 27 / 2


@ours
def test_a_whole_experiment_is_the_one_of_ray(make):
    def events(maker, seed):
        scheduler = maker(time_attr="epoch", metric="value", mode="max", max_t=27, reduction_factor=3)
        curves = {f"t{i}": [(11 * i % 30) / 30 + e / 50 * (i % 3) for e in range(30)] for i in range(30)}
        experiment = MockExperiment(scheduler, curves, seed=seed)
        experiment.run()
        return [event[:2] for event in experiment.controller.events]

    for seed in range(3):
        assert events(make, seed) == events(AsyncHyperBandScheduler, seed)
