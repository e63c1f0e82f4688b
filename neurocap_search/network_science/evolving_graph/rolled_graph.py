"""The rolled graph of a network: one node for each channel, filter and unit (arXiv 2111.05410)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from torch import Tensor, nn

from neurocap_search.network_science.evolving_graph.centrality import weighted_degree
from neurocap_search.network_science.evolving_graph.channel_sums import ChannelSums
from neurocap_search.network_science.layers.channel_sources import WiredLayer, trace_wiring

_Edges = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]
"""One end, the other end and the weight of each edge."""


@dataclass(frozen=True, eq=False)
class RolledGraph:
    """An undirected weighted graph of a network's channels.

    Not for telling signs: every weight is a norm, so at least 0.

    Attributes:
        adjacency: (nodes, nodes), sparse, float64, symmetric, zero diagonal. An edge of weight exactly 0, as
            pruning leaves them, is stored all the same.
        groups: the nodes of "input" and of each layer, in the order of running.

    Example:
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


MOST_EDGES = 50_000_000
"""Edges of the largest graph that is built unless asked: about 4 GB while it is built, 1.2 GB after."""


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

    Not for networks that mix or reorder channels between layers (attention, channel shuffling, transposed
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
        >>> conv = nn.Conv2d(1, 1, 2, bias=False)
        >>> _ = conv.weight.data.copy_(torch.tensor([[[[1.0, 1.0], [1.0, 1.0]]]]))
        >>> rolled_graph(conv, torch.zeros(1, 1, 4, 4)).adjacency.toarray().tolist()
        [[0.0, 2.0], [2.0, 0.0]]
    """
    if inputs.ndim < 2:
        raise ValueError(f"inputs: expected (B, channels, ...), received {tuple(inputs.shape)}; add a batch")
    layers = trace_wiring(network, inputs)
    if not layers:
        raise ValueError("network: expected linear or convolution layers, received none; check its forward")
    for layer in layers:
        _check_wiring(layer)
    _check_size(layers, most_edges)
    groups, sums = _groups(layers, inputs.shape[1]), ChannelSums(layers)
    first = np.array([group.start for group in groups.values()])  # Source number -1 is group 0.
    edges = []
    for layer, mains, start in zip(layers, sums.inputs, first[1:], strict=True):
        edges.append(_layer_edges(layer, _nodes(mains, first), start))
    if sums.shortcuts:
        ends, others = (_nodes(sources, first) for sources in zip(*sums.shortcuts, strict=True))
        edges.append((ends, others, np.ones(len(ends))))
    return RolledGraph(_symmetric(edges, max(group.stop for group in groups.values())), groups)


def _check_wiring(layer: WiredLayer) -> None:
    operator, sources = layer.operator, layer.sources
    blocks = operator.in_channels // len(sources) if sources else 0
    flattened = not operator.is_convolution and len(layer.input_shape) == 2
    if blocks != 1 and not (blocks and flattened):
        raise ValueError(
            f"layer {operator.name!r}: expected an input whose channels stay apart from layer to layer, "
            f"received {tuple(layer.input_shape)} of unknown sources; attention, channel shuffling, slicing "
            "or padding of channels mixes them, so measure the part of the network without it"
        )


def _check_size(layers: Sequence[WiredLayer], most: int) -> None:
    edges = sum(len(w.operator.weight) * len(w.sources or ()) // w.operator.groups for w in layers)
    if edges > most:
        raise ValueError(
            f"network: expected at most {most:,} edges between channels, received {edges:,}; give most_edges "
            "if the memory suffices"
        )


def _groups(layers: Sequence[WiredLayer], channels: int) -> dict[str, slice]:
    groups, stop = {"input": slice(0, channels)}, channels
    for operator in (layer.operator for layer in layers):
        if operator.name in groups:
            raise ValueError(
                f"layer {operator.name!r}: received its name twice, for a layer that runs again or is called "
                "'input'; use a layer once a pass, under another name"
            )
        groups[operator.name] = slice(stop, stop + operator.out_channels)
        stop += operator.out_channels
    return groups


def _nodes(sources: Sequence[tuple[int, int]], first: NDArray[np.int64]) -> NDArray[np.int32]:
    layer, channel = np.array(sources).T
    nodes: NDArray[np.int32] = (first[layer + 1] + channel).astype(np.int32)
    return nodes


def _layer_edges(layer: WiredLayer, nodes: NDArray[np.int32], start: int) -> _Edges:
    weight, groups = layer.operator.weight.detach(), layer.operator.groups
    kernels = weight.reshape(len(weight), len(nodes) // groups, -1)
    # Squares are taken in float64, which no float32 weight overflows.
    norms = torch.linalg.vector_norm(kernels, dim=2, dtype=torch.float64).cpu().numpy()
    _check_finite(layer.operator.name, norms)
    into = nodes.reshape(groups, 1, -1)
    filters = np.arange(start, start + len(weight), dtype=np.int32).reshape(groups, -1, 1)
    ends, others = np.broadcast_arrays(into, filters)
    return ends.ravel(), others.ravel(), norms.ravel()


def _check_finite(name: str, norms: NDArray[np.float64]) -> None:
    if broken := int((~np.isfinite(norms)).sum()):
        raise ValueError(
            f"layer {name!r}: expected finite weights, received {broken} infinite or NaN of {norms.size} "
            "edges; training has probably diverged, so lower the learning rate or skip this network"
        )


def _symmetric(edges: Sequence[_Edges], nodes: int) -> Any:
    ends, others, weights = (np.concatenate(part) for part in zip(*edges, strict=True))
    both = (np.concatenate((ends, others)), np.concatenate((others, ends)))
    return coo_array((np.tile(weights, 2), both), shape=(nodes, nodes)).tocsr()
