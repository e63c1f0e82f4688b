import networkx
import numpy as np
import pytest
import torch
from torch import nn

from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
from tests.network_science.emergent.perceptrons import SIZES, as_networkx, is_positive, random_weights


@pytest.mark.parametrize("sizes", SIZES)
def test_the_matrices_are_those_of_a_graph_built_edge_by_edge(sizes):
    weights = random_weights(sizes, seed=1)
    graph = neuron_graph(weights)
    np.testing.assert_array_equal(graph.adjacency, networkx.to_numpy_array(as_networkx(weights)))
    positive = as_networkx(weights, keep=is_positive)
    np.testing.assert_array_equal(graph.positive, networkx.to_numpy_array(positive))
    np.testing.assert_array_equal(graph.positive_edges, networkx.to_numpy_array(positive, weight=None))
    assert graph.sizes == sizes


def test_a_module_a_list_of_parameters_and_one_of_arrays_are_the_same_network():
    net = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    expected = neuron_graph(net).adjacency
    np.testing.assert_array_equal(neuron_graph(list(net.parameters())).adjacency, expected)
    arrays = [p.detach().numpy() for p in net.parameters()]
    np.testing.assert_array_equal(neuron_graph(arrays).adjacency, expected)
    assert expected.dtype == np.float64


def test_the_graph_does_not_follow_the_network():
    weights = random_weights((3, 4, 2), seed=0)
    graph, kept = neuron_graph(weights), weights[0].copy()
    weights[0][:] = 0.0
    np.testing.assert_array_equal(graph.weights[0], kept)


def test_only_hidden_layers_have_values():
    first, second = neuron_graph(random_weights((5, 4, 3, 2), seed=0)).hidden(np.arange(14.0))
    assert (first.tolist(), second.tolist()) == ([5, 6, 7, 8], [9, 10, 11])


NAN = torch.tensor([[1.0, float("nan")]])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([torch.ones(1, 2)], "weights: expected two or more matrices, received 1; .* so add a hidden layer"),
        (
            [torch.ones(1, 2), torch.ones(2)],
            r"layer 2: expected a weight of shape \(n_2, 1\), received \(2,\)",
        ),
        (
            [torch.ones(1, 2), torch.ones(2, 3)],
            r"layer 2: expected .* \(n_2, 1\), received \(2, 3\); give one row",
        ),
        ([torch.ones(2), torch.ones(2, 3)], r"layer 1: expected .* \(n_1, n_0\), received \(2,\)"),
        ([torch.ones(0, 2), torch.ones(2, 0)], r"layer 1: expected .* received \(0, 2\)"),
        ([NAN, torch.ones(2, 1)], "layer 1: expected finite values, received 1 infinite or NaN of 2"),
        (
            nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1, bias=False)),
            r"received also the parameters \['0.bias'\]",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 1, 1, bias=False)),
            r"received also the parameters \['0.weight'\]; train it",
        ),
    ],
)
def test_what_is_no_perceptron_is_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        neuron_graph(weights)
