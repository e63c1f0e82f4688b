"""What a sampler is told at the end of a trial."""

import math
from collections.abc import Callable

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, BruteForceSampler, GridSampler, NSGAIISampler
from optuna.trial import TrialState

from neurocap_search.prediction import Prediction
from neurocap_search.pruning import Action, Decision
from neurocap_search.tune.told import Seen, Told, ended_early, failed, told_at_end, told_objectives

numbers = st.floats(-1e6, 1e6)
spreads = st.floats(0, 1e6)
HALF = Seen(0.5, 3)
CHOICES = ["lower_bound", "last", "predicted", "pruned"]


def stop(mean=0.8, std=0.1, fallback=None, **change):
    prediction = Prediction(mean, std, "ridge", (1, 2, 3), fallback)
    return Decision(
        **({"action": Action.STOP, "epoch": 3, "reason": "too low", "pruned": True} | change),
        prediction=prediction,
    )


def told(decision, told_value="lower_bound", *, seen=HALF, pruned=True, mode="max"):
    return told_at_end(seen, decision, pruned=pruned, told_value=told_value, mode=mode)


@pytest.mark.parametrize(
    ("told_value", "mode", "value"),
    [
        ("lower_bound", "max", 0.6),
        ("lower_bound", "min", 1.0),
        ("last", "max", 0.5),
        ("last", "min", 0.5),
        ("predicted", "max", 0.8),
        ("predicted", "min", 0.8),
    ],
)
def test_a_pruned_trial_is_told_as_chosen(told_value, mode, value) -> None:
    answer = told(stop(), told_value, mode=mode)
    assert (answer.state, answer.values) == (TrialState.COMPLETE, (pytest.approx(value),))


def test_pruned_is_told_without_a_value_and_with_what_was_seen() -> None:
    answer = told(stop(), "pruned")
    assert (answer.state, answer.values, answer.seen) == (TrialState.PRUNED, (), Seen(0.5, 3))


@given(numbers, spreads, numbers)
def test_the_lower_bound_never_promises_more_than_the_prediction_and_mirrors_with_the_mode(
    mean, std, seen
) -> None:
    large = told(stop(mean, std), seen=Seen(seen, 3)).values[0]
    small = told(stop(-mean, std), seen=Seen(-seen, 3), mode="min").values[0]
    assert large <= mean
    assert large == -small
    assert large == pytest.approx(mean - 2 * std)


@pytest.mark.parametrize("told_value", ["lower_bound", "predicted", "last"])
@pytest.mark.parametrize(
    "decision",
    [None, stop(fallback="too few points"), Decision(Action.STOP, 3, "x", pruned=True), stop(mean=math.nan)],
)
def test_without_a_real_prediction_the_last_value_is_told(told_value, decision) -> None:
    assert told(decision, told_value).values == (0.5,)


@pytest.mark.parametrize("std", [None, math.nan, math.inf])
def test_a_lower_bound_needs_a_spread_and_a_predicted_value_does_not(std) -> None:
    assert told(stop(std=std)).values == (0.5,)
    assert told(stop(std=std), "predicted").values == (0.8,)


@pytest.mark.parametrize("told_value", CHOICES)
def test_a_fully_trained_trial_is_told_with_its_final_value(told_value) -> None:
    answer = told(stop(pruned=False), told_value, pruned=False)
    assert (answer.state, answer.values) == (TrialState.COMPLETE, (0.5,))


@pytest.mark.parametrize("pruned", [True, False])
@pytest.mark.parametrize("told_value", CHOICES)
@pytest.mark.parametrize("seen", [None, Seen(math.nan, 3), Seen(math.inf, 3), Seen(-math.inf, 3)])
def test_a_metric_that_is_no_finite_number_is_a_failure(seen, told_value, pruned) -> None:
    answer = told(stop(), told_value, seen=seen, pruned=pruned)
    assert (answer.state, answer.values) == (TrialState.FAIL, ())
    value = None if seen is None else seen.value
    assert answer.attributes["neurocap:reason"] == f"no finite metric at its end, last seen: {value}"


def test_a_decision_that_the_trial_failed_is_a_failure() -> None:
    answer = told(stop(pruned=False, failed=True, reason="diverged"), pruned=False)
    assert (answer.state, answer.attributes["neurocap:reason"]) == (TrialState.FAIL, "diverged")


