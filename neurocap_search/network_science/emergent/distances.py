"""Emergent measures by paths and random walks on the neuron graph (arXiv 2107.14062)."""

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from neurocap_search.network_science.emergent.neuron_graph import LayerValues, NeuronGraph


def harmonic_centrality(graph: NeuronGraph) -> LayerValues:
    """Sum the inverse distances from each hidden neuron to all other nodes.

    Measure 6 of arXiv 2107.14062: sum_j 1 / d(i, j) over shortest paths of positive edges, with the weight
    of an edge as its length; unreachable nodes count 0. A small weight is thus a short way, the opposite of
    the usual reading of a weight, and one tiny weight can carry the whole sum.

    Not for large graphs: one run of Dijkstra's algorithm for each hidden neuron.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
        >>> harmonic_centrality(neuron_graph([np.array([[2.0, -1.0]]), np.array([[4.0]])]))
        (array([0.75]),)
    """
    hidden = slice(graph.layers[1].start, graph.layers[-2].stop)
    sources = range(hidden.start, hidden.stop)
    distances = dijkstra(csr_matrix(graph.positive), indices=sources)
    inverses = np.divide(1.0, distances, out=np.zeros_like(distances), where=distances > 0)
    sums = np.zeros(len(graph.positive))
    sums[hidden] = inverses.sum(1)
    return graph.hidden(sums)


def second_order_centrality(graph: NeuronGraph) -> LayerValues:
    """Compute the standard deviation of a random walk's return times to each hidden neuron.

    Measure 7 of arXiv 2107.14062, on the positive edges with their weights: self-loops raise each row sum to
    the largest strength, and dividing by it gives the transition matrix T. T is symmetric, so its stationary
    distribution is uniform, and with the fundamental matrix Z = (I - T + 11'/n)^-1 the return times to i have
    mean n and second moment 2 n^2 Z_ii - n; the value is

        sqrt(2 n^2 Z_ii - n (n + 1)),

    in steps of the walk. This equals the definition by a sum of hitting times for each node, with one matrix
    inverse in place of n. A low value means a central neuron.

    Not for graphs whose positive edges fall into pieces.

    Raises:
        ValueError: if the positive edges do not connect all neurons.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
        >>> values = second_order_centrality(neuron_graph([np.array([[1.0]]), np.array([[1.0]])]))
        >>> values[0].round(6).tolist()
        [1.414214]
    """
    pieces = int(connected_components(csr_matrix(graph.positive))[0])
    if pieces > 1:
        raise ValueError(
            f"weights: the positive ones split the neurons into {pieces} pieces, and a random walk stays in "
            "its own; remove neurons without positive weights, or leave this measure out"
        )
    strengths, n = graph.positive.sum(1), len(graph.positive)
    transitions = (graph.positive + np.diag(strengths.max() - strengths)) / strengths.max()
    diagonal = np.diagonal(np.linalg.inv(np.eye(n) - transitions + 1.0 / n))
    return graph.hidden(np.sqrt(2.0 * n**2 * diagonal - n * (n + 1)))
