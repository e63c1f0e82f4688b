"""Random perceptrons for the tests of the emergent measures."""

from itertools import pairwise

import networkx
import numpy as np

SIZES = [(3, 4, 2), (5, 4, 3, 2), (6, 5, 5, 4, 3), (2, 1, 1, 2)]


def random_weights(sizes, seed, low=-0.9):
    rng = np.random.default_rng(seed)
    return [rng.uniform(low, 0.9, (m, n)) for n, m in pairwise(sizes)]


def as_networkx(weights, *, keep=lambda weight: True):
    """The graph of the neurons, built edge by edge; nodes are (layer, neuron), and input layer first."""
    graph = networkx.Graph()
    sizes = [weights[0].shape[1], *map(len, weights)]
    graph.add_nodes_from((layer, i) for layer, size in enumerate(sizes) for i in range(size))
    for layer, matrix in enumerate(weights):
        for (i, j), weight in np.ndenumerate(matrix):
            if keep(weight):
                graph.add_edge((layer, j), (layer + 1, i), weight=float(weight))
    return graph


def hidden_values(values, weights):
    """Values by node, taken from a dictionary for the hidden layers."""
    return [[values[layer, i] for i in range(len(w))] for layer, w in enumerate(weights[:-1], start=1)]


def is_positive(weight):
    return weight > 0


def assert_layers(found, expected, rtol=1e-9):
    assert [len(layer) for layer in found] == [len(layer) for layer in expected]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)
