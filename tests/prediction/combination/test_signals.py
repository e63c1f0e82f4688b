"""Signals of a course and their normal scores."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm, rankdata

from neurocap_search.prediction import Report
from neurocap_search.prediction.combination import GROUPS, METRIC, SIGNALS, SignalCourse
from neurocap_search.prediction.combination.signals import normal_scores

NAMES = [signal.name for signal in SIGNALS]
NUMBER = {name: k for k, name in enumerate(NAMES)}
COLUMNS = arrays(float, (12, 3), elements=st.sampled_from([0.0, 1.0, 2.5, -3.0, math.nan, 7.0]))


def followed(*reports):
    course = SignalCourse(NAMES)
    for epoch, metrics in enumerate(reports, 1):
        course.follow(Report(epoch, metrics))
    return course


def test_every_signal_belongs_to_one_group():
    assert sorted(name for group in GROUPS.values() for name in group) == sorted(NAMES)


def test_means_sizes_and_last_values():
    row = followed(
        {METRIC: 0.2, "beta_eff": -3.0, "parameters": 10.0, "val_loss": 2.0},
        {METRIC: 0.4, "beta_eff": 1.0, "parameters": 12.0},
    ).row()
    assert row[NUMBER[METRIC]] == pytest.approx(0.3)
    assert row[NUMBER["beta_eff"]] == 2.0
    assert row[NUMBER["parameters"]] == 12.0
    assert row[NUMBER["val_loss"]] == 2.0
    assert math.isnan(row[NUMBER["train_loss"]])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_not_there(value):
    assert followed({"beta_eff": 1.0}, {"beta_eff": value}).row()[NUMBER["beta_eff"]] == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["train_loss", "val_loss"])
def test_a_loss_that_is_not_finite_ranks_last(name, value):
    rows = [followed({name: loss}).row() for loss in (1.0, 2.0, value)]
    rows.append(followed({}).row())
    scores = normal_scores(np.array(rows))[:, NUMBER[name]]
    assert scores[0] < scores[1] == 0 < scores[2]
    assert scores[3] == 0  # not reported is another matter


def test_what_is_reported_again_from_a_checkpoint_counts_once():
    course = SignalCourse(NAMES)
    for epoch, value in [(1, 0.1), (2, 0.2), (3, 0.3), (2, 0.4), (3, 0.6)]:
        course.follow(Report(epoch, {METRIC: value, "strength_std": value}))
    row = course.row()
    assert row[NUMBER[METRIC]] == pytest.approx((0.1 + 0.4 + 0.6) / 3)
    assert row[NUMBER["strength_std"]] == 0.6


def test_a_state_with_a_diverged_loss_is_json():
    course = followed({"train_loss": math.nan, METRIC: 0.5})
    loaded = SignalCourse(NAMES, json.loads(json.dumps(course.to_json(), allow_nan=False)))
    np.testing.assert_equal(loaded.row(), course.row())
    assert loaded.row()[NUMBER["train_loss"]] == math.inf


def test_a_course_goes_on_from_its_state():
    reports = [{METRIC: 0.1, "beta_eff": 2.0}, {METRIC: 0.7, "strength_std": 1.5}, {METRIC: 0.9}]
    course = followed(*reports[:2])
    loaded = SignalCourse(NAMES, json.loads(json.dumps(course.to_json())))
    for one in (course, loaded):
        one.follow(Report(3, reports[2]))
    np.testing.assert_equal(loaded.row(), course.row())


@given(COLUMNS)
def test_normal_scores_are_those_of_scipy(rows):
    scores = normal_scores(rows)
    for column, found in zip(rows.T, scores.T, strict=True):
        there = np.isfinite(column)
        assert (found[~there] == 0).all()
        if there.sum() > 1:
            shares = (rankdata(column[there]) - 0.5) / there.sum()
            np.testing.assert_allclose(found[there], norm.ppf(shares), atol=1e-12)


@given(COLUMNS, st.sampled_from([np.exp, np.arctan, lambda x: 3 * x - 1]))
def test_only_the_order_counts(rows, rising):
    np.testing.assert_allclose(normal_scores(rising(rows)), normal_scores(rows), atol=1e-12)


def test_a_lone_trial_and_equal_ones_say_nothing():
    assert normal_scores(np.array([[3.0]])).tolist() == [[0.0]]
    np.testing.assert_allclose(normal_scores(np.full((4, 1), 2.0)), 0, atol=1e-12)
