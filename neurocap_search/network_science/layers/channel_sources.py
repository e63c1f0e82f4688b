"""The wiring of a network: which channels reach each weight layer without a weight between."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurocap_search.network_science.layers.layer_tap import LayerTap, evaluation_mode
from neurocap_search.network_science.layers.weight_operator import WeightOperator

Source = tuple[int, int]
"""The number of a weight layer in the order of running, or -1 for the network's input, and its channel."""

Channels = tuple[frozenset[Source], ...]
"""The sources of each channel of a tensor."""

_CONCATENATIONS = (torch.cat, torch.concat, torch.concatenate)

# What mixes channels without being a layer that the tap hands over: weights that a module computes anew,
# transposed convolutions, products of matrices.
_MIXING = {functional.linear, functional.conv1d, functional.conv2d, functional.conv3d, functional.bilinear}
_MIXING |= {functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d}
_MIXING |= {torch.matmul, torch.mm, torch.bmm, torch.addmm, torch.baddbmm, torch.einsum}
_MIXING |= {Tensor.matmul, Tensor.mm, Tensor.bmm, Tensor.__matmul__, Tensor.__rmatmul__}
# What may put them in another order.
_MIXING |= {torch.flip, Tensor.flip, torch.index_select, Tensor.index_select, torch.gather, Tensor.gather}
_MIXING |= {functional.channel_shuffle, functional.pixel_shuffle, functional.pixel_unshuffle}


@dataclass(frozen=True, eq=False)
class WiredLayer:
    """A weight layer as it ran, with the sources of its input.

    Attributes:
        operator: the layer.
        input_shape: (B, ..., n_in) of a linear layer, (B, n_in, *space) of a convolution.
        output_shape: likewise, with n_out.
        sources: for each channel of the input the channels that reach it; more than one where a residual
            connection adds. A linear layer after a flattening has as many channels as the tensor had
            before: n_in is a multiple of their number, and each channel a block of neighbouring columns.
            None where an operation mixed the channels, as attention, channel shuffling and layers with
            computed weights do.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> trace_wiring(net, torch.zeros(1, 2))[1].sources[2]
        frozenset({(0, 2)})
    """

    operator: WeightOperator
    input_shape: torch.Size
    output_shape: torch.Size
    sources: Channels | None


def trace_wiring(network: nn.Module, inputs: Tensor) -> list[WiredLayer]:
    """Run a network once, in evaluation mode and without gradients, and return how its layers are wired.

    Zeros flow in place of the layers' outputs, so that it takes a fraction of a forward pass. Not for a
    network that chooses its path by the values it computes.

    Channels are followed through everything that keeps them (normalisation, activation, pooling,
    flattening), through sums and products (both operands' sources) and through concatenations.

    Args:
        network: any module whose forward takes one tensor.
        inputs: a batch, (B, channels, *space) or (B, n).

    Returns:
        The weight layers in the order in which they ran. The network is left as it was.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10))
        >>> [len(layer.sources) for layer in trace_wiring(net, torch.zeros(1, 3, 8, 8))]
        [3, 6]
    """
    tap = _WiringTap(network, inputs)
    with evaluation_mode(network), torch.no_grad(), tap:
        network(inputs)
    return tap.layers


class _WiringTap(LayerTap):
    """Carries the sources from tensor to tensor."""

    def __init__(self, network: nn.Module, inputs: Tensor) -> None:
        super().__init__(network, self._wire)
        self.layers: list[WiredLayer] = []
        # The tensors are kept beside their channels, lest a new one take an old one's identity.
        self._known: dict[int, tuple[Tensor, Channels]] = {}
        self._remember(inputs, -1, inputs.shape[1])

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function, and give its output the sources of its inputs."""
        ran = len(self.layers)
        result = super().__torch_function__(func, types, args, kwargs)
        if isinstance(result, Tensor) and len(self.layers) == ran:
            known = [self._known[id(t)][1] for t in _tensors(args) if id(t) in self._known]
            join = _concatenated if func in _CONCATENATIONS else _united
            channels = None if func in _MIXING or _picks(func, args) else join(known)
            if channels and any(size and size % len(channels) == 0 for size in result.shape[1:]):
                self._known[id(result)] = (result, channels)
            else:
                self._known.pop(id(result), None)
        return result

    def _wire(self, operator: WeightOperator, z: Tensor) -> Tensor:
        channels = self._known[id(z)][1] if id(z) in self._known else None
        if channels and operator.in_channels % len(channels):
            channels = None
        output = z.new_zeros(operator.output_shape(z))  # only shapes and channels matter here
        self._remember(output, len(self.layers), operator.out_channels)
        self.layers.append(WiredLayer(operator.detached(), z.shape, output.shape, channels))
        return output

    def _remember(self, tensor: Tensor, layer: int, channels: int) -> None:
        self._known[id(tensor)] = (tensor, tuple(frozenset({(layer, c)}) for c in range(channels)))


def _picks(func: Any, args: tuple[Any, ...]) -> bool:
    """Whether an indexing picks or reorders entries; whole slices and single positions leave channels be."""
    if func is not Tensor.__getitem__:
        return False
    parts = args[1] if isinstance(args[1], tuple) else (args[1],)
    return not all(part is None or part is ... or part == slice(None) or type(part) is int for part in parts)


def _tensors(args: tuple[Any, ...]) -> Iterator[Tensor]:
    for arg in args:
        if isinstance(arg, Tensor):
            yield arg
        elif isinstance(arg, list | tuple):
            yield from _tensors(tuple(arg))


def _united(known: list[Channels]) -> Channels | None:
    """The sources of a sum, a product or a single operand; None where the operands do not match."""
    if len(known) == 1:
        return known[0]
    if len({len(channels) for channels in known}) != 1:
        return None
    return tuple(frozenset().union(*together) for together in zip(*known, strict=True))


def _concatenated(known: list[Channels]) -> Channels | None:
    return tuple(sources for channels in known for sources in channels) or None
