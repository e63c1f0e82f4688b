import numpy as np
import pytest

from neurocap_search.network_science.emergent.measures import EMERGENT_MEASURES, emergent_measures
from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
from tests.network_science.emergent.perceptrons import assert_layers, random_weights


def test_all_eight_measures_each_with_a_value_for_each_hidden_neuron():
    weights = random_weights((6, 5, 5, 4, 3), seed=0)
    found = emergent_measures(weights)
    assert list(found) == [
        "signed_strength",
        "average_neighbour_strength",
        "current_flow_closeness",
        "bipartite_clustering",
        "subgraph_centrality",
        "harmonic_centrality",
        "second_order_centrality",
        "maximal_cliques",
    ]
    for name, layers in found.items():
        assert [layer.shape for layer in layers] == [(5,), (5,), (4,)]
        assert_layers(layers, EMERGENT_MEASURES[name](neuron_graph(weights)))


def test_only_the_measures_named_are_computed():
    # In pieces: some of the others would refuse.
    weights = [np.array([[-1.0], [1.0]]), np.array([[-1.0, 1.0]])]
    found = emergent_measures(weights, ["maximal_cliques", "signed_strength"])
    assert list(found) == ["maximal_cliques", "signed_strength"]


def test_an_unknown_measure_is_refused():
    with pytest.raises(
        ValueError, match=r"names: received \['degree'\]; use signed_strength, average_neighb"
    ):
        emergent_measures(random_weights((3, 4, 2), seed=0), ["degree", "signed_strength"])
