"""Emergent measures of a neuron's neighbourhood (arXiv 2107.14062)."""

import numpy as np

from neurocap_search.network_science.emergent.neuron_graph import LayerValues, NeuronGraph


def signed_strength(graph: NeuronGraph) -> LayerValues:
    """Sum the signed weights of each hidden neuron's edges, s = A 1.

    Measure 1 of arXiv 2107.14062. The same as ``node_strength`` for a network without biases. Not for
    comparing layers of different width: the spread grows with the number of edges.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
        >>> signed_strength(neuron_graph([np.array([[2.0, -1.0]]), np.array([[3.0]])]))
        (array([4.]),)
    """
    return graph.hidden(graph.adjacency.sum(1))


def average_neighbour_strength(graph: NeuronGraph) -> LayerValues:
    """Average the neighbours' degrees of each hidden neuron, weighted by its signed edges.

    Measure 2 of arXiv 2107.14062: (1 / s_i) sum_j A_ij k_j with the strength s and the unweighted degree k,
    both over positive and negative edges. 0 where the strength is exactly 0, as in NetworkX.

    Not for averages over neurons: the strengths' signs differ, so the values have a pole at strength 0, and
    a layer's mean rests on its few neurons near the pole.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
        >>> average_neighbour_strength(neuron_graph([np.array([[2.0, -1.0]]), np.array([[3.0]])]))
        (array([1.]),)
    """
    degrees = (graph.adjacency != 0).sum(1).astype(np.float64)
    strengths = graph.adjacency.sum(1)
    sums = graph.adjacency @ degrees
    return graph.hidden(np.divide(sums, strengths, out=np.zeros_like(sums), where=strengths != 0))


def bipartite_clustering(graph: NeuronGraph) -> LayerValues:
    """Compute how many neighbours hidden neurons share with those two steps away.

    Measure 4 of arXiv 2107.14062, on the positive edges without their weights: with B = [A > 0], M = B^2 and
    degrees k, the mean of M_uv / max(k_u, k_v) over the nodes v at distance two of u; 0 where there are none
    (Latapy's coefficient, mode "max"). From 0 to 1; the ordinary clustering of a layered graph is 0.

    Not for weights all of one sign: the widths of the layers alone then fix it.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
        >>> bipartite_clustering(neuron_graph([np.array([[1.0], [1.0]]), np.array([[1.0, -1.0]])]))
        (array([0.5, 0.5]),)
    """
    edges = graph.positive_edges
    degrees = edges.sum(1)
    shared = edges @ edges
    np.fill_diagonal(shared, 0.0)
    second_neighbours = (shared > 0).sum(1)
    largest = np.maximum(np.maximum.outer(degrees, degrees), 1.0)
    sums = (shared / largest).sum(1)
    return graph.hidden(sums / np.maximum(second_neighbours, 1))


def maximal_cliques(graph: NeuronGraph) -> LayerValues:
    """Count the maximal cliques that each hidden neuron is in.

    Measure 8 of arXiv 2107.14062, on the positive edges. A layered graph has no triangles: each edge is a
    maximal clique, and the count is the degree, or 1 for a neuron without positive edges. So it is not a
    measure of its own beside the number of positive weights.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
        >>> maximal_cliques(neuron_graph([np.array([[2.0, -1.0]]), np.array([[3.0]])]))
        (array([2.]),)
    """
    return graph.hidden(np.maximum(graph.positive_edges.sum(1), 1.0))
