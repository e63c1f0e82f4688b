"""A multilayer perceptron as a signed undirected graph of neurons (arXiv 2107.14062)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurocap_search.network_science.layers.checks import check_finite

Array = NDArray[np.float64]
LayerValues = tuple[Array, ...]
"""One value for each neuron of each hidden layer, (n_1,) .. (n_{L-1},)."""

Weights = Sequence[Tensor | NDArray[Any]] | nn.Module
"""One (n_l, n_{l-1}) matrix a layer, or a network whose only parameters are linear layers' weights."""


@dataclass(frozen=True, eq=False)
class NeuronGraph:
    """The neurons of a multilayer perceptron as nodes, its weights as signed undirected edges.

    Nodes are numbered layer by layer from the input on. A weight of exactly zero is no edge. Build it with
    ``neuron_graph``, which checks the weights. It keeps dense matrices of all nodes: 1,094 neurons take
    10 MB, 10,000 take 800 MB, so this is not for wide networks.

    Attributes:
        weights: (n_l, n_{l-1}) float64, two or more.

    Example:
        >>> neuron_graph([np.array([[2.0, -1.0]]), np.array([[3.0]])]).adjacency[2].tolist()
        [2.0, -1.0, 0.0, 3.0]
    """

    weights: tuple[Array, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of neurons in each layer, n_0 .. n_L."""
        return (self.weights[0].shape[1], *(len(weight) for weight in self.weights))

    @property
    def layers(self) -> tuple[slice, ...]:
        """The nodes of each layer, input and output included."""
        ends = np.cumsum((0, *self.sizes))
        return tuple(slice(int(low), int(high)) for low, high in pairwise(ends))

    @cached_property
    def adjacency(self) -> Array:
        """The signed symmetric adjacency matrix, (n, n)."""
        matrix = np.zeros((sum(self.sizes), sum(self.sizes)))
        for (lower, upper), weight in zip(pairwise(self.layers), self.weights, strict=True):
            matrix[upper, lower], matrix[lower, upper] = weight, weight.T
        return matrix

    @cached_property
    def positive(self) -> Array:
        """The adjacency matrix of the positive edges alone, (n, n)."""
        return np.maximum(self.adjacency, 0.0)

    @cached_property
    def positive_edges(self) -> Array:
        """1 for each positive edge, (n, n)."""
        return (self.adjacency > 0).astype(np.float64)

    def hidden(self, values: Array) -> LayerValues:
        """Split values of all nodes, (n,), and keep those of the hidden layers."""
        return tuple(values[layer] for layer in self.layers[1:-1])


def neuron_graph(weights: Weights) -> NeuronGraph:
    """Read a multilayer perceptron without biases as a graph.

    Not for convolutions, nor for networks with biases, which the paper's networks do not have and the graph
    has no node for. To measure such a network without them, hand over its weight matrices.

    Args:
        weights: the matrices from the input on, each (n_l, n_{l-1}), or a module whose linear layers are
            applied in the order in which they are registered.

    Raises:
        ValueError: if the network has other parameters, there are fewer than two matrices, their shapes do
            not follow one another, or a value is infinite or NaN.

    Example:
        >>> neuron_graph(nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(2, 1, bias=False))).sizes
        (3, 2, 1)
    """
    matrices = _module_weights(weights) if isinstance(weights, nn.Module) else list(weights)
    tensors = [torch.as_tensor(matrix).detach().to("cpu", torch.float64) for matrix in matrices]
    _check_chain(tensors)
    return NeuronGraph(tuple(tensor.numpy().copy() for tensor in tensors))


def _module_weights(network: nn.Module) -> list[Tensor]:
    linears = {f"{name}.weight".removeprefix("."): module for name, module in network.named_modules()}
    weights = {name: m.weight for name, m in linears.items() if isinstance(m, nn.Linear)}
    if others := [name for name, _ in network.named_parameters() if name not in weights]:
        raise ValueError(
            f"network: expected linear layers without biases, received also the parameters {others}; "
            "train it without them, or give the list of weight matrices to measure it as if it had none"
        )
    return list(weights.values())


def _check_chain(weights: Sequence[Tensor]) -> None:
    if len(weights) < 2:
        raise ValueError(
            f"weights: expected two or more matrices, received {len(weights)}; "
            "the measures are of hidden neurons, so add a hidden layer"
        )
    below = None
    for layer, weight in enumerate(weights, start=1):
        wanted = f"(n_{layer}, {f'n_{layer - 1}' if below is None else below})"
        if weight.ndim != 2 or weight.numel() == 0 or below not in (None, weight.shape[1]):
            raise ValueError(
                f"layer {layer}: expected a weight of shape {wanted}, received {tuple(weight.shape)}; "
                "give one row for each neuron and one column for each neuron of the layer below"
            )
        check_finite(f"layer {layer}", weight)
        below = weight.shape[0]
