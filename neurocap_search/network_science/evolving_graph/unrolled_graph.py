"""The unrolled graph of a small network: one node for each entry of each activation (arXiv 2111.05410)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from torch import Tensor, nn

from neurocap_search.network_science.evolving_graph.multiplies import Multiplies, multiplies
from neurocap_search.network_science.layers.layer_tap import evaluation_mode

EdgeWeight = Literal["identity", "inverse", "inverse_shifted"]

_EDGE_WEIGHTS = {
    "identity": lambda w: w,
    "inverse": lambda w: np.abs(1 / w),
    "inverse_shifted": lambda w: np.abs(1 / (1 + w)),
}
_ELEMENTWISE = (
    *(nn.Identity, nn.Flatten, nn.Dropout, nn.Dropout2d, nn.BatchNorm1d, nn.BatchNorm2d),
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh),
)


@dataclass(frozen=True, eq=False)
class UnrolledGraph:
    """A directed weighted graph of a network's activations.

    Attributes:
        adjacency: (nodes, nodes), sparse, float64; row: where an edge starts, column: where it ends. An
            edge of weight exactly 0 is stored all the same.
        groups: the nodes of "input" and of each convolution, linear layer and pooling, channel by channel
            and row by row as ``flatten`` orders them.

    Example:
        >>> graph = unrolled_graph(nn.Sequential(nn.Conv2d(1, 1, 2)), torch.zeros(1, 1, 3, 3))
        >>> graph.number_of_nodes, graph.number_of_edges
        (13, 16)
    """

    adjacency: csr_array
    groups: Mapping[str, slice]

    @property
    def number_of_nodes(self) -> int:
        """The number of entries of all activations."""
        return int(self.adjacency.shape[0])

    @property
    def number_of_edges(self) -> int:
        """The number of multiplies and of pooled entries, those of weight 0 included."""
        return int(self.adjacency.nnz)


def unrolled_graph(
    network: nn.Module, inputs: Tensor, *, edge_weight: EdgeWeight = "identity"
) -> UnrolledGraph:
    """Build the unrolled graph of a chain of layers (arXiv 2111.05410, after the authors' code).

    A weight w is repeated as f(w) at every position where it multiplies; multiplies with zeros of the
    padding are left out. f is the identity (signed, as in the authors' runs), |1 / w| or |1 / (1 + w)|.
    An edge of max-pooling copies the smallest edge that enters the pooled node (f(1) where none does), an
    edge of average pooling over n entries is f(1 / n): it is a convolution. Elementwise layers,
    normalisation and flattening have no nodes, biases no edges.

    Only for small images: LeNet has 651,720 edges beside its pooling; use ``rolled_graph`` for others. Not
    for residual networks.

    Args:
        network: an ``nn.Sequential``, nested or not, of convolutions and poolings in two dimensions, linear
            layers and elementwise ones.
        inputs: a batch of the right shape, (B, channels, height, width) or (B, n); values do not matter.
        edge_weight: f.

    Raises:
        ValueError: if a layer is of another kind, or f of a weight is infinite or NaN.

    Example:
        >>> line = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
        >>> for weights in line.parameters():
        ...     _ = nn.init.constant_(weights, -3)
        >>> graph = unrolled_graph(line, torch.zeros(1, 1), edge_weight="inverse_shifted")
        >>> graph.adjacency.toarray().tolist()
        [[0.0, 0.5, 0.0], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]
    """
    if edge_weight not in _EDGE_WEIGHTS:
        choice = ", ".join(_EDGE_WEIGHTS)
        raise ValueError(f"edge_weight: received {edge_weight!r}; use one of {choice}")
    z, parts, entering = inputs[:1], [], None
    sizes = {"input": z.numel()}
    with evaluation_mode(network), torch.no_grad():
        for name, module in _chain(network):
            output = module(z)
            if not isinstance(module, _ELEMENTWISE):
                part = _edges(name, multiplies(name, module, z, output), edge_weight)
                if isinstance(module, nn.MaxPool2d) and entering is not None:
                    copied = entering[part[0]]
                    part = (*part[:2], np.where(np.isinf(copied), part[2], copied))
                parts.append(part)
                entering = _smallest(part, output.numel())
                sizes[name] = output.numel()
            z = output
    return _assembled(parts, sizes)


def _chain(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(module, nn.Sequential):
        yield name, module
        return
    for key, child in zip(module._modules, module, strict=True):
        yield from _chain(child, f"{name}.{key}" if name else key)


def _edges(name: str, part: Multiplies, edge_weight: EdgeWeight) -> Multiplies:
    with np.errstate(divide="ignore"):
        weights = _EDGE_WEIGHTS[edge_weight](part[2])
    if broken := int((~np.isfinite(weights)).sum()):
        raise ValueError(
            f"layer {name!r}: expected finite edge weights, received {broken} infinite or NaN of "
            f"{weights.size} from edge_weight={edge_weight!r}; use another one, or skip a diverged network"
        )
    return (*part[:2], weights)


def _smallest(part: Multiplies, entries: int) -> NDArray[np.float64]:
    """The smallest weight that enters each entry of an output."""
    smallest = np.full(entries, np.inf)
    np.minimum.at(smallest, part[1], part[2])
    return smallest


def _assembled(parts: Sequence[Multiplies], sizes: Mapping[str, int]) -> UnrolledGraph:
    bounds = np.cumsum([0, *sizes.values()]).tolist()
    groups = {name: slice(*ends) for name, ends in zip(sizes, pairwise(bounds), strict=True)}
    if len(parts) != len(sizes) - 1 or not parts:
        raise ValueError(
            f"network: received layers {list(sizes)[1:]}; give one layer or more, none called 'input'"
        )
    rows = np.concatenate([part[0] + start for part, start in zip(parts, bounds, strict=False)])
    columns = np.concatenate([part[1] + start for part, start in zip(parts, bounds[1:], strict=False)])
    weights = np.concatenate([part[2] for part in parts])
    shape = (bounds[-1], bounds[-1])
    return UnrolledGraph(coo_array((weights, (rows, columns)), shape=shape).tocsr(), groups)
