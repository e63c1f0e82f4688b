"""The eight emergent measures of a multilayer perceptron together (arXiv 2107.14062)."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from neurocap_search.network_science.emergent.distances import harmonic_centrality, second_order_centrality
from neurocap_search.network_science.emergent.local import (
    average_neighbour_strength,
    bipartite_clustering,
    maximal_cliques,
    signed_strength,
)
from neurocap_search.network_science.emergent.neuron_graph import (
    LayerValues,
    NeuronGraph,
    Weights,
    neuron_graph,
)
from neurocap_search.network_science.emergent.spectral import current_flow_closeness, subgraph_centrality

EMERGENT_MEASURES: Mapping[str, Callable[[NeuronGraph], LayerValues]] = MappingProxyType(
    {
        measure.__name__: measure
        for measure in (
            signed_strength,
            average_neighbour_strength,
            current_flow_closeness,
            bipartite_clustering,
            subgraph_centrality,
            harmonic_centrality,
            second_order_centrality,
            maximal_cliques,
        )
    }
)
"""The measures by name, in the paper's order."""


def emergent_measures(weights: Weights, names: Iterable[str] | None = None) -> dict[str, LayerValues]:
    """Compute measures of the hidden neurons of a multilayer perceptron without biases.

    The graph is undirected, with the signed learned weights as edges; each measure says on which part of it
    it rests. All eight of 784-200-100-10 neurons take a few seconds, most of them in harmonic centrality.

    Not for convolutions, nor for networks of many thousand neurons: the matrices are dense.

    Args:
        weights: one (n_l, n_{l-1}) matrix a layer, or a network of linear layers without biases.
        names: keys of ``EMERGENT_MEASURES``; None means all of them.

    Returns:
        For each measure one array a hidden layer, (n_l,) float64.

    Raises:
        ValueError: if a name is unknown, the weights do not make up a perceptron, or the graph lacks what a
            measure needs.

    Example:
        >>> import torch
        >>> emergent_measures([torch.ones(2, 3), torch.ones(1, 2)], ["maximal_cliques"])
        {'maximal_cliques': (array([4., 4.]),)}
    """
    wanted = list(EMERGENT_MEASURES) if names is None else list(names)
    if unknown := [name for name in wanted if name not in EMERGENT_MEASURES]:
        raise ValueError(f"names: received {unknown}; use {', '.join(EMERGENT_MEASURES)}")
    graph = neuron_graph(weights)
    return {name: EMERGENT_MEASURES[name](graph) for name in wanted}
