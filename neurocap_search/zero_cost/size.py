"""The size of a network: the proxies that are hard to beat."""

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils.flop_counter import FlopCounterMode

from neurocap_search.zero_cost.checks import check_inputs
from neurocap_search.zero_cost.network_copy import undisturbed
from neurocap_search.zero_cost.score import scored


@scored
def parameters(model: nn.Module) -> float:
    """Count the parameters, frozen ones included and shared ones once.

    Not for comparing networks of different families: width pays in some and depth in others.

    Source: the customary baseline of arXiv 2101.08134.

    Args:
        model: Any module.

    Returns:
        The number.

    Example:
        >>> parameters(nn.Linear(3, 2))
        8.0
    """
    return sum(parameter.numel() for parameter in model.parameters())


@scored
@torch.no_grad()
def multiply_adds(model: nn.Module, inputs: Tensor) -> float:
    """Count the multiply-adds of the matrix products and convolutions of one sample's forward pass.

    PyTorch's own counter counts; activations, normalisations and pooling are free, as is the custom. Not for
    foretelling seconds: memory decides those as often.

    Args:
        model: Any module; its first sample is computed.
        inputs: (B, ...).

    Returns:
        The number.

    Raises:
        ValueError: If there is no sample.

    Example:
        >>> multiply_adds(nn.Conv2d(1, 4, 3), torch.zeros(1, 1, 6, 6))  # 16 positions, 36 weights
        576.0
    """
    check_inputs(inputs)
    one, counter = inputs[:1].detach().clone(), FlopCounterMode(display=False)
    with undisturbed(model, inputs, batch_statistics=False), counter:
        model(one)
    return float(counter.get_total_flops() // 2)  # a multiply-add is two operations to the counter


@scored
def number_of_convolutions(model: nn.Module) -> float:
    """Count the convolution layers, transposed ones included, whether the forward pass uses them or not.

    In the cells of NAS-Bench-201 this integer ranks as well as most proxies do. Not for networks that differ
    in more than their operations. A network without convolutions has 0.

    Args:
        model: Any module.

    Returns:
        The number.

    Example:
        >>> number_of_convolutions(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)))
        2.0
    """
    return sum(isinstance(module, _ConvNd) for module in model.modules())
