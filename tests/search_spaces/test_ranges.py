"""Ranges, choices and searched hyper-parameters: what a configuration may say and what is sampled from it."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial
from pydantic import TypeAdapter, ValidationError

from search_spaces import Choices, FloatRange, Hyperparameters, IntRange, SteppedRange


def trial_of(seed: int) -> optuna.Trial:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()


@pytest.mark.parametrize(
    ("model", "fields", "message"),
    [
        (IntRange, {"low": 3, "high": 2}, r"low \(3\) must not exceed high \(2\): swap them"),
        (IntRange, {"low": 0, "high": 2}, "greater than 0"),
        (FloatRange, {"low": 0.1, "high": 0.1}, r"low \(0.1\) must be less than high \(0.1\)"),
        (
            FloatRange,
            {"low": 0.0, "high": 0.1},
            "must be positive where log is true: raise low or set log: false",
        ),
        (FloatRange, {"low": 0.1, "high": float("inf")}, "finite number"),
        (SteppedRange, {"low": 0.3, "high": 0.1}, "swap them"),
        (SteppedRange, {"low": 0.0, "high": 0.25, "step": 0.1}, "must be a multiple of step, but 0.25 - 0.0"),
        (SteppedRange, {"low": 0.0, "high": 1.0}, "less than 1"),
        (SteppedRange, {"low": 0.0, "high": 0.2, "step": 0.0}, "greater than 0"),
        (IntRange, {"low": 1, "high": 2, "hihg": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_range_is_rejected(model: type, fields: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model(**fields)


@pytest.mark.parametrize(
    ("choices", "message"),
    [([], "at least 1 item"), ([2, 3, 2], "may be listed once, but repeated: 2"), (["x"], "valid integer")],
)
def test_wrong_choices_are_rejected(choices: list[object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(Choices[int]).validate_python(choices)


def test_ranges_are_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        IntRange(low=1, high=2).low = 2


@given(seed=st.integers(0, 2**31), low=st.integers(0, 5), steps=st.integers(0, 4))
@settings(deadline=None)
def test_a_stepped_range_stays_on_its_grid(seed: int, low: int, steps: int) -> None:
    value = SteppedRange(low=low / 10, high=(low + steps) / 10).suggest(trial_of(seed), "dropout")
    assert round(value * 10) == pytest.approx(value * 10)
    assert low <= round(value * 10) <= low + steps


def test_no_hyperparameter_is_searched_by_default() -> None:
    assert Hyperparameters().sample(FixedTrial({})) == {}


@given(seed=st.integers(0, 2**31))
@settings(deadline=None)
def test_exactly_the_searched_hyperparameters_are_sampled(seed: int) -> None:
    hyperparameters = Hyperparameters(
        learning_rate=FloatRange(low=1e-4, high=1e-1), batch_size=[32, 64], weight_decay=None
    )
    trial = trial_of(seed)
    sampled = hyperparameters.sample(trial)
    assert sampled.keys() == {"learning_rate", "batch_size"} == trial.params.keys()
    assert 1e-4 <= sampled["learning_rate"] <= 1e-1
    assert sampled["batch_size"] in (32, 64)


def test_learning_rate_and_weight_decay_are_sampled_in_their_own_ranges() -> None:
    hyperparameters = Hyperparameters(
        learning_rate=FloatRange(low=0.1, high=0.2), weight_decay=FloatRange(low=0.0, high=0.01, log=False)
    )
    trial = trial_of(0)
    assert 0.1 <= hyperparameters.sample(trial)["learning_rate"] <= 0.2
    assert 0.0 <= trial.params["weight_decay"] <= 0.01
    assert trial.distributions["learning_rate"].log
    assert not trial.distributions["weight_decay"].log


def test_numbers_that_yaml_reads_as_text_are_accepted() -> None:
    assert FloatRange.model_validate({"low": "1e-4", "high": 0.1}).low == 1e-4


@pytest.mark.parametrize("batch_size", [[], [32, 32], [0], [-1]])
def test_a_wrong_batch_size_is_rejected(batch_size: list[int]) -> None:
    with pytest.raises(ValidationError, match="batch_size"):
        Hyperparameters(batch_size=batch_size)


def test_a_misspelt_hyperparameter_is_rejected() -> None:
    with pytest.raises(ValidationError, match="learning_rte"):
        Hyperparameters.model_validate({"learning_rte": {"low": 0.1, "high": 0.2}})
