"""The rolled graph of a network: one node for each channel, filter and unit (arXiv 2111.05410)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor, nn

from neurocap_search.network_science.evolving_graph.centrality import weighted_degree
from neurocap_search.network_science.evolving_graph.rolled_structure import MOST_EDGES, RolledStructure
from neurocap_search.network_science.layers.channel_sources import trace_wiring


@dataclass(frozen=True, eq=False)
class RolledGraph:
    """An undirected weighted graph of a network's channels.

    Not for telling signs: every weight is a norm, so at least 0.

    Attributes:
        adjacency: (nodes, nodes), sparse, float64, symmetric, zero diagonal. An edge of weight exactly 0, as
            pruning leaves them, is stored all the same.
        groups: the nodes of "input" and of each layer, in the order of running.

    Example:
        >>> import torch
        >>> graph = rolled_graph(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), torch.zeros(1, 2))
        >>> graph.groups
        {'input': slice(0, 2, None), '0': slice(2, 5, None), '1': slice(5, 6, None)}
        >>> graph.number_of_nodes, graph.number_of_edges, graph.degrees().shape
        (6, 9, (6,))
    """

    adjacency: csr_array
    groups: Mapping[str, slice]

    @property
    def number_of_nodes(self) -> int:
        """The number of input channels, filters and units."""
        return int(self.adjacency.shape[0])

    @property
    def number_of_edges(self) -> int:
        """The number of joined pairs of nodes, those of weight 0 included: the same for any weights."""
        return int(self.adjacency.nnz) // 2

    def degrees(self) -> NDArray[np.float64]:
        """Sum the weights of each node's edges, (nodes,)."""
        return weighted_degree(self.adjacency)


def rolled_graph(network: nn.Module, inputs: Tensor, *, most_edges: int = MOST_EDGES) -> RolledGraph:
    """Build the rolled graph of a network from its weights and its wiring (arXiv 2111.05410).

    A convolution joins channel j of its input to filter i with the norm of the kernel, a linear layer with
    the absolute weight; behind a flattening, the H W columns of a channel count as one kernel:

        a_ij = ||W[i, j, :, :]||_2,    a_ij = |w_ij|,    a_ij = ||W[i, j HW : (j+1) HW]||_2.

    Groups of a grouped convolution are joined within themselves only. Biases, normalisation and pooling
    have no part. A residual sum is represented by the last filters of its deepest branch
    (:class:`ChannelSums`), to which the next layer's weights attach; every other summand, a projection's
    filter or an identity shortcut, is joined to them by an edge of weight 1. The paper leaves
    shortcuts open: this is a reconstruction. Where two nodes are joined twice (a shortcut around one
    single layer), the weights add up.

    Not for measuring one network again and again: ``RolledStructure`` traces the wiring once. Nor for
    networks that mix or reorder channels between layers (attention, channel shuffling, transposed
    convolutions): the layer behind is refused. Recurrent layers go unseen.

    Args:
        network: any module whose forward takes one tensor; it is left as it was.
        inputs: a batch of the right shape, (B, channels, *space) or (B, n); one sample will do, and its
            values do not matter.
        most_edges: edges of the largest graph that is built; about 80 bytes of memory are needed for each.

    Returns:
        The graph of the weights as they are now.

    Raises:
        ValueError: if no layer ran, a layer's input channels are unknown, it ran twice, its weights are not
            finite, or there are too many edges.

    Example:
        >>> import torch
        >>> conv = nn.Conv2d(1, 1, 2, bias=False)
        >>> _ = conv.weight.data.copy_(torch.tensor([[[[1.0, 1.0], [1.0, 1.0]]]]))
        >>> rolled_graph(conv, torch.zeros(1, 1, 4, 4)).adjacency.toarray().tolist()
        [[0.0, 2.0], [2.0, 0.0]]
    """
    if inputs.ndim < 2:
        raise ValueError(f"inputs: expected (B, channels, ...), received {tuple(inputs.shape)}; add a batch")
    structure = RolledStructure(trace_wiring(network, inputs), inputs.shape[1], most_edges=most_edges)
    return RolledGraph(structure.adjacency(), structure.groups)
