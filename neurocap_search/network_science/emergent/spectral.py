"""Emergent measures by the spectrum of the neuron graph (arXiv 2107.14062)."""

import math

import numpy as np

from neurocap_search.network_science.emergent.neuron_graph import LayerValues, NeuronGraph


def current_flow_closeness(graph: NeuronGraph) -> LayerValues:
    """Compute the inverse of each hidden neuron's summed resistance to all nodes.

    Measure 3 of arXiv 2107.14062: with the Laplacian L = diag(A 1) - A of the signed graph, C = pinv(L) and
    R_ij = C_ii + C_jj - 2 C_ij, it is c_i = 1 / sum_j R_ij. As the rows of C sum to 0, the sum is
    n C_ii + trace C. Negative weights make the values of either sign.

    Not a distance: with negative weights R_ij is no metric.

    Raises:
        ValueError: if the Laplacian has more than one zero eigenvalue, as a graph in pieces has.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
        >>> values = current_flow_closeness(neuron_graph([np.array([[2.0, 1.0]]), np.array([[4.0]])]))
        >>> values[0].round(6).tolist()
        [0.571429]
    """
    adjacency = graph.adjacency
    eigenvalues, vectors = np.linalg.eigh(np.diag(adjacency.sum(1)) - adjacency)
    noise = len(adjacency) * np.finfo(np.float64).eps * np.abs(eigenvalues).max()
    if (zeros := int((np.abs(eigenvalues) <= noise).sum())) != 1:
        raise ValueError(
            f"weights: expected a connected graph, received a Laplacian with {zeros} zero eigenvalues; "
            "remove neurons without any weight, or leave this measure out"
        )
    # The zero eigenvalue is the constant vector's: without it the sum below is the diagonal of pinv(L).
    kept = np.abs(eigenvalues) > noise
    diagonal = vectors[:, kept] ** 2 @ (1.0 / eigenvalues[kept])
    return graph.hidden(1.0 / (len(diagonal) * diagonal + diagonal.sum()))


def subgraph_centrality(graph: NeuronGraph, *, log: bool = False) -> LayerValues:
    """Count each hidden neuron's closed walks along positive edges, long ones discounted.

    Measure 5 of arXiv 2107.14062: [exp(B)]_ii with B = [A > 0], so walks of length r count 1 / r!. Layers of
    even and odd number form the two sides of a bipartite graph; with the singular value decomposition
    U S V' of the biadjacency, exp(B) has the diagonal U^2 cosh(S) + (1 - U^2 1), and likewise with V, which
    is much smaller than exp(B). The values are about exp of the largest singular value: 1e89 for
    784-200-100-10 neurons.

    Not for comparing networks of different size.

    Args:
        graph: the perceptron.
        log: whether to return natural logarithms, which never overflow.

    Raises:
        ValueError: if a value is above the range of float64 and ``log`` is False.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
        >>> graph = neuron_graph([np.array([[1.0]]), np.array([[-1.0]])])
        >>> [float(values[0].round(6)) for values in subgraph_centrality(graph)], math.cosh(1.0)
        ([1.543081], 1.5430806348152437)
    """
    logarithms = _log_subgraph(graph)
    if log:
        return graph.hidden(logarithms)
    if (largest := logarithms.max()) > math.log(np.finfo(np.float64).max):
        raise ValueError(
            f"graph: subgraph centralities reach exp({largest:.0f}), beyond float64; pass log=True"
        )
    return graph.hidden(np.exp(logarithms))


def _log_subgraph(graph: NeuronGraph) -> np.ndarray:
    nodes = np.arange(len(graph.positive_edges))
    sides = [np.concatenate([nodes[layer] for layer in graph.layers[first::2]]) for first in (0, 1)]
    U, S, Vt = np.linalg.svd(graph.positive_edges[np.ix_(*sides)], full_matrices=False)
    top = S.max()
    scaled_cosh = (np.exp(S - top) + np.exp(-S - top)) / 2
    logarithms = np.empty(len(nodes))
    for side, vectors in zip(sides, (U, Vt.T), strict=True):
        squares = vectors**2
        rest = np.maximum(1.0 - squares.sum(1), 0.0)  # The share of directions that no edge leaves.
        logarithms[side] = np.log(squares @ scaled_cosh + rest * np.exp(-top)) + top
    return logarithms
