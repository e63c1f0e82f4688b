import networkx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurocap_search.network_science.complex_network.node_strength import node_strength
from neurocap_search.network_science.emergent.local import (
    average_neighbour_strength,
    bipartite_clustering,
    maximal_cliques,
    signed_strength,
)
from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
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


@quickly
@random_networks
def test_strength_is_the_weighted_degree(sizes, seed):
    weights = random_weights(sizes, seed)
    expected = dict(as_networkx(weights).degree(weight="weight"))
    assert_layers(signed_strength(neuron_graph(weights)), hidden_values(expected, weights))


def test_strength_is_the_node_strength_of_a_network_without_biases():
    net = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False)).double()
    (hidden,) = signed_strength(neuron_graph(net))
    expected = node_strength(net, torch.zeros(1, 3, dtype=torch.float64)).strengths["2"]
    np.testing.assert_allclose(hidden, expected)


@quickly
@random_networks
def test_average_neighbour_strength_matches_networkx(sizes, seed):
    weights = random_weights(sizes, seed)
    expected = networkx.average_neighbor_degree(as_networkx(weights), weight="weight")
    assert_layers(average_neighbour_strength(neuron_graph(weights)), hidden_values(expected, weights), 1e-7)


def test_average_neighbour_strength_in_closed_form_for_the_widths_of_the_paper():
    first, second, third = random_weights((784, 200, 100, 10), seed=0)
    graph = neuron_graph([first, second, third])
    h1, h2 = (a * s for a, s in zip(average_neighbour_strength(graph), signed_strength(graph), strict=True))
    np.testing.assert_allclose(h1, 200 * first.sum(1) + 210 * second.sum(0), rtol=1e-8)
    np.testing.assert_allclose(h2, 884 * second.sum(1) + 100 * third.sum(0), rtol=1e-8)


def test_a_strength_of_zero_has_no_average():
    weights = [np.array([[1.0, -2.0], [0.0, 0.0]]), np.array([[1.0, 0.0]])]
    assert average_neighbour_strength(neuron_graph(weights))[0].tolist() == [0.0, 0.0]


@quickly
@random_networks
def test_clustering_matches_networkx(sizes, seed):
    weights = random_weights(sizes, seed)
    expected = networkx.bipartite.clustering(as_networkx(weights, keep=is_positive), mode="max")
    found = bipartite_clustering(neuron_graph(weights))
    assert_layers(found, hidden_values(expected, weights))
    assert all(((layer >= 0) & (layer <= 1)).all() for layer in found)


@quickly
@random_networks
def test_cliques_match_an_enumeration(sizes, seed):
    weights = random_weights(sizes, seed)
    cliques = list(networkx.find_cliques(as_networkx(weights, keep=is_positive)))
    expected = {node: sum(node in clique for clique in cliques) for node in as_networkx(weights)}
    assert_layers(maximal_cliques(neuron_graph(weights)), hidden_values(expected, weights))


@pytest.mark.parametrize("measure", [bipartite_clustering, maximal_cliques])
def test_the_size_of_the_weights_does_not_count(measure):
    weights = random_weights((5, 4, 3, 2), seed=3)
    scaled = [7.0 * weight for weight in weights]
    assert_layers(measure(neuron_graph(scaled)), measure(neuron_graph(weights)))
