"""The multiplies of one layer, entry by entry."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurocap_search.network_science.layers.weight_operator import bind_operator

Multiplies = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""Entry of the input, entry of the output (both from 0, in the order of flattening) and weight of each."""


def multiplies(name: str, module: nn.Module, z: Tensor, output: Tensor) -> Multiplies:
    """List the multiplies of a layer: which entry of its input meets which weight in which output.

    Max-pooling is listed with a weight of 1 for each entry of a window, average pooling with 1 / n. Only for
    small layers: the list is as long as the layer's count of multiplies.

    Args:
        name: the layer's name, for messages.
        module: a linear layer, or a convolution or pooling in two dimensions.
        z: the input of one sample, (1, n) or (1, channels, height, width).
        output: what the layer gives for it; only the shape matters.

    Returns:
        Input entries, output entries and weights, (multiplies,) each; those with padding zeros are left out.

    Raises:
        ValueError: if the layer is of another kind, pads otherwise than with zeros alike on both sides, or
            rounds its output size up.

    Example:
        >>> pool, z = nn.AvgPool2d(2), torch.ones(1, 1, 2, 4)
        >>> source, target, weights = multiplies("pool", pool, z, pool(z))
        >>> target[source == 2], weights[source == 2]
        (array([1]), array([0.25]))
    """
    if isinstance(module, nn.Linear) and z.ndim == 2:
        target, source = np.indices(module.weight.shape).reshape(2, -1)
        return source, target, _numbers(module.weight)
    if z.ndim == 4 and isinstance(module, nn.Conv2d):
        return _convolution(name, module, z)
    if z.ndim == 4 and isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        return _pooling(name, module, z, output.shape[2:].numel())
    raise ValueError(
        f"layer {name!r}: received {type(module).__name__} on an input of shape {tuple(z.shape)}; use linear "
        "layers behind nn.Flatten, nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d and elementwise layers in an "
        "nn.Sequential, or the rolled graph"
    )


def _convolution(name: str, module: nn.Conv2d, z: Tensor) -> Multiplies:
    given = (None, module.stride, module.padding, module.dilation, module.groups)
    operator = bind_operator(name, module.weight, given, {})
    if operator is None or module.padding_mode != "zeros":
        received = f"padding={module.padding!r}, padding_mode={module.padding_mode!r}"
        raise ValueError(f"layer {name!r}: received {received}; pad with zeros, alike on both sides")
    taps = _windows(z, module.kernel_size, operator.stride, operator.padding, operator.dilation)
    source = taps.reshape(operator.groups, 1, -1, taps.shape[-1])
    weights = _numbers(module.weight).reshape(operator.groups, -1, source.shape[2], 1)
    filters = np.arange(operator.out_channels).reshape(operator.groups, -1, 1, 1)
    return _inside(source, filters, weights)


def _pooling(name: str, module: nn.MaxPool2d | nn.AvgPool2d, z: Tensor, positions: int) -> Multiplies:
    dilation = module.dilation if isinstance(module, nn.MaxPool2d) else 1
    source = _windows(z, module.kernel_size, module.stride, module.padding, dilation)
    source = source.reshape(z.shape[1], -1, source.shape[-1])
    if source.shape[-1] != positions:
        raise ValueError(
            f"layer {name!r}: received ceil_mode=True; use windows that fit, and ceil_mode=False"
        )
    counted = np.ones((1, 1, 1))
    if isinstance(module, nn.AvgPool2d):
        inside = (source >= 0).sum(axis=1, keepdims=True)
        counted = np.where(module.count_include_pad, source.shape[1], inside)
        counted = counted if module.divisor_override is None else np.full((1, 1, 1), module.divisor_override)
    return _inside(source, np.arange(len(source)).reshape(-1, 1, 1), 1.0 / counted)


def _windows(
    z: Tensor, kernel: object, stride: object, padding: object, dilation: object
) -> NDArray[np.int64]:
    """Entry of the input under each tap of each window, -1 in the padding: (channels x taps, positions)."""
    # Numbered from 1, for the padding is filled with 0; float64 holds these integers exactly.
    numbered = torch.arange(1, z.numel() + 1, dtype=torch.float64).reshape(z.shape)
    taps = functional.unfold(numbered, kernel, dilation, padding, stride)  # type: ignore[arg-type]
    return taps[0].long().numpy() - 1


def _inside(
    source: NDArray[np.int64], filters: NDArray[np.int64], weights: NDArray[np.float64]
) -> Multiplies:
    """Spread over all positions, the last axis, and leave the padding out."""
    positions = source.shape[-1]
    target = filters * positions + np.arange(positions)
    source, target, weights = np.broadcast_arrays(source, target, weights)
    inside = source >= 0
    return source[inside], target[inside], weights[inside]


def _numbers(weight: Tensor) -> NDArray[np.float64]:
    return weight.detach().double().cpu().numpy().ravel()
