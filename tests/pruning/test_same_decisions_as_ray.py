"""Without predictions the policy is Ray's AsyncHyperBandScheduler: the same answers to the same reports."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.schedulers import AsyncHyperBandScheduler

from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.pruning import SuccessiveHalvingPolicy

# Few different values, so that ties are common, and any float, so that nothing rests on them.
values = st.integers(0, 9).map(lambda k: k / 10) | st.floats(-1e6, 1e6)
# A trial, how far its epoch moves (0: a duplicate, below 0: out of order), its metric, what happens.
steps = st.tuples(
    st.integers(0, 7),
    st.sampled_from([1, 1, 1, 1, 2, 3, 5, 0, -1, -2]),
    values,
    st.sampled_from(["report"] * 12 + ["no metric", "complete"]),
)


@st.composite
def halving_arguments(draw):
    max_t = draw(st.integers(1, 40))
    return {
        "mode": draw(st.sampled_from(["max", "min"])),
        "max_t": max_t,
        "grace_period": draw(st.integers(1, min(max_t, 5))),
        "reduction_factor": draw(st.sampled_from([1.5, 2, 2.5, 3, 4])),
    }


class Ours:
    def __init__(self, predictor=None, **arguments):
        self.policy = SuccessiveHalvingPolicy(metric="acc", predictor=predictor, **arguments)

    def report(self, trial, result):
        return self.policy.on_report(trial, Report(result["epoch"], metrics_of(result))).action.value

    def complete(self, trial, result):
        self.policy.on_complete(trial, Report(result["epoch"], metrics_of(result)) if result else None)


class Rays:
    def __init__(self, **arguments):
        self.scheduler = AsyncHyperBandScheduler(time_attr="epoch", metric="acc", brackets=1, **arguments)
        self.trials = {}

    def report(self, trial, result):
        return self.scheduler.on_trial_result(None, self.trial(trial), result)

    def complete(self, trial, result):
        self.scheduler.on_trial_complete(None, self.trial(trial), result)

    def trial(self, name):
        if name not in self.trials:
            self.trials[name] = SimpleNamespace(trial_id=name)  # all that the scheduler looks at
            self.scheduler.on_trial_add(None, self.trials[name])
        return self.trials[name]


def metrics_of(result):
    return {key: value for key, value in result.items() if key != "epoch"}


def decisions(side, stream):
    """Run the stream as Ray's controller would: a stopped or finished trial completes and is gone."""
    answers, last, ended = [], {}, set()
    for index, move, value, event in stream:
        trial = f"t{index}"
        if trial in ended:
            continue
        if event != "complete":
            epoch = max(1, last.get(trial, {"epoch": 0})["epoch"] + move)
            last[trial] = {"epoch": epoch} | ({"acc": value} if event == "report" else {"other": value})
            answers.append((trial, epoch, side.report(trial, last[trial])))
        if event == "complete" or answers[-1][-1] == "STOP":
            side.complete(trial, last.get(trial, {}))
            ended.add(trial)
    return answers


@settings(max_examples=300, deadline=None)
@given(arguments=halving_arguments(), stream=st.lists(steps, max_size=80))
def test_same_decisions_without_a_predictor(arguments, stream):
    assert decisions(Ours(**arguments), stream) == decisions(Rays(**arguments), stream)


@settings(max_examples=150, deadline=None)
@given(arguments=halving_arguments(), stream=st.lists(steps, max_size=80))
def test_same_decisions_with_a_predictor_that_gets_no_beta_eff(arguments, stream):
    predictor = CapacitanceRidge(metric="acc", mode=arguments["mode"])
    assert decisions(Ours(predictor, **arguments), stream) == decisions(Rays(**arguments), stream)


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize(("grace_period", "reduction_factor", "max_t"), [(1, 2, 16), (1, 4, 100), (3, 3, 27)])
def test_same_decisions_in_a_long_search(mode, grace_period, reduction_factor, max_t):
    # 200 trials, ten at a time; the streams above seldom fill a rung.
    rng = np.random.default_rng(0)
    quality = rng.uniform(0.2, 1, 200)
    stream = []
    for start in range(0, 200, 10):
        for epoch in range(1, max_t + 1):
            for trial in rng.permutation(np.arange(start, start + 10)):
                value = quality[trial] * (1 - 0.8 ** (epoch * rng.uniform(0.7, 1.3)))
                stream.append((trial, 1, float(value if mode == "max" else -value), "report"))
    arguments = {
        "mode": mode,
        "max_t": max_t,
        "grace_period": grace_period,
        "reduction_factor": reduction_factor,
    }
    ours = decisions(Ours(**arguments), stream)
    assert ours == decisions(Rays(**arguments), stream)
    stops = [epoch for _, epoch, action in ours if action == "STOP"]
    assert len(stops) == 200
    assert 100 < sum(epoch < max_t for epoch in stops) < 200
