"""Node strength: the signed weights on both sides of each neuron (arXiv 2110.02628)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import grad

from neurocap_search.network_science.layers.channel_sources import Channels, WiredLayer, trace_wiring
from neurocap_search.network_science.layers.checks import check_finite
from neurocap_search.network_science.layers.weight_operator import WeightOperator

OUTPUT = "(output)"
"""Name of the interface behind the last weight layer; no module can bear it, "output" some do."""

_INPUT_GRADIENTS: dict[int, Callable[..., Tensor]] = {
    1: grad.conv1d_input,
    2: grad.conv2d_input,
    3: grad.conv3d_input,
}
_MIXED = (
    "what comes in cannot be told apart by channel: an operation before it mixed them, or no layer made them"
)
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

    Not for transposed convolutions and recurrent layers, whose weights are not seen, nor for comparing
    networks of different initialisation scale: the strength is in the unit of the weights.

    Args:
        network: any module whose forward takes one tensor; it runs once, in evaluation mode.
        inputs: a batch, (B, channels, *space) or (B, n); only its shape matters.

    Raises:
        ValueError: if a weight or bias is infinite or NaN.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
        >>> for value, parameter in enumerate(net.parameters(), start=1):
        ...     _ = nn.init.constant_(parameter, value)
        >>> {name: s.tolist() for name, s in node_strength(net, torch.zeros(1, 2)).strengths.items()}
        {'0': [2.0, 2.0], '2': [7.0], '(output)': [8.0]}
    """
    layers = trace_wiring(network, inputs)
    incoming = [_incoming(layer.operator) for layer in layers]
    strengths, left_out = {}, _unseen(network, layers)
    for name, layer in zip(_names(layers), layers, strict=True):
        if layer.sources is None:
            left_out[name] = _MIXED
        else:
            strengths[name] = (_at_input(layer, layer.sources, incoming) + _outgoing(layer)).numpy()
    if layers:
        strengths[OUTPUT] = _at_output(layers[-1], incoming[-1]).numpy()
    return NodeStrengths(strengths, left_out)


def _sum(weight: Tensor, dims: Sequence[int]) -> Tensor:
    """Sum in float64 on the CPU over some dimensions."""
    return weight.sum(tuple(dims), dtype=torch.float64).cpu()


def _names(layers: Sequence[WiredLayer]) -> list[str]:
    runs: Counter[str] = Counter()
    names = []
    for layer in layers:
        name = layer.operator.name
        runs[name] += 1
        names.append(name if runs[name] == 1 else f"{name}#{runs[name]}")
    return names


def _unseen(network: nn.Module, layers: Sequence[WiredLayer]) -> dict[str, str]:
    """The parameters of two or more dimensions that belong to none of the layers."""
    seen = {layer.operator.name + ending for layer in layers for ending in ("", ".weight", "_weight")}
    matrices = (name for name, parameter in network.named_parameters() if parameter.ndim > 1)
    return {name: _UNSEEN for name in matrices if name not in seen}


def _incoming(operator: WeightOperator) -> Tensor:
    """Kernel sum and bias of each output channel, (n_out,)."""
    sums = _sum(operator.weight, range(1, operator.weight.ndim))
    sums = sums if operator.bias is None else sums + operator.bias.cpu()
    if not bool(torch.isfinite(sums).all()):
        check_finite(f"layer {operator.name}", operator.weight)
        check_finite(f"layer {operator.name}", sums)  # then it is the bias
    return sums


def _outgoing(layer: WiredLayer) -> Tensor:
    """Sum of the weights that each input meets: the gradient of the summed output, (n_in, *space)."""
    operator, groups = layer.operator, layer.operator.groups
    # The output channels are summed first: they share their windows.
    grouped = operator.weight.reshape(groups, -1, *operator.weight.shape[1:])
    kernels = _sum(grouped, [1]).flatten(0, 1).unsqueeze(1)
    if not operator.is_convolution:
        return kernels.flatten()
    channels = len(kernels)
    ones = kernels.new_ones(1, channels, *layer.output_shape[2:])
    geometry = (operator.stride, operator.padding, operator.dilation, channels)
    gradient = _INPUT_GRADIENTS[operator.weight.ndim - 2]
    outgoing: Tensor = gradient((1, *layer.input_shape[1:]), kernels, ones, *geometry)
    return outgoing[0]


def _at_input(layer: WiredLayer, sources: Channels, incoming: Sequence[Tensor]) -> Tensor:
    """Incoming side of a layer's input: (n_in,), or (n_in, 1, ...) at a convolution."""
    known = [values.tolist() for values in incoming]
    terms = [[1.0 if number < 0 else known[number][channel] for number, channel in s] for s in sources]
    sums = torch.tensor([sum(channel) for channel in terms], dtype=torch.float64)
    # A flattening turns each channel into a block of neighbouring columns.
    each = sums.repeat_interleave(layer.operator.in_channels // len(sources))
    return _beside_space(each, layer)


def _at_output(layer: WiredLayer, incoming: Tensor) -> Tensor:
    space = layer.output_shape[2:] if layer.operator.is_convolution else ()
    return (_beside_space(incoming, layer) + 1.0).expand(len(incoming), *space).clone()


def _beside_space(channels: Tensor, layer: WiredLayer) -> Tensor:
    return channels.view(-1, *[1] * (layer.operator.weight.ndim - 2))
