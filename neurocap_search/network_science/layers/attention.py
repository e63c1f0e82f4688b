"""Self-attention taken apart into its two linear layers and the products between them."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]

_SIGNATURE = inspect.signature(functional.multi_head_attention_forward)
_ABSENT = ("bias_k", "bias_v", "key_padding_mask", "attn_mask", "static_k", "static_v")


def unpack_attention(
    linear: Linear, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, Tensor | None]:
    """Compute ``torch.nn.functional.multi_head_attention_forward`` with a linear layer of one's own.

    PyTorch runs attention as one call, in which the projections cannot be told apart. Plain self-attention
    (one input for query, key and value, no mask, no added key) is computed here as projection, softmax of
    the scaled products, weighted sum and projection; every other kind runs as it is, its layers unseen.

    Args:
        linear: called as (z, weight, bias) for both projections.
        args: positional arguments of the original function; query, key and value are (length, B, n).
        kwargs: its other arguments.

    Returns:
        The output, (length, B, n), and the attention weights where asked for, (B, length, length) or one
        for each head.

    Example:
        >>> layer, z = torch.nn.MultiheadAttention(4, 2), torch.ones(3, 1, 4)
        >>> weights = (layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0)
        >>> rest = (layer.out_proj.weight, layer.out_proj.bias)
        >>> output, _ = unpack_attention(functional.linear, (z, z, z, 4, 2, *weights, *rest), {})
        >>> torch.allclose(output, layer(z, z, z)[0])
        True
    """
    call = _SIGNATURE.bind(*args, **kwargs)
    call.apply_defaults()
    a = call.arguments
    if not _is_plain(a):
        return functional.multi_head_attention_forward(*args, **kwargs)
    length, batch, width = a["query"].shape
    projected = linear(a["query"], a["in_proj_weight"], a["in_proj_bias"])
    # (length, B, 3 n) to three of (B, heads, length, n / heads)
    split = projected.view(length, batch, 3, a["num_heads"], -1).permute(2, 1, 3, 0, 4)
    query, key, value = split.unbind(0)
    weights = torch.softmax(query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5, dim=-1)
    mixed = (weights @ value).permute(2, 0, 1, 3).reshape(length, batch, width)
    output = linear(mixed, a["out_proj_weight"], a["out_proj_bias"])
    if not a["need_weights"]:
        return output, None
    return output, weights.mean(1) if a["average_attn_weights"] else weights


def _is_plain(a: dict[str, Any]) -> bool:
    same = a["query"] is a["key"] is a["value"] and a["query"].ndim == 3
    options = a["add_zero_attn"] or a["use_separate_proj_weight"] or (a["training"] and a["dropout_p"] > 0)
    return same and not options and all(a[name] is None for name in _ABSENT)
