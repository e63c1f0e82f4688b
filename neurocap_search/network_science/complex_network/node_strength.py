"""Node strength: the signed weights on both sides of each neuron (arXiv 2110.02628)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from neurocap_search.network_science.complex_network.strength_structure import OUTPUT, StrengthStructure
from neurocap_search.network_science.layers.channel_sources import WiredLayer, trace_wiring

__all__ = ["OUTPUT", "NodeStrengths", "node_strength"]

_UNSEEN = "it is not the weight of a linear layer or a convolution with symmetric padding that ran"


@dataclass(frozen=True, eq=False)
class NodeStrengths:
    """The node strengths of a network, interface by interface.

    Not complete where ``left_out`` is not empty.

    Attributes:
        strengths: for the input of each weight layer, named by that layer, and for the output of the last
            one, named ``OUTPUT``: (n,) at a linear layer, (n, *space) at a convolution, float64. A layer's
            second and further runs are named "name#2" and so on.
        left_out: layers without a value, and parameters that belong to no layer seen, with the reason.

    Example:
        >>> NodeStrengths({"fc": np.array([2.0])}, {}).strengths["fc"].tolist()
        [2.0]
    """

    strengths: dict[str, NDArray[np.float64]]
    left_out: dict[str, str]


def node_strength(network: nn.Module, inputs: Tensor) -> NodeStrengths:
    """Compute the signed strength of every neuron: what comes in plus what goes out.

    With weights W_l (n_l, n_{l-1}) and biases b_l, neuron k of layer l has (arXiv 2110.02628)

        s_k = sum_i W_l[k, i] + b_l[k] + sum_j W_{l+1}[j, k],

    where the first two terms are 1 in the input layer and the last is 1 in the output layer. For a
    convolution every position is a neuron: outgoing is the sum of the kernel entries that meet it, over all
    windows and output channels (partial sums at borders); incoming is the sum of the kernel that makes its
    channel plus the bias, the same at all positions. Unlike the authors' code, padding crops nothing from
    the incoming side; for their own networks, which have no padding, the values are the same.

    Beyond the papers' chains, a channel that a residual connection adds up has the incoming sums of all its
    sources, and a channel that several layers read appears at each of them with that layer's outgoing part.
    Normalisation, activation and pooling count as wires.

    Not for measuring one network again and again: ``StrengthStructure`` traces the wiring once. Nor for
    transposed convolutions and recurrent layers, whose weights are not seen, nor for comparing networks of
    different initialisation scale: the strength is in the unit of the weights.

    Args:
        network: any module whose forward takes one tensor; it runs once, in evaluation mode.
        inputs: a batch, (B, channels, *space) or (B, n); only its shape matters.

    Raises:
        ValueError: if a weight or bias is infinite or NaN.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
        >>> for value, parameter in enumerate(net.parameters(), start=1):
        ...     _ = nn.init.constant_(parameter, value)
        >>> {name: s.tolist() for name, s in node_strength(net, torch.zeros(1, 2)).strengths.items()}
        {'0': [2.0, 2.0], '2': [7.0], '(output)': [8.0]}
    """
    layers = trace_wiring(network, inputs)
    structure = StrengthStructure(layers)
    return NodeStrengths(structure.strengths(), _unseen(network, layers) | structure.left_out)


def _unseen(network: nn.Module, layers: Sequence[WiredLayer]) -> dict[str, str]:
    """The parameters of two or more dimensions that belong to none of the layers."""
    seen = {layer.operator.name + ending for layer in layers for ending in ("", ".weight", "_weight")}
    matrices = (name for name, parameter in network.named_parameters() if parameter.ndim > 1)
    return {name: _UNSEEN for name in matrices if name not in seen}
