"""The structure behind node strengths, found once, and the strengths for the weights as they are now."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurocap_search.network_science.layers.channel_sources import Channels, WiredLayer
from neurocap_search.network_science.layers.checks import check_finite
from neurocap_search.network_science.layers.weight_operator import WeightOperator

Array = NDArray[np.float64]

OUTPUT = "(output)"
"""Name of the interface behind the last weight layer; no module can bear it, "output" some do."""

_MIXED = (
    "what comes in cannot be told apart by channel: an operation before it mixed them, or no layer made them"
)


class StrengthStructure:
    """Which weights meet in the neurons of a network, to compute their strengths after every epoch.

    Strengths are those of ``node_strength``, which is simpler where a network is measured once.

    Not for a network whose parameters are replaced or moved to another device: the structure reads the
    tensors that the network had when its wiring was traced. An optimiser changes them in place, which is
    seen.

    Args:
        layers: the layers of a network in the order of running, as ``trace_wiring`` returns them.

    Attributes:
        left_out: layers without a value, with the reason.

    Example:
        >>> from neurocap_search.network_science.layers.channel_sources import trace_wiring
        >>> net = torch.nn.Linear(2, 1, bias=False)
        >>> structure = StrengthStructure(trace_wiring(net, torch.zeros(1, 2)))
        >>> for weight in (3.0, -4.0):
        ...     _ = torch.nn.init.constant_(net.weight, weight)
        ...     print({name: values.tolist() for name, values in structure.strengths().items()})
        {'weight': [4.0, 4.0], '(output)': [7.0]}
        {'weight': [-3.0, -3.0], '(output)': [-7.0]}
    """

    def __init__(self, layers: Sequence[WiredLayer]) -> None:
        self._layers = list(layers)
        # The network's input is 0, for a sum of 1; the channels of all layers follow.
        first = np.cumsum([1, *(layer.operator.out_channels for layer in layers)]).tolist()
        self._interfaces: dict[str, _Interface] = {}
        self.left_out: dict[str, str] = {}
        for name, layer in zip(_names(layers), layers, strict=True):
            if layer.sources is None:
                self.left_out[name] = _MIXED
            else:
                self._interfaces[name] = _Interface(layer, layer.sources, first)

    def strengths(self) -> dict[str, Array]:
        """Compute the strengths.

        Returns:
            As ``NodeStrengths.strengths`` has them.

        Raises:
            ValueError: if a weight or bias is infinite or NaN.
        """
        if not self._layers:
            return {}
        incoming = [_incoming(layer.operator) for layer in self._layers]
        known = np.concatenate([np.ones(1), *incoming])
        strengths = {name: interface.strengths(known) for name, interface in self._interfaces.items()}
        return strengths | {OUTPUT: _at_output(self._layers[-1], incoming[-1])}


class _Interface:
    """The input of one layer: the sums that come into each of its channels, and the weights that leave it."""

    def __init__(self, layer: WiredLayer, sources: Channels, first: Sequence[int]) -> None:
        self._operator = layer.operator
        channels = [sorted(0 if n < 0 else first[n] + c for n, c in channel) for channel in sources]
        self._sources = np.concatenate(channels)
        self._starts = np.cumsum([0, *map(len, channels[:-1])])
        # A flattening turns each channel into a block of neighbouring columns.
        self._block = layer.operator.in_channels // len(channels)
        self._shape = (-1, *[1] * (layer.operator.weight.ndim - 2))
        self._meetings = _meetings(layer)

    def strengths(self, known: Array) -> Array:
        incoming = np.add.reduceat(known[self._sources], self._starts).repeat(self._block)
        return incoming.reshape(self._shape) + self._outgoing()

    def _outgoing(self) -> Array:
        """Sum of the weights that each input meets, over all windows: (n_in, *space)."""
        weight, groups = self._operator.weight, self._operator.groups
        # The output channels are summed first: they share their windows.
        grouped = weight.reshape(groups, -1, *weight.shape[1:])
        outgoing: Array = _sum(grouped, [1]).flatten(0, 1).numpy()
        for meets in self._meetings:
            # The windows are the same in every row and every column: one dimension after the other.
            outgoing = np.tensordot(outgoing, meets, axes=(1, 0))
        return outgoing


def _meetings(layer: WiredLayer) -> list[Array]:
    """For each spatial dimension, 1 where a tap of the kernel meets a position in some window, (taps, n)."""
    operator = layer.operator
    geometry = zip(operator.stride, operator.padding, operator.dilation, strict=True)
    meetings = []
    for axis, (stride, padding, dilation) in enumerate(geometry, start=2):
        taps, positions = operator.weight.shape[axis], layer.input_shape[axis]
        windows = layer.output_shape[axis]
        place = np.arange(taps)[:, None] * dilation + np.arange(windows) * stride - padding
        tap, window = np.nonzero((place >= 0) & (place < positions))
        meets = np.zeros((taps, positions))
        meets[tap, place[tap, window]] = 1.0
        meetings.append(meets)
    return meetings


def _names(layers: Sequence[WiredLayer]) -> list[str]:
    runs: Counter[str] = Counter()
    names = []
    for layer in layers:
        name = layer.operator.name
        runs[name] += 1
        names.append(name if runs[name] == 1 else f"{name}#{runs[name]}")
    return names


def _sum(weight: Tensor, dims: Sequence[int]) -> Tensor:
    """Sum in float64 on the CPU over some dimensions."""
    return weight.sum(tuple(dims), dtype=torch.float64).cpu()


def _incoming(operator: WeightOperator) -> Array:
    """Kernel sum and bias of each output channel, (n_out,)."""
    sums = _sum(operator.weight, range(1, operator.weight.ndim))
    sums = sums if operator.bias is None else sums + operator.bias.cpu()
    incoming: Array = sums.numpy()
    if not np.isfinite(incoming).all():
        check_finite(f"layer {operator.name}", operator.weight)
        check_finite(f"layer {operator.name}", sums)  # then it is the bias
    return incoming


def _at_output(layer: WiredLayer, incoming: Array) -> Array:
    space = layer.output_shape[2:] if layer.operator.is_convolution else ()
    sums = (incoming + 1.0).reshape(-1, *[1] * len(space))
    return np.broadcast_to(sums, (len(incoming), *space)).copy()
