"""A policy that is saved and loaded goes on as if nothing had happened."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import CapacitanceRidge, Report
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
from neurocap_search.testing.policy_history import KINDS, Event, tell

steps = st.tuples(
    st.integers(0, 5),  # trial
    st.sampled_from([1, 1, 1, 2, 0, -1]),  # how far its epoch moves
    st.integers(0, 20).map(lambda k: k / 20) | st.just(math.nan),  # metric
    st.integers(-10, 10).map(lambda k: k / 10) | st.just(math.nan) | st.none(),  # beta_eff
    st.sampled_from(["report"] * 9 + ["complete", "error"]),
    st.booleans(),  # saved and loaded before this step?
)


def fresh(mode, seed):
    return SuccessiveHalvingPolicy(
        metric="acc",
        mode=mode,
        max_t=8,
        reduction_factor=2,
        brackets=3,
        predictor=CapacitanceRidge(metric="acc", mode=mode),
        rng=np.random.default_rng(seed),
    )


def saved_and_loaded(policy, into):
    into.load_state_dict(json.loads(json.dumps(policy.state_dict())))
    return into


def run(stream, mode, *, with_breaks):
    policy, decisions, last = fresh(mode, seed=7), [], {}
    for trial, move, acc, beta, event, pause in stream:
        if pause and with_breaks:
            # Another seed: the generator's state must come from the saved one.
            policy = saved_and_loaded(policy, fresh(mode, seed=99))
        name = f"t{trial}"
        if event == "error":
            policy.on_error(name)
        elif event == "complete":
            policy.on_complete(name, last.get(name))
        else:
            epoch = max(1, (last[name].epoch if name in last else 0) + move)
            last[name] = Report(epoch, {"acc": acc} | ({} if beta is None else {"beta_eff": beta}))
            decisions.append(policy.on_report(name, last[name]))
    return decisions


@settings(max_examples=200, deadline=None)
@given(stream=st.lists(steps, max_size=40), mode=st.sampled_from(["max", "min"]))
def test_same_decisions_however_often_the_policy_is_saved_and_loaded(stream, mode):
    assert run(stream, mode, with_breaks=True) == run(stream, mode, with_breaks=False)


def reported(policy):
    for trial, acc in enumerate((0.5, 0.7, 0.2)):
        for epoch in (1, 2, 3, 4):
            report = Report(epoch, {"acc": acc + epoch / 100, "beta_eff": 1 / epoch}, seconds=0.5)
            policy.on_report(str(trial), report)
    policy.on_complete("1", Report(8, {"acc": 0.8}))
    return policy


def test_a_loaded_state_is_saved_as_it_was():
    state = reported(fresh("max", seed=7)).state_dict()
    assert saved_and_loaded(reported(fresh("max", seed=7)), fresh("max", seed=1)).state_dict() == state


def test_loading_replaces_what_was_there():
    used = reported(fresh("max", seed=7))
    empty = fresh("max", seed=3).state_dict()
    used.load_state_dict(empty)
    assert used.state_dict() == empty


def test_a_saved_state_does_not_change_with_the_policy():
    policy = fresh("max", seed=7)
    policy.on_report("a", Report(1, {"acc": 0.5}))
    state = policy.state_dict()
    frozen = json.dumps(state)
    reported(policy)
    assert json.dumps(state) == frozen


def test_a_loaded_predictor_learns_again_from_the_finished_trials():
    class Recorder(CapacitanceRidge):
        fitted = None

        def fit(self, histories, finals):
            self.fitted = ([[r.epoch for r in history] for history in histories], list(finals))
            return self

    state = reported(fresh("max", seed=7)).state_dict()
    policy = fresh("max", seed=0)
    policy.predictor = Recorder(metric="acc")
    policy.load_state_dict(json.loads(json.dumps(state)))
    assert policy.predictor.fitted == ([[1, 2, 3, 4]], [0.8])


events = st.builds(
    Event,
    st.sampled_from(["report"] * 8 + list(KINDS)),
    st.integers(0, 5).map("t{}".format),
    st.integers(1, 10),
    st.integers(0, 5).map(lambda k: k / 5) | st.just(math.nan),
)


def report(epoch, value):
    numbers = {"acc": value, "parameters": 10.0 ** (1 + int(10 * value) % 2) if value > 0.1 else math.nan}
    return Report(epoch, numbers | ({"beta_eff": 1 / epoch} if value != 0.4 else {}))


def halving(**arguments):
    return PromotionHalvingPolicy(**({"metric": "acc", "max_t": 9, "reduction_factor": 1.5} | arguments))


MAKERS = {
    "full": lambda: FullTrainingPolicy(9),
    "promotion": lambda: halving(predictor=CapacitanceRidge(metric="acc"), max_paused=3),
    "median": lambda: MedianPolicy(metric="acc", max_t=9, min_trials=2),
    "i_epoch": lambda: IEpochPolicy(metric="acc", epochs=2, keep=2, max_t=9),
    "hyperband": lambda: HyperbandPolicy(metric="acc", max_t=9, reduction_factor=2, type="promotion"),
    "guarded": lambda: GuardedPolicy(halving(), metric="acc", patience=1, protect_best=1),
    "size": lambda: SizeClassPolicy(lambda _: halving()),
    "median of sizes": lambda: SizeClassPolicy(lambda _: MedianPolicy(metric="acc", max_t=9)),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@settings(max_examples=60, deadline=None)
@given(history=st.lists(st.tuples(events, st.booleans()), max_size=50))
def test_every_policy_goes_on_as_if_it_had_not_been_saved(make, history):
    policy, steady = make(), make()
    for event, pause in history:
        if pause:
            policy = saved_and_loaded(policy, make())
        assert tell(policy, event, report) == tell(steady, event, report)
        assert (policy.resumable(), policy.surplus()) == (steady.resumable(), steady.surplus())
    assert json.dumps(policy.state_dict()) == json.dumps(steady.state_dict())


OTHER = {
    "full": [(FullTrainingPolicy, {"max_t": 9}, {"max_t": 8})],
    "halving": [
        (SuccessiveHalvingPolicy, {"metric": "acc"}, other)
        for other in (
            {"metric": "loss"},
            {"metric": "acc", "mode": "min"},
            {"metric": "acc", "grace_period": 2},
            {"metric": "acc", "brackets": 2},
            {"metric": "acc", "predictor": CapacitanceRidge(metric="acc")},
        )
    ],
    "promotion": [
        (PromotionHalvingPolicy, {"metric": "acc"}, {"metric": "acc"} | other)
        for other in (
            {"mode": "min"},
            {"max_t": 99},
            {"reduction_factor": 3},
            {"max_paused": 3},
            {"predictor": CapacitanceRidge(metric="acc")},
        )
    ],
    "median": [
        (MedianPolicy, {"metric": "acc"}, {"metric": "acc"} | other)
        for other in ({"mode": "min"}, {"grace_period": 2}, {"min_trials": 2}, {"max_t": 9})
    ],
    "i_epoch": [
        (IEpochPolicy, {"metric": "acc", "epochs": 2}, {"metric": "acc", "epochs": 2} | other)
        for other in ({"epochs": 3}, {"keep": 1}, {"max_t": 9}, {"mode": "min"})
    ],
    "hyperband": [
        (HyperbandPolicy, {"metric": "acc"}, {"metric": "acc"} | other)
        for other in ({"type": "promotion"}, {"max_paused": 1}, {"mode": "min"}, {"max_t": 9})
    ],
    "guarded": [
        (
            lambda inner, **kw: GuardedPolicy(FullTrainingPolicy(inner), metric="acc", **kw),
            {"inner": 9},
            {"inner": 9} | other,
        )
        for other in ({"patience": 1}, {"protect_best": 1}, {"mode": "min"}, {"inner": 8})
    ],
    "size": [
        (
            lambda inner, **kw: SizeClassPolicy(lambda _: FullTrainingPolicy(inner), **kw),
            {"inner": 9},
            {"inner": 9} | other,
        )
        for other in ({"size": "flops"}, {"ratio": 2.0}, {"inner": 8})
    ],
}


@pytest.mark.parametrize(
    ("make", "arguments", "other"),
    [pytest.param(*case, id=f"{name}-{n}") for name, cases in OTHER.items() for n, case in enumerate(cases)],
)
def test_every_policy_refuses_a_state_of_other_arguments(make, arguments, other):
    policy = make(**other)
    before = json.dumps(policy.state_dict())
    with pytest.raises(ValueError, match=r"^The state belongs to a policy with .*, this one has .*same arg"):
        policy.load_state_dict(make(**arguments).state_dict())
    assert json.dumps(policy.state_dict()) == before
    make(**arguments).load_state_dict(make(**arguments).state_dict())


def test_a_state_of_other_arguments_is_refused():
    # Scores are kept signed by the mode: a min policy would read those of a max policy upside down.
    with pytest.raises(
        ValueError, match=r"The state belongs to a policy with .*'mode': 'max'.*the same arguments"
    ):
        fresh("min", seed=0).load_state_dict(fresh("max", seed=0).state_dict())


HALVING = {"policy": "successive_halving", "version": 2}
FULL = {"policy": "full_training", "version": 2}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (fresh("max", 0), "'successive_halving', version 2"),
        (FullTrainingPolicy(3), "'full_training', version 2"),
    ],
)
@pytest.mark.parametrize(
    ("state", "received"),
    [
        ({"policy": "successive_halving", "version": 1}, "'successive_halving', version 1"),
        ({"policy": "full_training", "version": 0}, "'full_training', version 0"),
        ({"policy": "successive_halving", "version": "1"}, "'successive_halving', version '1'"),
        ({}, "None, version None"),
    ],
)
def test_a_state_of_another_version_is_refused(policy, expected, state, received):
    with pytest.raises(ValueError) as error:
        policy.load_state_dict(state)
    assert str(error.value) == (
        f"Expected a state of policy {expected}; received policy {received}. "
        "Load it with the policy and the release that saved it."
    )


@pytest.mark.parametrize(("policy", "state"), [(fresh("max", 0), FULL), (FullTrainingPolicy(3), HALVING)])
def test_a_state_of_another_policy_is_refused(policy, state):
    with pytest.raises(ValueError, match="Expected a state of policy"):
        policy.load_state_dict(state)


def test_a_refused_state_leaves_the_policy_as_it_was():
    policy = reported(fresh("max", 7))
    before = policy.state_dict()
    with pytest.raises(ValueError, match="version 3"):
        policy.load_state_dict(before | {"version": 3})
    assert policy.state_dict() == before


def test_a_trial_known_by_its_end_only_can_be_loaded():
    # on_complete accepts a trial that never reported; so must load_state_dict.
    policy = fresh("max", 7)
    policy.on_complete("a", Report(8, {"acc": 0.8}))
    saved_and_loaded(policy, fresh("max", 7))


@pytest.mark.parametrize("generator", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_the_state_is_json_with_any_generator(generator):
    policy = SuccessiveHalvingPolicy(metric="acc", brackets=3, rng=np.random.Generator(generator(0)))
    json.dumps(policy.state_dict())
