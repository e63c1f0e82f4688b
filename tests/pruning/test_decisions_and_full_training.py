"""Decisions survive JSON, rungs lie where they should, and full training stops at max_t only."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.schedulers import TrialScheduler

from neurocap_search.prediction import Prediction, Report
from neurocap_search.pruning import Action, Decision, FullTrainingPolicy
from neurocap_search.pruning.rungs import Rung, Score, Verdict, bracket_rungs

finite = st.floats(allow_nan=False, allow_infinity=False)
predictions = st.builds(
    Prediction,
    finite,
    st.none() | finite,
    st.text(),
    st.lists(st.integers(1, 99)).map(tuple),
    st.none() | st.text(),
)
decisions = st.builds(
    Decision,
    st.sampled_from(Action),
    st.integers(1, 99),
    st.text(),
    st.none() | predictions,
    st.booleans(),
    st.booleans(),
)


@settings(deadline=None)
@given(decision=decisions)
def test_decision_survives_json(decision):
    back = Decision.from_json(json.loads(json.dumps(decision.to_json(), allow_nan=False)))
    assert back == decision
    assert back.action is decision.action


@pytest.mark.parametrize("action", Action)
def test_actions_are_those_of_ray(action):
    assert action.value == getattr(TrialScheduler, action.name)


@pytest.mark.parametrize("metrics", [{}, {"acc": 0.0}, {"acc": math.nan}])
def test_full_training_continues_until_max_t(metrics):
    policy = FullTrainingPolicy(max_t=3)
    answers = [policy.on_report("a", Report(epoch, metrics)) for epoch in (1, 2, 3, 4)]
    assert answers == [
        Decision(Action.CONTINUE, 1, "epoch 1 of 3: no pruning"),
        Decision(Action.CONTINUE, 2, "epoch 2 of 3: no pruning"),
        Decision(Action.STOP, 3, "epoch 3 of 3: fully trained"),
        Decision(Action.STOP, 4, "epoch 4 of 3: fully trained"),
    ]
    assert not any(answer.pruned for answer in answers)


def test_full_training_has_no_state():
    policy = FullTrainingPolicy(max_t=3)
    policy.on_report("a", Report(1))
    policy.on_complete("a", Report(1))
    policy.on_error("b")
    state = json.loads(json.dumps(policy.state_dict()))
    assert state == {"policy": "full_training", "version": 2, "settings": {"max_t": 3}}
    policy.load_state_dict(state)


@pytest.mark.parametrize("max_t", [0, -1, math.nan])
def test_full_training_of_no_epochs_is_refused(max_t):
    with pytest.raises(ValueError, match=rf"^max_t must be above 0, received {max_t}\.$"):
        FullTrainingPolicy(max_t=max_t)


@pytest.mark.parametrize(
    ("arguments", "milestones"),
    [
        ((1, 27, 3), [27, 9, 3, 1]),
        ((1, 26, 3), [9, 3, 1]),
        ((4, 16, 2), [16, 8, 4]),
        ((5, 5, 4), [5]),
        ((1, 100, 4, 1), [64, 16, 4]),
        ((1, 5, 1.5), [3.375, 2.25, 1.5, 1]),
        ((1, 4, 4, 3), []),
    ],
)
def test_rungs_lie_at_powers_of_the_reduction_factor(arguments, milestones):
    assert [rung.milestone for rung in bracket_rungs(*arguments)] == milestones


@pytest.mark.parametrize(
    ("seen", "reduction_factor", "verdict"),
    [
        ([], 4, Verdict(True, None, 0)),
        ([0.5], 4, Verdict(True, 0.5, 1)),  # a tie goes on
        ([0.6], 4, Verdict(False, 0.6, 1)),
        ([0.0, 0.2, 0.4, 0.6, 0.8], 2, Verdict(True, 0.4, 5)),
        ([0.0, 0.25, 0.5, 0.75, 1.0], 4, Verdict(False, 0.75, 5)),
    ],
)
def test_a_rung_keeps_the_top_share(seen, reduction_factor, verdict):
    rung = Rung(1, {str(i): Score(value, None) for i, value in enumerate(seen)})
    assert rung.judge(Score(0.5, None), reduction_factor) == verdict


def test_a_rung_survives_json():
    rung = Rung(3, {"a": Score(0.5, None), "b": Score(-0.1, 0.7)})
    back = Rung.from_json(json.loads(json.dumps(rung.to_json())))
    assert back == rung
    assert isinstance(back.scores["a"], Score)
