"""Sentences and predictions that are made when they are read are those that were due when it was decided."""

import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import CapacitanceRidge, Prediction, Report
from neurocap_search.pruning import (
    Action,
    Decision,
    GuardedPolicy,
    HyperbandPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    SizeClassPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.testing.policy_history import KINDS, Event, tell

RIDGE = {"metric": "acc", "min_points": 3}
HALVING = {"metric": "acc", "max_t": 9, "reduction_factor": 1.5}


class AtOnce(CapacitanceRidge):
    """Predicts the same, but says that it learns: so it is asked for every prediction at once."""

    learns = True


MAKERS = {
    "stopping": lambda ridge: SuccessiveHalvingPolicy(**HALVING, predictor=ridge(**RIDGE)),
    "promotion": lambda ridge: PromotionHalvingPolicy(**HALVING, max_paused=3, predictor=ridge(**RIDGE)),
    "hyperband": lambda ridge: HyperbandPolicy(**HALVING, predictor=ridge(**RIDGE)),
    "hyperband, promotion": lambda ridge: HyperbandPolicy(
        **HALVING, type="promotion", predictor=ridge(**RIDGE)
    ),
    "median": lambda ridge: MedianPolicy(metric="acc", max_t=9, min_trials=1),
    "sizes": lambda ridge: SizeClassPolicy(
        lambda _: SuccessiveHalvingPolicy(**HALVING, predictor=ridge(**RIDGE))
    ),
    "guarded": lambda ridge: GuardedPolicy(
        SuccessiveHalvingPolicy(**HALVING, predictor=ridge(**RIDGE)),
        metric="acc",
        patience=1,
        protect_best=1,
    ),
}
events = st.builds(
    Event,
    st.sampled_from(["report"] * 12 + list(KINDS)),
    st.integers(0, 3).map("t{}".format),
    st.integers(1, 10),
    st.integers(0, 10).map(lambda k: k / 10) | st.just(float("nan")),
)


def report(epoch, value):
    numbers = {"acc": value, "parameters": 8.0 if value > 0.5 else 800.0}
    return Report(epoch, numbers | ({} if value == 0.4 else {"beta_eff": (1 - value) / epoch}))


def as_json(decided):
    return [(trial_id, decision.to_json()) for trial_id, decision in decided]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@settings(max_examples=100, deadline=None)
@given(history=st.lists(st.tuples(events, st.booleans()), max_size=60))
def test_decisions_read_at_the_end_are_those_of_a_policy_that_predicts_at_once(make, history):
    later, at_once = make(CapacitanceRidge), make(AtOnce)
    unread, read = [], []
    for event, pause in history:
        if pause:
            state = json.loads(json.dumps(later.state_dict()))
            later = make(CapacitanceRidge)
            later.load_state_dict(state)
        unread += tell(later, event, report)
        read += as_json(tell(at_once, event, report))
    assert as_json(unread) == read
    assert later.state_dict() == at_once.state_dict()


@pytest.mark.parametrize("make", [MAKERS["stopping"], MAKERS["promotion"]], ids=["stopping", "promotion"])
@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 12), st.integers(0, 10).map(lambda k: k / 10)), min_size=1, max_size=25
    )
)
def test_every_prediction_is_that_of_the_reports_so_far(make, steps):
    policy, decisions, expected, history = make(CapacitanceRidge), [], [], []
    for epoch, value in steps:
        history = [*(r for r in history if r.epoch < epoch), report(epoch, value)]
        decisions.append(policy.on_report("a", history[-1]))
        expected.append(CapacitanceRidge(**RIDGE).predict(history))
    assert [decision.prediction for decision in decisions] == expected


@pytest.mark.parametrize("make", [MAKERS["stopping"], MAKERS["promotion"], MAKERS["hyperband"]])
def test_a_prediction_that_decides_nothing_is_made_once_and_only_if_it_is_read(make):
    asked = []

    class Counting(CapacitanceRidge):
        def predict(self, history):
            asked.append([r.epoch for r in history])
            return super().predict(history)

    policy = make(Counting)
    for epoch in (4, 5):  # 4: the first rungs are behind it, or it enters the lowest of them
        decision = policy.on_report("a", report(epoch, 0.5))
    for rest in (6, 7, 8, 9):
        decision = policy.on_report("a", report(rest, 0.6))
    before = len(asked)
    assert decision.prediction == decision.prediction
    assert asked[before:] == [[4, 5, 6, 7, 8, 9]]


