"""A linear or convolution layer as an operator: with its weights, and with ones in their place."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


@dataclass(frozen=True, eq=False)
class WeightOperator:
    """One weight layer: a linear map (weights of two dimensions) or a convolution (three to five).

    Where a formula asks for the layer with an all-ones kernel J, the channels are summed first: J has equal
    rows, so this costs a share 1 / (channels in x channels out) of the layer itself.

    Not for transposed convolutions, nor for weights that a module computes anew at each call.

    Attributes:
        name: the weight's name in the network, without a trailing "weight".
        weight: (n_out, n_in) or (n_out, n_in / groups, *kernel).
        bias: (n_out,), or None.
        stride: step of a convolution in each spatial dimension; empty for a linear map, as are the next two.
        padding: zeros added on both sides of each spatial dimension.
        dilation: distance of the kernel's points in each spatial dimension.
        groups: number of groups of channels that do not mix.

    Example:
        >>> operator = WeightOperator("fc", torch.tensor([[2.0, 3.0]]))
        >>> z, e = torch.tensor([[1.0, 4.0]]), torch.tensor([[5.0]])
        >>> operator(z).tolist(), operator.ones_forward(z).tolist()
        ([[14.0]], [[5.0]])
        >>> operator.ones_backward(e, z.shape).tolist(), operator.weight_gradient(z, e).tolist()
        ([[5.0, 5.0]], [[5.0, 20.0]])
    """

    name: str
    weight: Tensor
    bias: Tensor | None = None
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1

    @property
    def is_convolution(self) -> bool:
        """Whether the layer is a convolution."""
        return self.weight.ndim > 2

    @property
    def out_channels(self) -> int:
        """The number of output channels or units."""
        return int(self.weight.shape[0])

    @property
    def in_channels(self) -> int:
        """The number of input channels or units."""
        return int(self.weight.shape[1]) * self.groups

    def __call__(self, z: Tensor) -> Tensor:
        """Apply the layer to its input, (B, ..., n_in) or (B, n_in, *space)."""
        if not self.is_convolution:
            return functional.linear(z, self.weight, self.bias)
        convolution = _CONVOLUTIONS[self.weight.ndim - 2]
        geometry = (self.stride, self.padding, self.dilation, self.groups)
        output: Tensor = convolution(z, self.weight, self.bias, *geometry)
        return output

    def detached(self) -> "WeightOperator":
        """Return the same layer with weights that hold no graph."""
        bias = None if self.bias is None else self.bias.detach()
        return replace(self, weight=self.weight.detach(), bias=bias)

    def output_shape(self, z: Tensor) -> torch.Size:
        """Return the shape of the output for an input, without computing it."""
        bare = replace(self, weight=self.weight.to("meta"), bias=None)
        return bare(z.detach().to("meta")).shape

    def ones_forward(self, z: Tensor) -> Tensor:
        """Apply the layer with a one for every weight and no bias: J z, of the output's shape."""
        if not self.is_convolution:
            return z.sum(-1, keepdim=True).expand(*z.shape[:-1], self.out_channels)
        ones = self._one_channel_a_group()
        return _spread(ones(_sum_groups(z, self.groups)), self.out_channels)

    def ones_backward(self, e: Tensor, shape: torch.Size) -> Tensor:
        """Pull errors at the output back to an input of this shape through ones: J' e."""
        if not self.is_convolution:
            return e.sum(-1, keepdim=True).expand(shape)
        ones = self._one_channel_a_group()
        inner = torch.Size((shape[0], self.groups, *shape[2:]))
        return _spread(ones._input_gradient(_sum_groups(e, self.groups), inner), self.in_channels)

    def weight_gradient(self, z: Tensor, e: Tensor) -> Tensor:
        """Sum over samples and positions the gradient of <W z, e>, in the weight's shape."""
        if not self.is_convolution:
            return e.flatten(0, -2).T @ z.flatten(0, -2)
        gradient: Tensor = self._backward(e, z, (False, True, False))[1]
        return gradient

    def _input_gradient(self, e: Tensor, shape: torch.Size) -> Tensor:
        gradient: Tensor = self._backward(e, e.new_empty(1).expand(shape), (True, False, False))[0]
        return gradient

    def _backward(self, e: Tensor, z: Tensor, wanted: tuple[bool, bool, bool]) -> Any:
        geometry = (self.stride, self.padding, self.dilation, False, [0] * len(self.stride), self.groups)
        return torch.ops.aten.convolution_backward(e, z, self.weight, None, *geometry, wanted)

    def _one_channel_a_group(self) -> "WeightOperator":
        ones = self.weight.new_ones(self.groups, 1, *self.weight.shape[2:])
        return replace(self, weight=ones, bias=None)


def bind_operator(
    name: str, weight: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> WeightOperator | None:
    """Read the arguments of a call of ``torch.nn.functional`` that follow the input and the weight.

    Args:
        name: name of the layer.
        weight: its weights.
        args: positional arguments after the weight: bias, stride, padding, dilation, groups.
        kwargs: the same by name.

    Returns:
        The operator, or None where the padding differs from side to side ("same" with an even kernel).

    Example:
        >>> bind_operator("conv", torch.ones(4, 1, 3, 3), (None, 2), {"padding": "same", "groups": 4}).padding
        (1, 1)
    """
    given = dict(zip(("bias", "stride", "padding", "dilation", "groups"), args, strict=False)) | kwargs
    kernel = weight.shape[2:]
    if not kernel:
        return WeightOperator(name, weight, given.get("bias"))
    dilation = _each(given.get("dilation", 1), len(kernel))
    padding = given.get("padding", 0)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if any(t % 2 for t in total):
            return None
        padding = tuple(t // 2 for t in total)
    around = _each(0 if padding == "valid" else padding, len(kernel))
    stride = _each(given.get("stride", 1), len(kernel))
    return WeightOperator(name, weight, given.get("bias"), stride, around, dilation, given.get("groups", 1))


def _each(value: Any, dimensions: int) -> tuple[int, ...]:
    return (value,) * dimensions if isinstance(value, int) else tuple(value) * (dimensions // len(value))


def _sum_groups(values: Tensor, groups: int) -> Tensor:
    """Sum the channels of each group: (B, C, *space) to (B, groups, *space)."""
    return values.reshape(values.shape[0], groups, -1, *values.shape[2:]).sum(2)


def _spread(values: Tensor, channels: int) -> Tensor:
    """Give every channel of a group the group's values: (B, groups, *space) to (B, channels, *space)."""
    groups, space = values.shape[1], values.shape[2:]
    wide = values.unsqueeze(2).expand(-1, -1, channels // groups, *space)
    return wide.reshape(values.shape[0], channels, *space)
