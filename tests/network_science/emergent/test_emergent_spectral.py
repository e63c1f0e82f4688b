import math

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
from neurocap_search.network_science.emergent.spectral import current_flow_closeness, subgraph_centrality
from tests.network_science.emergent.perceptrons import (
    SIZES,
    as_networkx,
    assert_layers,
    hidden_values,
    is_positive,
    random_weights,
)

random_networks = given(sizes=st.sampled_from(SIZES), seed=st.integers(0, 10_000))
quickly = settings(max_examples=30, deadline=None, database=None)


def closeness_by_definition(weights):
    graph = as_networkx(weights)
    matrix = networkx.to_numpy_array(graph)
    C = np.linalg.pinv(np.diag(matrix.sum(1)) - matrix)
    nodes = range(len(C))
    sums = [sum(C[i, i] + C[j, j] - 2 * C[i, j] for j in nodes) for i in nodes]
    return {node: 1 / total for node, total in zip(graph, sums, strict=True)}


@quickly
@random_networks
def test_closeness_of_signed_weights_matches_the_definition(sizes, seed):
    weights = random_weights(sizes, seed)
    expected = hidden_values(closeness_by_definition(weights), weights)
    assert_layers(current_flow_closeness(neuron_graph(weights)), expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sizes", SIZES)
def test_closeness_of_positive_weights_matches_networkx(sizes, seed):
    weights = random_weights(sizes, seed, low=0.1)
    expected = networkx.current_flow_closeness_centrality(as_networkx(weights), weight="weight")
    assert_layers(current_flow_closeness(neuron_graph(weights)), hidden_values(expected, weights))


def test_a_graph_in_pieces_has_no_closeness():
    weights = random_weights((3, 4, 2), seed=0)
    weights[0][1] = weights[1][:, 1] = 0.0
    with pytest.raises(
        ValueError, match="expected a connected graph, received a Laplacian with 2 zero eigenv"
    ):
        current_flow_closeness(neuron_graph(weights))


@quickly
@random_networks
def test_subgraph_centrality_matches_networkx_and_the_matrix_exponential(sizes, seed):
    weights = random_weights(sizes, seed)
    graph = as_networkx(weights, keep=is_positive)
    found = subgraph_centrality(neuron_graph(weights))
    assert_layers(found, hidden_values(networkx.subgraph_centrality(graph), weights))
    diagonal = dict(zip(graph, np.diag(expm(networkx.to_numpy_array(graph, weight=None))), strict=True))
    assert_layers(found, hidden_values(diagonal, weights))
    logs = subgraph_centrality(neuron_graph(weights), log=True)
    assert_layers(logs, [np.log(layer) for layer in found])


def test_a_neuron_without_positive_weights_has_subgraph_centrality_one():
    weights = [np.array([[-1.0], [1.0]]), np.array([[-1.0, 1.0]])]
    # The other one lies in the middle of a path of three: cosh(sqrt 2).
    assert_layers(subgraph_centrality(neuron_graph(weights)), [[1.0, math.cosh(math.sqrt(2))]])


def test_an_overflow_is_an_error_and_its_logarithm_a_number():
    graph = neuron_graph([np.ones((750, 375)), np.ones((375, 750))])
    with pytest.raises(ValueError, match=r"subgraph centralities reach exp\(743\), beyond float64; pass log"):
        subgraph_centrality(graph)
    # All positive: one singular value, 750, in which each hidden neuron has a share of 1/750.
    expected = 750 - math.log(2 * 750)
    np.testing.assert_allclose(subgraph_centrality(graph, log=True)[0], expected, rtol=1e-12)