class Mean:
    """Predicts the mean of the finals it has seen."""

    signals = ("acc",)

    def __init__(self):
        self.mean = 0.0

    def fit(self, histories, finals):
        self.mean = sum(finals) / len(finals)
        return self

    def predict(self, history):
        return Prediction(self.mean, None, "mean", (history[-1].epoch,))


@pytest.mark.parametrize("hyperband", [False, True])
def test_what_a_predictor_learns_later_does_not_change_an_earlier_prediction(hyperband):
    make = HyperbandPolicy if hyperband else SuccessiveHalvingPolicy
    policy = make(metric="acc", max_t=9, reduction_factor=3, predictor=Mean())
    decisions = [policy.on_report("a", report(epoch, 0.5)) for epoch in (1, 2)]
    policy.on_complete("b", report(9, 0.7))
    policy.on_report("b", report(9, 0.7))
    policy.on_complete("b", report(9, 0.7))
    assert [decision.prediction.mean for decision in decisions] == [0.0, 0.0]
    assert policy.on_report("a", report(4, 0.5)).prediction.mean == 0.7


def test_a_guard_that_spares_a_trial_keeps_its_prediction():
    halving = SuccessiveHalvingPolicy(metric="acc", max_t=9, reduction_factor=3, predictor=Mean())
    policy = GuardedPolicy(halving, metric="acc", protect_best=2)
    policy.on_report("a", report(1, 0.5))
    halving.predictor = Mean().fit([], [-0.5])  # so that the next one is below the cut-off
    spared = policy.on_report("b", report(1, 0.4))
    assert "it goes on, because" in spared.reason
    assert (spared.action, spared.prediction.mean) == (Action.CONTINUE, -0.5)


@pytest.mark.parametrize("make", [SuccessiveHalvingPolicy, PromotionHalvingPolicy])
def test_a_predictor_of_a_number_that_is_not_reported_fails_at_once(make):
    policy = make(metric="acc", max_t=9, grace_period=3, predictor=CapacitanceRidge(metric="loss"))
    with pytest.raises(ValueError, match="No report has a finite 'loss'"):
        policy.on_report("a", report(1, 0.5))


def test_a_decision_asks_for_its_sentence_and_its_prediction_once():
    asked = []
    guess = Prediction(0.5, None, "test", (1,))

    def reason():
        asked.append("reason")
        return "epoch 1: so"

    def prediction():
        asked.append("prediction")
        return guess

    decision = Decision(Action.STOP, 1, reason, prediction, pruned=True)
    renamed = decision.with_reason("epoch 1: other")
    assert asked == []
    assert [(decision.reason, decision.prediction) for _ in range(3)] == [("epoch 1: so", guess)] * 3
    assert asked == ["reason", "prediction"]
    assert renamed == Decision(Action.STOP, 1, "epoch 1: other", guess, pruned=True)


def test_another_reason_or_prediction_changes_nothing_else():
    guess = Prediction(0.5, None, "test", (1,))
    for facts in ({"pruned": True}, {"failed": True}, {}):
        decision = Decision(Action.STOP, 1, "epoch 1: so", **facts)
        assert decision.with_prediction(guess) == Decision(Action.STOP, 1, "epoch 1: so", guess, **facts)
        assert decision.with_reason("epoch 1: x") == Decision(Action.STOP, 1, "epoch 1: x", **facts)
        assert decision.with_prediction(None) is decision


def test_decisions_with_the_same_values_are_equal_however_these_were_given():
    plain = Decision(Action.STOP, 1, "epoch 1: so", Prediction(0.5, None, "test", (1,)), failed=True)
    read_later = Decision(
        Action.STOP, 1, lambda: "epoch 1: so", lambda: Prediction(0.5, None, "test", (1,)), failed=True
    )
    assert (plain, hash(plain), repr(plain)) == (read_later, hash(read_later), repr(read_later))
    others = [
        Decision(Action.CONTINUE, 1, plain.reason, plain.prediction, failed=True),
        Decision(Action.STOP, 2, plain.reason, plain.prediction, failed=True),
        Decision(Action.STOP, 1, "epoch 1: no", plain.prediction, failed=True),
        Decision(Action.STOP, 1, plain.reason, failed=True),
        Decision(Action.STOP, 1, plain.reason, plain.prediction),
        Decision(Action.STOP, 1, plain.reason, plain.prediction, pruned=True, failed=True),
    ]
    assert all(other != plain for other in others)
    assert plain != "epoch 1: so"


def test_a_pickled_decision_holds_values_and_no_functions():
    decision = Decision(Action.STOP, 1, lambda: "epoch 1: so", lambda: Prediction(0.5, None, "test", (1,)))
    assert pickle.loads(pickle.dumps(decision)) == decision
