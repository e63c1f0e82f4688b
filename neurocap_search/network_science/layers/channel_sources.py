"""The wiring of a network: which channels reach each weight layer without a weight between."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neurocap_search.network_science.layers.channel_axis import (
    Channels,
    Known,
    Source,
    passed_on,
    tensors,
)
from neurocap_search.network_science.layers.layer_tap import LayerTap, evaluation_mode
from neurocap_search.network_science.layers.weight_operator import WeightOperator

__all__ = ["Channels", "Source", "WiredLayer", "trace_wiring"]


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
            None where they cannot be told: an operation mixed, reordered or picked channels, as attention,
            channel shuffling and layers with computed weights do, or none of them comes from a layer.

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
    flattening, transposing), through sums and products (both operands' sources) and through concatenations.
    The channels of the inputs are their second dimension.

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
    inputs = inputs.detach().clone()
    tap = _WiringTap(network, inputs)
    with evaluation_mode(network), torch.no_grad(), tap:
        network(inputs)
    return tap.layers


class _WiringTap(LayerTap):
    """Carries the sources from tensor to tensor."""

    def __init__(self, network: nn.Module, inputs: Tensor) -> None:
        super().__init__(network)
        self.layers: list[WiredLayer] = []
        # The tensors are kept beside what is known of them, lest a new one take an old one's identity.
        self._known: dict[int, tuple[Tensor, Known]] = {}
        if inputs.ndim > 1:
            self._remember(inputs, -1, axis=1)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function, and give its output the sources of its inputs."""
        operands = [(t, *self._known[id(t)][1:]) for t in tensors(args) if id(t) in self._known]
        before = [(t.shape, t.stride(), known) for t, known in operands]
        ran = len(self.layers)
        result = super().__torch_function__(func, types, args, kwargs)
        if before and len(self.layers) == ran:
            for tensor in tensors((result,)):
                known = passed_on(func, args, kwargs or {}, before, tensor)
                self._known[id(tensor)] = (tensor, known)
        return result

    def on_layer(self, operator: WeightOperator, z: Tensor) -> Tensor:
        """Note the layer with the sources of its input, and go on with zeros."""
        known = self._known[id(z)][1] if id(z) in self._known else None
        axis = 1 if operator.is_convolution else z.ndim - 1
        fits = known is not None and known.axis == axis and operator.in_channels % len(known.channels) == 0
        output = z.new_zeros(operator.output_shape(z))  # only shapes and channels matter here
        self._remember(output, len(self.layers), axis=1 if operator.is_convolution else output.ndim - 1)
        channels = known.channels if fits and known is not None else None
        self.layers.append(WiredLayer(operator.detached(), z.shape, output.shape, channels))
        return output

    def _remember(self, tensor: Tensor, layer: int, axis: int) -> None:
        channels = tuple(frozenset({(layer, c)}) for c in range(tensor.shape[axis]))
        self._known[id(tensor)] = (tensor, Known(channels, axis))
