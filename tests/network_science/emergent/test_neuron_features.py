import numpy as np
import pytest

from neurocap_search.network_science.emergent.local import bipartite_clustering, signed_strength
from neurocap_search.network_science.emergent.neuron_features import (
    LayerNormalisation,
    learned_normalisation,
    neuron_features,
    normalised,
)
from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
from neurocap_search.network_science.emergent.spectral import subgraph_centrality
from tests.network_science.emergent.perceptrons import random_weights


def test_the_features_are_the_three_measures_in_the_order_of_the_centroids():
    weights = random_weights((5, 4, 3, 2), seed=0)
    graph, found = neuron_graph(weights), neuron_features(weights)
    for column, measure in enumerate((signed_strength, bipartite_clustering, subgraph_centrality)):
        for layer, expected in zip(found, measure(graph), strict=True):
            np.testing.assert_array_equal(layer[:, column], expected)


def test_normalisation_divides_strength_and_subgraph_and_stretches_clustering():
    scale = LayerNormalisation(strength=4.0, clustering=(0.25, 0.75), subgraph=10.0)
    values = np.array([[-2.0, 0.5, 5.0], [4.0, 0.75, 1.0]])
    np.testing.assert_allclose(scale.apply(values), [[-0.5, 0.5, 0.5], [1.0, 1.0, 0.1]])


def test_learned_constants_bring_the_extremes_to_one():
    rng = np.random.default_rng(0)
    layers = tuple(rng.normal(size=(50, 3)) ** 3 * [1.0, 0.1, 1e80] + [0.0, 0.0, 1e83] for _ in range(2))
    for layer in normalised(layers, learned_normalisation(layers)):
        assert np.abs(layer[:, 0]).max() == 1.0
        assert (layer[:, 1].min(), layer[:, 1].max()) == (0.0, 1.0)
        assert layer[:, 2].max() == 1.0


@pytest.mark.parametrize(
    ("strength", "clustering", "subgraph", "message"),
    [
        (
            0.0,
            (0.0, 1.0),
            1.0,
            "strength: expected a finite scale above 0, received 0.0; fit on more networks",
        ),
        (1.0, (0.5, 0.5), 1.0, "clustering: expected a finite scale above 0, received 0.0"),
        (1.0, (0.0, 1.0), float("inf"), "subgraph: expected a finite scale above 0, received inf"),
        (float("nan"), (0.0, 1.0), 1.0, "strength: expected a finite scale above 0, received nan"),
    ],
)
def test_scales_that_cannot_divide_are_refused(strength, clustering, subgraph, message):
    with pytest.raises(ValueError, match=message):
        LayerNormalisation(strength, clustering, subgraph)


def test_another_number_of_layers_is_refused():
    scale = LayerNormalisation(1.0, (0.0, 1.0), 1.0)
    with pytest.raises(
        ValueError, match="networks: expected 1 hidden layers, received 2; the constants of norm"
    ):
        normalised(neuron_features(random_weights((5, 4, 3, 2), seed=0)), [scale])
