"""Which dimension of a tensor holds the channels, and what an operation does to them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Source = tuple[int, int]
"""The number of a weight layer in the order of running, or -1 for the network's input, and its channel."""

Channels = tuple[frozenset[Source], ...]
"""The sources of each channel of a tensor."""


class Known(NamedTuple):
    """What is known of a tensor's channels.

    Attributes:
        channels: their sources; empty where an operation has mixed them.
        axis: the dimension they lie in; its size is a multiple of their number, each a block of neighbours.

    Example:
        >>> Known((frozenset({(0, 0)}), frozenset({(0, 1)})), 1).axis
        1
    """

    channels: Channels
    axis: int


MIXED = Known((), 0)
"""Channels that cannot be told apart any more, or are in another order."""

Operand = tuple[torch.Size, tuple[int, ...], Known]
"""Shape and strides of an operand before the operation, and what is known of it."""

_CONCATENATIONS = {torch.cat, torch.concat, torch.concatenate}
_RESHAPES = {Tensor.reshape, torch.reshape, Tensor.view, Tensor.flatten, torch.flatten, Tensor.unflatten}
_PERMUTATIONS = {
    Tensor.permute,
    torch.permute,
    Tensor.transpose,
    torch.transpose,
    Tensor.movedim,
    torch.movedim,
}
_ROLLS = {torch.roll, Tensor.roll, torch.flip, Tensor.flip}
_REDUCTIONS = {Tensor.mean, torch.mean, Tensor.sum, torch.sum, Tensor.amax, torch.amax, torch.squeeze}
_REDUCTIONS |= {Tensor.squeeze, Tensor.unsqueeze, torch.unsqueeze, Tensor.__getitem__}

# What mixes channels without being a layer that the tap hands over: weights that a module computes anew,
# transposed convolutions, products of matrices; and what may put them in another order.
_MIXING = {functional.linear, functional.conv1d, functional.conv2d, functional.conv3d, functional.bilinear}
_MIXING |= {functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d}
_MIXING |= {torch.matmul, torch.mm, torch.bmm, torch.addmm, torch.baddbmm, torch.einsum}
_MIXING |= {Tensor.matmul, Tensor.mm, Tensor.bmm, Tensor.__matmul__, Tensor.__rmatmul__}
_MIXING |= {torch.index_select, Tensor.index_select, torch.gather, Tensor.gather, torch.sort, Tensor.sort}
_MIXING |= {functional.channel_shuffle, functional.pixel_shuffle, functional.pixel_unshuffle}
_MIXING |= {torch.topk, Tensor.topk, torch.cumsum, Tensor.cumsum}
_MIXING |= {functional.scaled_dot_product_attention, functional.multi_head_attention_forward}


def passed_on(
    func: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    operands: Sequence[Operand],
    result: Tensor,
) -> Known:
    """Return what is known of the channels of an operation's result.

    Args:
        func: the function of PyTorch.
        args: its arguments.
        kwargs: its arguments by name.
        operands: those of its tensors of which anything is known; constants and weights are not among them.
        result: what it returned, or one of several tensors such as the parts of a split.

    Returns:
        The channels with their axis, or ``MIXED``.

    Example:
        >>> x = torch.zeros(1, 2, 3, 3)
        >>> two = Known((frozenset({(0, 0)}), frozenset({(0, 1)})), 1)
        >>> flat = passed_on(torch.flatten, (x, 1), {}, [(x.shape, x.stride(), two)], x.flatten(1))
        >>> flat == two, passed_on(torch.sort, (x,), {}, [(x.shape, x.stride(), two)], x)
        (True, Known(channels=(), axis=0))
    """
    if func in _MIXING or any(known == MIXED for _, _, known in operands):
        return MIXED
    if func in _CONCATENATIONS:
        return _concatenated(operands, result, _dimension(args, kwargs, result))
    shape, strides, known = operands[0]
    if func in _ROLLS and known.axis in _dimensions(args, kwargs, len(shape)):
        return MIXED
    axis = _axis(func, args, shape, strides, known, result)
    if axis is None:
        return MIXED
    return _united(operands, axis)


