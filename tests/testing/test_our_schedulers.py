"""Our schedulers have every property of the suite, over every policy, and none by swallowing errors."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.experiment import Trial

from neurocap_search.pruning import (
    FullTrainingPolicy,
    GuardedPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    SizeClassPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.testing.mock_controller import MockController
from neurocap_search.testing.mock_experiment import MockExperiment
from neurocap_search.testing.scheduler_case import play, stream
from neurocap_search.testing.schedulers import SchedulerConformance, property_names
from neurocap_search.tune import NeuralCapacitanceScheduler, PolicyScheduler


def halving(metric, mode, grace_period, **options):
    arguments = {"max_t": 9, "grace_period": grace_period, "reduction_factor": 3} | options
    return SuccessiveHalvingPolicy(metric=metric, mode=mode, **arguments)


class OverPolicy(SchedulerConformance):
    """The suite over a policy as a scheduler."""

    def make_policy(self, metric, mode, grace_period):
        raise NotImplementedError

    def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
        def make(metric, mode):
            return self.make_policy(metric, mode, grace_period)

        return PolicyScheduler(make, time_attr="epoch", metric=metric, mode=mode)


class TestNeuralCapacitance(SchedulerConformance):
    def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
        return NeuralCapacitanceScheduler("epoch", metric, mode, 9, grace_period, 3)


class TestNeuralCapacitanceAlone(SchedulerConformance):
    def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
        return NeuralCapacitanceScheduler("epoch", metric, mode, 9, grace_period, 3, predictor="capacitance")


class TestNeuralCapacitanceInPromotion(SchedulerConformance):
    def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
        return NeuralCapacitanceScheduler("epoch", metric, mode, 9, grace_period, 2, promotion=True)


class TestNeuralCapacitanceInBrackets(SchedulerConformance):
    def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
        return NeuralCapacitanceScheduler(
            "epoch", metric, mode, 9, grace_period, 3, 2, predictor="capacitance"
        )


class TestHalving(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        return halving(metric, mode, grace_period)


class TestPromotion(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        return PromotionHalvingPolicy(
            metric=metric, mode=mode, max_t=9, grace_period=grace_period, reduction_factor=3
        )


class TestPromotionWithFewPaused(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        return PromotionHalvingPolicy(
            metric=metric, mode=mode, max_t=9, grace_period=grace_period, reduction_factor=3, max_paused=4
        )


class TestIEpoch(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        return IEpochPolicy(metric=metric, mode=mode, max_t=9, epochs=grace_period, keep=3)


class TestMedian(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        return MedianPolicy(metric=metric, mode=mode, max_t=9, grace_period=grace_period)


class TestHyperband(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        return HyperbandPolicy(metric=metric, mode=mode, max_t=9, grace_period=grace_period)


class TestHyperbandThatPauses(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        return HyperbandPolicy(metric=metric, mode=mode, max_t=9, grace_period=grace_period, type="promotion")

    test_the_best_paused_trial_goes_on_first = None  # the best of its bracket does


class TestGuarded(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        inner = halving(metric, mode, grace_period)
        return GuardedPolicy(inner, metric=metric, mode=mode, patience=1, protect_best=1)


class TestSizeClass(OverPolicy):
    def make_policy(self, metric, mode, grace_period):
        return SizeClassPolicy(lambda size_class: halving(metric, mode, grace_period))


class TestFullTraining(OverPolicy):
    test_a_diverged_trial_is_stopped = None  # the yardstick trains everybody to the end

    def make_policy(self, metric, mode, grace_period):
        return FullTrainingPolicy(max_t=9)


ALL = [
    suite for suite in list(globals().values()) if isinstance(suite, type) and suite.__name__[:4] == "Test"
]
PAUSING = [
    TestPromotion,
    TestPromotionWithFewPaused,
    TestIEpoch,
    TestHyperbandThatPauses,
    TestNeuralCapacitanceInPromotion,
]


def test_what_is_switched_off_is_indeed_lacking():
    off = {(s, name) for s in ALL for name in property_names() if getattr(s, name) is None}
    assert off == {
        (TestFullTraining, "test_a_diverged_trial_is_stopped"),
        (TestHyperbandThatPauses, "test_the_best_paused_trial_goes_on_first"),
    }
    for suite, name in off:
        with pytest.raises(AssertionError):
            getattr(SchedulerConformance, name)(suite())


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.__name__)
def test_an_ordinary_life_gives_no_errors(suite, caplog):
    # Errors of a policy are swallowed so that the search goes on; the suite alone would not see them.
    scheduler = suite().make_scheduler()
    curves = {f"t{i}": [i / 20 + epoch / 30 for epoch in range(i % 5 + 6)] for i in range(12)}
    experiment = MockExperiment(scheduler, curves, failures={"t3": 1, "t11": 2})
    experiment.run()
    controller = MockController(suite().make_scheduler())
    play(controller, stream())
    for made in (scheduler, controller.scheduler):
        assert made.debug_string().endswith(" 0 errors")
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == []


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.__name__)
def test_a_trial_that_fails_for_good_gives_no_error(suite):
    controller = MockController(suite().make_scheduler())
    controller.report("a", {"epoch": 1, "value": 0.5})
    while (chosen := controller.choose()) is not None:
        chosen.set_status(Trial.RUNNING)
    if controller.trial("a").status == Trial.RUNNING:
        controller.fail(controller.trial("a"), tried_again=False)
    assert controller.scheduler.debug_string().endswith(" 0 errors")


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.__name__)
def test_schedulers_over_pausing_policies_pause_and_no_others(suite):
    # Otherwise the properties of pausing schedulers would hold for want of anything paused.
    curves = {f"t{i}": [(7 * i % 12) / 12] * 9 for i in range(12)}
    experiment = MockExperiment(suite().make_scheduler(), curves)
    experiment.run()
    happened = {event.what for event in experiment.controller.events}
    assert ({"PAUSE", "resume", "remove"} <= happened) == (suite in PAUSING)
    assert ("PAUSE" in happened) == (suite in PAUSING)


@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.__name__)
def test_a_saved_state_is_versioned_json(suite, tmp_path):
    controller = MockController(suite().make_scheduler())
    play(controller, stream())
    controller.scheduler.save(str(tmp_path / "state"))
    assert isinstance(json.loads((tmp_path / "state").read_text())["version"], int)


NAMES = st.sampled_from("abcd")
EVENTS = st.one_of(
    st.tuples(st.just("report"), NAMES, st.integers(-1, 12), st.floats() | st.integers(-5, 5)),
    st.tuples(st.sampled_from(["again", "fails", "ends", "is stopped", "is added"]), NAMES),
    st.just(("all are restored",)),
)


def happen(controller, what, name=None, *reported):
    """Let one event happen where Ray would let it, and return the controller after it."""
    trial = controller.trial(name) if name in {t.trial_id for t in controller.get_trials()} else None
    if what == "report":
        controller.report(name, dict(zip(("epoch", "value"), reported, strict=True)))
    elif what == "all are restored":
        return controller.restored(controller.scheduler)
    elif trial is not None and what == "is stopped":
        controller.stop_trial(trial)
    elif trial is not None and what == "is added" and trial.status != Trial.PAUSED:
        controller.call("on_trial_add", controller.shown, trial)
    elif trial is not None and trial.status == Trial.RUNNING and what in ("again", "fails"):
        controller.fail(trial, tried_again=what == "again")
    elif trial is not None and trial.status == Trial.RUNNING and what == "ends":
        controller.end(trial)
    return controller


@pytest.mark.parametrize(
    "suite", [TestNeuralCapacitanceInBrackets, *PAUSING], ids=lambda suite: suite.__name__
)
@settings(max_examples=40, deadline=None)
@given(events=st.lists(EVENTS, max_size=25))
def test_any_life_of_trials_is_answered_without_an_error(suite, events):
    # The controller refuses every answer Ray could not use; errors that are swallowed are counted.
    controller = MockController(suite().make_scheduler())
    for event in events:
        controller = happen(controller, *event)
    assert controller.scheduler.debug_string().endswith(" 0 errors")
