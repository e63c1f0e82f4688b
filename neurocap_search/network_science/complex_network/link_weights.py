"""Link weights: the distribution of a layer's weights and biases (arXiv 2110.02628)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurocap_search.network_science.layers.channel_sources import trace_wiring
from neurocap_search.network_science.layers.checks import check_finite
from neurocap_search.network_science.layers.weight_operator import WeightOperator


@dataclass(frozen=True)
class LinkMoments:
    """Mean and population variance of one layer's link weights.

    Not a description of the distribution's tails, which is where the paper sees trained networks differ.

    Attributes:
        mean: in the unit of the weights.
        variance: divided by the number of values, not by one less.

    Example:
        >>> LinkMoments(mean=0.0, variance=1.0).variance
        1.0
    """

    mean: float
    variance: float


def link_weights(network: nn.Module, inputs: Tensor) -> dict[str, NDArray[np.float64]]:
    """Collect the weights and biases of each weight layer as one sample of numbers.

    The object studied in arXiv 2110.02628 and 2209.05488 is their density over a population of networks:
    join the arrays of many networks and compare them with ``jeffreys_divergence``. Their claim is that link
    weights alone do not tell accurate networks from inaccurate ones; node strengths do.

    Not for parameters outside of weight layers: normalisation, embeddings and transposed convolutions are
    passed over. A layer that runs several times counts once.

    Args:
        network: any module whose forward takes one tensor; it runs once, in evaluation mode.
        inputs: a batch that it accepts, (B, ...); the values do not matter.

    Returns:
        For each layer, in the order of running, its weights and then its biases, (n,) float64.

    Raises:
        ValueError: if a weight or bias is infinite or NaN.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10))
        >>> {name: values.shape for name, values in link_weights(net, torch.zeros(1, 3, 8, 8)).items()}
        {'0': (456,), '3': (970,)}
    """
    operators = {call.operator.name: call.operator for call in trace_wiring(network, inputs)}
    return {name: _flat_parameters(operator) for name, operator in operators.items()}


def link_moments(links: Mapping[str, NDArray[np.float64]]) -> dict[str, LinkMoments]:
    """Compute the mean and the population variance of each layer's link weights.

    Args:
        links: the layers' link weights, as ``link_weights`` returns them.

    Example:
        >>> link_moments({"fc": np.array([1.0, 3.0])})
        {'fc': LinkMoments(mean=2.0, variance=1.0)}
    """
    return {name: LinkMoments(float(values.mean()), float(values.var())) for name, values in links.items()}


def _flat_parameters(operator: WeightOperator) -> NDArray[np.float64]:
    parts = [operator.weight] if operator.bias is None else [operator.weight, operator.bias]
    flat = torch.cat([part.detach().flatten() for part in parts])
    check_finite(f"layer {operator.name}", flat)
    return flat.to("cpu", torch.float64).numpy()