def _axis(
    func: Any,
    args: tuple[Any, ...],
    shape: torch.Size,
    strides: tuple[int, ...],
    known: Known,
    result: Tensor,
) -> int | None:
    """Where the channels of the first operand are in the result, or None."""
    old, size = known.axis, shape[known.axis]
    if func in _PERMUTATIONS:
        # A view: the dimension of the channels keeps its stride.
        found = [
            d for d in range(result.ndim) if result.shape[d] == size and result.stride(d) == strides[old]
        ]
        return found[0] if len(found) == 1 else None
    if func in _RESHAPES:
        return _reshaped(shape, old, result.shape)
    if func in _REDUCTIONS:
        return _reduced(func, args, shape, old, result.shape)
    same = result.ndim == len(shape) and result.shape[old] == size
    return old if same else None


def _reshaped(shape: torch.Size, axis: int, into: torch.Size) -> int | None:
    if axis == len(shape) - 1 and into[-1:] == shape[-1:]:
        return len(into) - 1
    if into[: axis + 1] == shape[: axis + 1]:
        return axis
    # The channel and all behind it became one dimension, each channel a block of it.
    behind = torch.Size(shape[axis:]).numel()
    return axis if into == (*shape[:axis], behind) else None


def _reduced(func: Any, args: tuple[Any, ...], shape: torch.Size, axis: int, into: torch.Size) -> int | None:
    if func is Tensor.__getitem__ and not _spares(args[1], axis, len(shape)):
        return None
    if into[: axis + 1] == shape[: axis + 1]:
        return axis
    if axis == len(shape) - 1 and into[-1:] == shape[-1:]:
        return len(into) - 1
    return None


def _spares(index: Any, axis: int, ndim: int) -> bool:
    """Whether an index takes slices and single positions of other dimensions only."""
    parts = [part for part in (index if isinstance(index, tuple) else (index,)) if part is not None]
    if any(not isinstance(part, int | slice) and part is not ... for part in parts):
        return False
    if ... in parts:
        place = parts.index(...)
        parts[place : place + 1] = [slice(None)] * (ndim - len(parts) + 1)
    return axis >= len(parts) or parts[axis] == slice(None)


def _united(operands: Sequence[Operand], axis: int) -> Known:
    """The sources of a sum, a product or a single operand; mixed where the operands do not match."""
    first = operands[0][2]
    if any((k.axis, len(k.channels)) != (first.axis, len(first.channels)) for _, _, k in operands[1:]):
        return MIXED
    if len(operands) == 1:
        return Known(first.channels, axis)
    together = zip(*(known.channels for _, _, known in operands), strict=True)
    return Known(tuple(frozenset().union(*sources) for sources in together), axis)


def _concatenated(operands: Sequence[Operand], result: Tensor, dimension: int) -> Known:
    axes = {known.axis for _, _, known in operands}
    if axes != {dimension}:  # beside each other in space, as a class token and the patches are
        return _united(operands, operands[0][2].axis) if len(axes) == 1 else MIXED
    channels = tuple(sources for _, _, known in operands for sources in known.channels)
    return Known(channels, dimension) if len(channels) == result.shape[dimension] else MIXED


def _dimension(args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor) -> int:
    given = kwargs.get("dim", args[1] if len(args) > 1 else 0)
    return int(given) % result.ndim


def _dimensions(args: tuple[Any, ...], kwargs: dict[str, Any], ndim: int) -> set[int]:
    given = kwargs.get("dims", args[-1] if len(args) > 1 else range(ndim))
    return {int(d) % ndim for d in ([given] if isinstance(given, int) else given)}


def tensors(values: tuple[Any, ...]) -> Iterator[Tensor]:
    """Yield the tensors among values, those in lists and tuples too.

    Example:
        >>> len(list(tensors((torch.zeros(1), [torch.zeros(1), 2]))))
        2
    """
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(tuple(value))
