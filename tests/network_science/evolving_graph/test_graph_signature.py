import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from torch import nn

from neurocap_search.network_science.evolving_graph.centrality import eigenvector_centrality
from neurocap_search.network_science.evolving_graph.graph_signature import (
    FIVE_NUMBERS,
    GraphSignature,
    five_numbers,
)
from neurocap_search.network_science.evolving_graph.rolled_graph import rolled_graph

BOTH = ("weighted_degree", "eigenvector_centrality")
INPUTS = torch.zeros(1, 2, 5, 5)


def small(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 2), nn.Flatten(), nn.Linear(16, 3))


def by_scipy(x):
    return [np.median(x), np.mean(x), np.std(x), stats.skew(x, axis=None), stats.kurtosis(x, axis=None)]


@settings(max_examples=100, deadline=None, database=None)
@given(
    # Whole numbers: of tiny ones NumPy's squares vanish, and the reference would be wrong.
    x=arrays.arrays(np.float64, arrays.array_shapes(max_dims=2), elements=st.integers(-(10**6), 10**6)),
    exponent=st.integers(-80, 80),
)
def test_five_numbers_match_scipy_at_any_scale(x, exponent):
    assume(np.ptp(x) > 0)  # SciPy gives NaN for constants, see their own test.
    expected = by_scipy(x)
    scales = np.array([10.0**exponent] * 3 + [1.0, 1.0])
    tolerance = 1e-6 * np.abs(x).max() * scales[0]
    found = five_numbers(x * 10.0**exponent)
    np.testing.assert_allclose(found[:3], (expected * scales)[:3], rtol=1e-9, atol=tolerance * 1e-6)
    np.testing.assert_allclose(found[3:], expected[3:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("x", [[2.0], [0.0, 0.0], [0.1] * 7, np.full((3, 4), 1e300), [-1e-300] * 3])
def test_constants_have_no_shape_and_do_not_warn(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        median, mean, deviation, skewness, kurtosis = five_numbers(x)
    assert median == np.ravel(x)[0]
    assert mean == pytest.approx(median, rel=1e-15)
    assert deviation <= 1e-13 * abs(median)
    assert (skewness, kurtosis) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([], "values: expected one or more finite values, received none; leave them out"),
        ([1.0, np.nan, np.inf], "values: expected .*, received 2 infinite or NaN of 3"),
    ],
)
def test_values_without_numbers_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        five_numbers(x)


@pytest.mark.parametrize("features", [BOTH, BOTH[::-1], BOTH[:1], BOTH[1:]])
def test_the_signature_is_the_concatenation_over_epochs_and_features(features):
    signature, expected = GraphSignature(features), []
    for epoch in range(3):
        network = small(epoch)
        graph = rolled_graph(network, INPUTS)
        signature.update(*((graph,) if epoch == 1 else (network, INPUTS)))
        values = {"weighted_degree": graph.degrees()}
        values["eigenvector_centrality"] = eigenvector_centrality(graph.adjacency)
        for feature in features:
            expected += by_scipy(values[feature])
    assert signature.compute().shape == (5 * len(features) * 3,)
    np.testing.assert_allclose(signature.compute(), expected, rtol=1e-9)
    assert len(signature.names) == len(set(signature.names)) == len(expected)
    assert signature.names[: len(FIVE_NUMBERS)] == tuple(f"epoch_1/{features[0]}/{n}" for n in FIVE_NUMBERS)
    assert signature.names[-1] == f"epoch_3/{features[-1]}/kurtosis"


def test_the_network_is_read_at_the_update():
    network, signature = small(), GraphSignature(["weighted_degree"])
    signature.update(network, INPUTS)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    signature.update(network, INPUTS)
    first, second = signature.compute().reshape(2, 5)
    np.testing.assert_allclose(second, first * [2, 2, 2, 1, 1], rtol=1e-6)


@settings(max_examples=25, deadline=None, database=None)
@given(first=st.permutations(range(6)), second=st.permutations(range(4)))
def test_permuting_hidden_channels_leaves_the_signature_unchanged(first, second):
    network, permuted = small(), small()
    with torch.no_grad():
        permuted[0].weight.copy_(network[0].weight[first])
        permuted[2].weight.copy_(network[2].weight[second][:, first])
        permuted[4].weight.copy_(network[4].weight.reshape(3, 4, 4)[:, second].reshape(3, 16))
    signatures = []
    for net in (network, permuted):
        signature = GraphSignature()
        signature.update(net, INPUTS)
        signatures.append(signature.compute())
    np.testing.assert_allclose(signatures[1], signatures[0], rtol=1e-7)


def test_reset_forgets_and_compute_needs_an_update():
    signature = GraphSignature()
    with pytest.raises(RuntimeError, match=r"received compute\(\) before any update\(\); update it once"):
        signature.compute()
    signature.update(small(1), INPUTS)
    signature.reset()
    assert signature.names == ()
    signature.update(small(), INPUTS)
    fresh = GraphSignature()
    fresh.update(small(), INPUTS)
    np.testing.assert_array_equal(signature.compute(), fresh.compute())


def test_a_refused_network_leaves_the_signature_as_it_was():
    signature, broken = GraphSignature(), small()
    signature.update(small(), INPUTS)
    before = signature.compute()
    nn.init.constant_(broken[2].weight, np.nan)
    with pytest.raises(ValueError, match="layer '2': expected finite weights"):
        signature.update(broken, INPUTS)
    with pytest.raises(ValueError, match="inputs: received None with a network; give a batch"):
        signature.update(small())
    np.testing.assert_array_equal(signature.compute(), before)


@pytest.mark.parametrize("features", [[], ["degree"], [BOTH[0], "degree"], [BOTH[0]] * 2, BOTH[0]])
def test_wrong_features_are_refused(features):
    with pytest.raises(
        ValueError, match=r"features: received .*; give a list of one or more of weighted_degree"
    ):
        GraphSignature(features)