def test_the_attributes_say_what_was_seen_predicted_and_decided() -> None:
    assert told(stop()).attributes == {
        "neurocap:pruned": True,
        "neurocap:raw": 0.5,
        "neurocap:epoch": 3,
        "neurocap:reason": "too low",
        "neurocap:predicted": 0.8,
        "neurocap:std": 0.1,
        "neurocap:fallback": None,
    }
    assert told(None, seen=Seen(0.5, 7), pruned=False).attributes == {
        "neurocap:pruned": False,
        "neurocap:raw": 0.5,
        "neurocap:epoch": 7,
    }


def test_only_stops_before_the_end_and_stops_while_paused_are_early_ends() -> None:
    result = {"acc": 0.5}
    assert ended_early(result, stop())
    assert ended_early(None, None)
    assert ended_early(result, stop(action=Action.PAUSE, pruned=False))
    assert not ended_early(result, None)
    assert not ended_early(result, stop(pruned=False))
    assert not ended_early(result, stop(action=Action.CONTINUE, pruned=False))


def test_several_objectives_are_told_all_or_none() -> None:
    assert told_objectives([1, 2.5], pruned=False).values == (1.0, 2.5)
    for bad in (None, math.nan, math.inf):
        answer = told_objectives([1.0, bad], pruned=False)
        assert answer.state is TrialState.FAIL
        assert "not all objectives are finite numbers" in answer.attributes["neurocap:reason"]
    assert told_objectives([None, None], pruned=True).state is TrialState.PRUNED


def test_telling_reports_the_last_value_once_and_keeps_the_attributes() -> None:
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    trial.report(0.3, 2)
    told(stop(), "pruned").tell(study, trial)
    (frozen,) = study.trials
    assert frozen.intermediate_values == {2: 0.3, 3: 0.5}
    assert (frozen.state, frozen.value) == (TrialState.PRUNED, 0.5)
    assert frozen.user_attrs["neurocap:predicted"] == 0.8
    trial = study.ask()
    trial.report(0.4, 3)
    told(stop()).tell(study, trial)
    assert study.trials[1].intermediate_values == {3: 0.4}
    assert study.trials[1].state is TrialState.COMPLETE


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("make", [lambda: GridSampler({"x": [0, 1]}), lambda: BruteForceSampler(seed=0)])
@pytest.mark.parametrize("answer", [Told(TrialState.COMPLETE, (1.0,)), failed("no")], ids=["told", "failed"])
def test_no_trial_stays_running_when_the_sampler_raises_at_its_last_point(
    make: Callable[[], BaseSampler], answer: Told, caplog: pytest.LogCaptureFixture
) -> None:
    study = optuna.create_study(sampler=make())
    for _ in range(4):
        trial = study.ask({"x": CategoricalDistribution([0, 1])})
        answer.tell(study, trial)
    assert {trial.state for trial in study.trials} == {answer.state}
    assert "failed to learn" not in caplog.text


def test_a_failing_storage_is_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study()
    trial = study.ask()
    study.tell(trial, 1.0)
    told(stop()).tell(study, trial)
    assert "Optuna trial 0: the sampler failed to learn" in caplog.text
    assert study.trials[0].value == 1.0


def test_given_points_become_parents_of_a_genetic_sampler() -> None:
    sampler = NSGAIISampler(population_size=2, seed=0)
    study = optuna.create_study(sampler=sampler)
    for value in (0.1, 0.2):
        study.enqueue_trial({"x": value})
        trial = study.ask()
        Told(TrialState.COMPLETE, (trial.suggest_float("x", 0, 1),)).tell(study, trial)
    assert [trial.value for trial in sampler.get_population(study, 0)] == [0.1, 0.2]


@pytest.mark.parametrize("told_value", CHOICES)
@pytest.mark.parametrize("seen", [None, Seen(math.nan, 0)])
def test_a_trial_that_was_pruned_before_it_had_a_metric_is_told_as_pruned(told_value, seen) -> None:
    early = Decision(Action.STOP, 0.5, "epoch 0.5: it is pruned", pruned=True)
    end = told(early, told_value, seen=seen)
    assert (end.state, end.values, end.seen) == (TrialState.PRUNED, (), None)
    assert end.attributes["neurocap:epoch"] == 0.5
    study = optuna.create_study(direction="maximize")
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    end.tell(study, trial)
    assert study.trials[0].state is TrialState.PRUNED
