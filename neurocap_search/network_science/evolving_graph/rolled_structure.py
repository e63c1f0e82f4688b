"""The structure of a rolled graph, found once, and its adjacency for the weights as they are now."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from neurocap_search.network_science.evolving_graph.channel_sums import ChannelSums
from neurocap_search.network_science.layers.channel_sources import WiredLayer

Ends = tuple[NDArray[np.int32], NDArray[np.int32]]
"""One end and the other of each edge."""

MOST_EDGES = 50_000_000
"""Edges of the largest graph that is built unless asked: about 4 GB while it is built, 1.2 GB after."""


class RolledStructure:
    """The nodes and edges of a network's rolled graph, to be weighed after every epoch of its training.

    Nodes and edges are those of ``rolled_graph``, which is simpler where a network is measured once.

    Not for a network whose parameters are replaced or moved to another device: the structure reads the
    tensors that the network had when its wiring was traced. An optimiser changes them in place, which is
    seen.

    Args:
        layers: the layers of a network in the order of running, as ``trace_wiring`` returns them.
        channels: channels of the network's input.
        most_edges: edges of the largest graph that is built.

    Attributes:
        groups: the nodes of "input" and of each layer, in the order of running.

    Raises:
        ValueError: if there is no layer, a layer's input channels are unknown, it ran twice, or there are
            too many edges.

    Example:
        >>> from neurocap_search.network_science.layers.channel_sources import trace_wiring
        >>> net = torch.nn.Linear(2, 1)
        >>> structure = RolledStructure(trace_wiring(net, torch.zeros(1, 2)), channels=2)
        >>> for weight in (3.0, -4.0):
        ...     _ = torch.nn.init.constant_(net.weight, weight)
        ...     print(structure.adjacency().toarray().tolist())
        [[0.0, 0.0, 3.0], [0.0, 0.0, 3.0], [3.0, 3.0, 0.0]]
        [[0.0, 0.0, 4.0], [0.0, 0.0, 4.0], [4.0, 4.0, 0.0]]
    """

    def __init__(self, layers: Sequence[WiredLayer], channels: int, *, most_edges: int = MOST_EDGES) -> None:
        if not layers:
            raise ValueError(
                "network: expected linear or convolution layers, received none; check its forward"
            )
        for layer in layers:
            _check_wiring(layer)
        _check_size(layers, most_edges)
        self.groups = _groups(layers, channels)
        self._layers, sums = list(layers), ChannelSums(layers)
        self._shortcuts = np.ones(len(sums.shortcuts))
        ends, others = _edges(layers, sums, self.groups)
        self._places = np.concatenate((ends, others)), np.concatenate((others, ends))

    def adjacency(self) -> csr_array:
        """Weigh the edges.

        Returns:
            (nodes, nodes), sparse, float64, symmetric, zero diagonal.

        Raises:
            ValueError: if a weight is infinite or NaN.
        """
        norms = [_norms(layer) for layer in self._layers]
        weights, nodes = np.concatenate([*norms, self._shortcuts]), max(g.stop for g in self.groups.values())
        adjacency: csr_array = coo_array((np.tile(weights, 2), self._places), shape=(nodes, nodes)).tocsr()
        return adjacency


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


def _edges(layers: Sequence[WiredLayer], sums: ChannelSums, groups: dict[str, slice]) -> Ends:
    """The edges of each layer in the order of its norms, then the shortcuts."""
    first = np.array([group.start for group in groups.values()])  # Source number -1 is group 0.
    edges = []
    for layer, mains, start in zip(layers, sums.inputs, first[1:], strict=True):
        blocks, filters = layer.operator.groups, np.arange(layer.operator.out_channels, dtype=np.int32)
        into = _nodes(mains, first).reshape(blocks, 1, -1)
        ends, others = np.broadcast_arrays(into, np.int32(start) + filters.reshape(blocks, -1, 1))
        edges.append((ends.ravel(), others.ravel()))
    if sums.shortcuts:
        one, other = zip(*sums.shortcuts, strict=True)
        edges.append((_nodes(one, first), _nodes(other, first)))
    ends, others = (np.concatenate(part) for part in zip(*edges, strict=True))
    return ends, others


def _nodes(sources: Sequence[tuple[int, int]], first: NDArray[np.int64]) -> NDArray[np.int32]:
    layer, channel = np.array(sources).T
    nodes: NDArray[np.int32] = (first[layer + 1] + channel).astype(np.int32)
    return nodes


def _norms(layer: WiredLayer) -> NDArray[np.float64]:
    weight, sources = layer.operator.weight.detach(), layer.sources or ()
    kernels = weight.reshape(len(weight), len(sources) // layer.operator.groups, -1)
    # Squares are taken in float64, which no float32 weight overflows.
    lengths = torch.linalg.vector_norm(kernels, dim=2, dtype=torch.float64)
    norms: NDArray[np.float64] = lengths.flatten().cpu().numpy()
    if broken := int((~np.isfinite(norms)).sum()):
        raise ValueError(
            f"layer {layer.operator.name!r}: expected finite weights, received {broken} infinite or NaN of "
            f"{norms.size} edges; training has probably diverged, so lower the learning rate or skip this "
            "network"
        )
    return norms
