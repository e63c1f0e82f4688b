"""The weight layers of any network, found where they run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from neurocap_search.network_science.layers.attention import unpack_attention
from neurocap_search.network_science.layers.weight_operator import WeightOperator, bind_operator

_CALLS = (functional.linear, functional.conv1d, functional.conv2d, functional.conv3d)
_DROPOUTS = {functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d}
_DROPOUTS |= {functional.alpha_dropout, functional.feature_alpha_dropout}


class LayerTap(TorchFunctionMode):
    """A context in which every weight layer of a network passes through one function.

    A weight layer is a call of ``torch.nn.functional``'s ``linear`` or ``conv1d`` to ``conv3d`` with a
    parameter of the network as its weight, in whatever module it happens. Self-attention is taken apart
    into its two linear layers, and dropout does nothing. Everything else (normalisation, activation, pooling,
    attention between its layers, sums, concatenations) runs as it is: it is the path between the layers.

    Not for training mode: batch statistics change what runs. ``trace_layers`` is simpler where the layers are
    only to be read. Scripted modules (``torch.jit``) and recurrent layers are not seen.

    Args:
        network: the network that will run; switch it to evaluation mode first.
        layer: called with each layer and its input instead of the layer; what it returns is the output. A
            subclass may override ``on_layer`` instead.

    Example:
        >>> net, seen = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), []
        >>> with LayerTap(net, lambda operator, z: seen.append(operator.name) or operator(z)):
        ...     net(torch.zeros(1, 2)).shape
        torch.Size([1, 1])
        >>> seen
        ['0', '2']
    """

    def __init__(
        self, network: nn.Module, layer: Callable[[WeightOperator, Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        self._names = {id(weight): layer_name(name) for name, weight in network.named_parameters()}
        self._layer = layer

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Send the weight layers to the function and run everything else as it is."""
        kwargs = kwargs or {}
        if func in _CALLS:
            return self._call(func, args, kwargs)
        if func in _DROPOUTS:  # called as a function it is on, whatever the module's mode
            return args[0] if args else kwargs["input"]
        if func is functional.multi_head_attention_forward:
            return unpack_attention(self._linear, args, kwargs)
        return func(*args, **kwargs)

    def on_layer(self, operator: WeightOperator, z: Tensor) -> Tensor:
        """Return the output of a layer for its input."""
        return self._layer(operator, z) if self._layer else operator(z)

    def _linear(self, z: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        output: Tensor = self._call(functional.linear, (z, weight, bias), {})
        return output

    def _call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        named = dict(zip(("input", "weight"), args, strict=False)) | kwargs
        weight = named["weight"]
        name = self._names.get(id(weight))
        rest = {key: value for key, value in kwargs.items() if key not in ("input", "weight")}
        operator = bind_operator(name, weight, args[2:], rest) if name is not None else None
        return func(*args, **kwargs) if operator is None else self.on_layer(operator, named["input"])


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One weight layer as it ran.

    Attributes:
        operator: the layer.
        input: what it received, (B, ..., n_in) or (B, n_in, *space).
        output: what it gave back, bias included.

    Example:
        >>> (call,) = trace_layers(nn.Linear(2, 3), torch.zeros(1, 2))
        >>> call.operator.out_channels, call.output.shape
        (3, torch.Size([1, 3]))
    """

    operator: WeightOperator
    input: Tensor
    output: Tensor


def trace_layers(network: nn.Module, inputs: Tensor) -> list[LayerCall]:
    """Run a network once, in evaluation mode and without gradients, and return its weight layers in order.

    A layer that runs several times is listed several times. The network is left as it was.

    Args:
        network: any module whose forward takes one tensor.
        inputs: a batch, (B, ...).

    Returns:
        The calls in the order in which they ran. Weights are the network's own tensors, detached.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10))
        >>> [call.operator.name for call in trace_layers(net, torch.zeros(1, 3, 8, 8))]
        ['0', '3']
    """
    calls: list[LayerCall] = []

    def record(operator: WeightOperator, z: Tensor) -> Tensor:
        output = operator(z)
        # Clones, because what comes after may overwrite in place what is kept.
        calls.append(LayerCall(operator.detached(), z.clone(), output))
        return output.clone()

    with evaluation_mode(network), torch.no_grad(), LayerTap(network, record):
        network(inputs.detach().clone())
    return calls


class evaluation_mode:  # noqa: N801 - a context manager is called like a function
    """Switch a network to evaluation mode for the length of a ``with`` block, each module back after.

    Args:
        network: the network.

    Example:
        >>> net = nn.Dropout()
        >>> with evaluation_mode(net):
        ...     net.training
        False
        >>> net.training
        True
    """

    def __init__(self, network: nn.Module) -> None:
        self._modes = {module: module.training for module in network.modules()}
        self._network = network

    def __enter__(self) -> None:
        self._network.eval()

    def __exit__(self, *_: object) -> None:
        for module, mode in self._modes.items():
            module.training = mode


def layer_name(parameter: str) -> str:
    """Return the name of the layer that a weight belongs to.

    Example:
        >>> layer_name("features.0.weight"), layer_name("attention.in_proj_weight")
        ('features.0', 'attention.in_proj')
    """
    for ending in (".weight", "_weight"):
        parameter = parameter.removesuffix(ending)
    return parameter
