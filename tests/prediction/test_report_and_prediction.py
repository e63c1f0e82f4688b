"""What travels between trials, predictors and policies survives the way through JSON."""

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import Prediction, Report

finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(min_size=1, max_size=8)
reports = st.builds(
    Report,
    epoch=st.integers(1, 10_000),
    metrics=st.dictionaries(names, finite, max_size=5),
    seconds=st.none() | finite,
)
predictions = st.builds(
    Prediction,
    mean=finite,
    std=st.none() | finite,
    predictor=names,
    epochs=st.lists(st.integers(1, 100), max_size=5).map(tuple),
    fallback=st.none() | names,
)


@settings(deadline=None)
@given(report=reports)
def test_report_survives_json(report):
    # allow_nan=False: what JSON itself cannot say must not be needed.
    assert Report.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report


@settings(deadline=None)
@given(prediction=predictions)
def test_prediction_survives_json(prediction):
    assert Prediction.from_json(json.loads(json.dumps(prediction.to_json(), allow_nan=False))) == prediction


def test_null_stands_for_a_number_that_was_not_finite():
    report = Report.from_json({"epoch": 1, "metrics": {"acc": None, "loss": 0.5}, "seconds": None})
    assert math.isnan(report.get("acc"))
    assert report.get("loss") == 0.5
    assert report.seconds is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_null_in_json_and_nan_when_read_back(value):
    text = json.dumps(Report(1, {"acc": value}).to_json(), allow_nan=False)
    assert json.loads(text)["metrics"] == {"acc": None}
    assert math.isnan(Report.from_json(json.loads(text)).get("acc"))


def test_the_json_of_a_report_is_a_copy():
    # Who edits the dict does not edit the report.
    report = Report(1, {"acc": 0.5})
    report.to_json()["metrics"]["acc"] = 0.9
    assert report.get("acc") == 0.5


def test_a_missing_number_is_none():
    assert Report(1).get("acc") is None


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [(0.94814, 0.0102, "0.948 ± 0.010"), (0.5, None, "0.500"), (-0.12345, 0.0, "-0.123 ± 0.000")],
)
def test_a_prediction_reads_as_mean_and_spread(mean, std, text):
    assert str(Prediction(mean, std, "p", (1,))) == text


@pytest.mark.parametrize(
    ("value", "field"), [(Report(1), "epoch"), (Prediction(0.5, None, "p", (1,)), "mean")]
)
def test_values_cannot_be_changed(value, field):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, 2)
