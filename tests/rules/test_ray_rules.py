"""Ray's own schedulers decide in a replay as Ray Tune would let them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.schedulers import ASHAScheduler, MedianStoppingRule

from neurocap_search.pruning import Action
from neurocap_search.rules import RuleContext
from neurocap_search.testing.mock_experiment import MockExperiment
from tests.rules.streams import random_stream, replayed, trace


@st.composite
def streams(draw):
    """Up to 25 trainings of coarse numbers, so that ties are common; some end before their time."""
    epochs = draw(st.integers(1, 20))
    values = st.integers(0, 9).map(lambda k: k / 10)
    curves = st.lists(values, min_size=draw(st.integers(1, epochs)), max_size=epochs)
    return epochs, [
        trace(k, curve, failure=draw(st.sampled_from([None, None, "out of memory"])))
        for k, curve in enumerate(draw(st.lists(curves, min_size=1, max_size=25)))
    ]


@settings(max_examples=150, deadline=None)
@given(
    made=streams(),
    workers=st.integers(1, 6),
    factor=st.sampled_from([1.5, 2, 3, 4]),
    grace_period=st.integers(1, 4),
    mode=st.sampled_from(["max", "min"]),
)
def test_ours_and_rays_asha_decide_alike_on_any_stream(made, workers, factor, grace_period, mode):
    epochs, stream = made
    context = RuleContext(
        mode=mode, max_t=epochs, grace_period=min(grace_period, epochs), reduction_factor=factor
    )
    ours, rays = (replayed(name, stream, context, workers) for name in ("asha", "ray_asha"))
    assert ours == rays


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("ray_asha", lambda **a: ASHAScheduler(**a, max_t=9, reduction_factor=3)),
        ("ray_median", lambda **a: MedianStoppingRule(**a, min_time_slice=math.inf)),
    ],
)
def test_the_rule_is_rays_class_under_rays_controller(name, make, mode):
    stream = random_stream(30)
    curves = {str(k): [r.get("val_accuracy") for r in made.reports] for k, made in enumerate(stream)}
    scheduler = make(time_attr="epoch", metric="value", mode=mode, grace_period=1)
    experiment = MockExperiment(scheduler, curves, workers=1)
    experiment.run()
    trained = {key: experiment.epochs(key) for key in curves}
    decisions = replayed(name, stream, RuleContext(mode=mode, max_t=9))
    assert {key: made[-1][1] for key, made in decisions.items()} == trained
    assert len(set(trained.values())) > 1


def test_brackets_are_drawn_from_the_seed_and_leave_numpys_generator_alone():
    stream = random_stream(30)
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random(3).tolist()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    first, again, other = (
        replayed("ray_asha:3", stream, RuleContext(max_t=9, seed=seed)) for seed in (1, 1, 2)
    )
    assert np.random.random(3).tolist() == expected  # noqa: NPY002
    assert first == again != other


def test_rays_median_pauses_nobody():
    decisions = replayed("ray_median", random_stream(30), RuleContext(max_t=9), workers=4)
    actions = {action for made in decisions.values() for action, _ in made}
    assert actions == {Action.CONTINUE, Action.STOP}
