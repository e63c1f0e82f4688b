"""Neurons Strength and Neurons Activation over the data (after arXiv 2404.11172)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from neurocap_search.network_science.complex_network.running_moments import RunningMoments, running_moments
from neurocap_search.network_science.layers.checks import check_finite
from neurocap_search.network_science.layers.layer_tap import LayerCall, trace_layers


@dataclass(frozen=True, eq=False)
class LayerActivity:
    """Statistics of one layer's neurons over samples, and over positions where there are any.

    Not a distribution: two neurons with the same moments can be active on different samples.

    Attributes:
        mean: of each neuron, (n,) float64.
        std: population standard deviation of each neuron, (n,) float64.
        fluctuation: population standard deviation over the neurons of their means.

    Example:
        >>> LayerActivity(np.array([1.0, 3.0]), np.array([0.5, 0.5]), 1.0).fluctuation
        1.0
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    fluctuation: float


@dataclass(frozen=True, eq=False)
class ActivitySummary:
    """What ``NeuronActivity`` has gathered, by the name of the layer.

    Attributes:
        strength: of each weight layer's own neurons, before the activation.
        activation: of the neurons that each weight layer reads.

    Example:
        >>> ActivitySummary(strength={}, activation={}).strength
        {}
    """

    strength: dict[str, LayerActivity]
    activation: dict[str, LayerActivity]


class NeuronActivity:
    """Gather how strongly and how evenly the neurons of a network respond to data.

    arXiv 2404.11172 names "Neurons Strength" and "Neurons Activation" on samples x of the training data.
    Its formulas are not at hand; this is a reconstruction, not the authors' code:

        strength     s_k(x) = sum_i W[k, i] z_i(x) + b_k,        the output of a weight layer
        activation   a_k(x) = phi(s_k(x)) = z_k of the next layer,

    each with mean and standard deviation over the samples; for a convolution a neuron is a channel, and its
    positions count like samples, as do tokens. Layer fluctuation is the spread of the means over neurons.

    Between a weight layer and the next there may be normalisation, pooling, sums and more than one
    activation, so there is no one function phi. The activation is therefore taken where it is used, as the
    input of a weight layer, and named by this reader: the first layer's is the data itself, a flattened one
    has a neuron for each position, and the activation behind the last layer is not seen.

    Not for comparing networks on different data. A layer that runs several times counts each run as samples.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1))
        >>> _ = nn.init.constant_(net[0].weight, 2.0)
        >>> summary = NeuronActivity().update(net, torch.tensor([[-1.0], [1.0]])).compute()
        >>> summary.strength["0"].mean, summary.strength["0"].std, summary.activation["2"].mean
        (array([0.]), array([2.]), array([1.]))
    """

    def __init__(self) -> None:
        self._strengths: dict[str, RunningMoments] = {}
        self._activations: dict[str, RunningMoments] = {}

    def update(self, network: nn.Module, inputs: Tensor) -> Self:
        """Run the network on a batch, in evaluation mode and without gradients, and add what is seen.

        Args:
            network: any module whose forward takes one tensor; the same network at each call.
            inputs: (B, ...).

        Returns:
            This object.

        Raises:
            ValueError: if a layer's input or output is infinite or NaN, or its width is not that of the
                batches before. Nothing is added then.
        """
        strengths, activations = dict(self._strengths), dict(self._activations)
        for call in trace_layers(network, inputs):
            for name, part, gathered in _parts(call, strengths, activations):
                check_finite(name, part)
                moments = running_moments(_rows(part, call.operator.is_convolution))
                _add(gathered, call.operator.name, name, moments)
        self._strengths, self._activations = strengths, activations
        return self

    def compute(self) -> ActivitySummary:
        """Return the statistics of all batches since the start or the last ``reset``.

        Raises:
            ValueError: if there was no batch.
        """
        if not self._strengths:
            raise ValueError("no weight layer has been seen: call update(network, inputs) before compute()")
        strengths, activations = (
            {name: _summary(moments) for name, moments in gathered.items()}
            for gathered in (self._strengths, self._activations)
        )
        return ActivitySummary(strengths, activations)

    def reset(self) -> None:
        """Forget all batches."""
        self._strengths, self._activations = {}, {}


Gathered = dict[str, RunningMoments]


def _parts(
    call: LayerCall, strengths: Gathered, activations: Gathered
) -> Iterator[tuple[str, Tensor, Gathered]]:
    yield f"output of layer {call.operator.name}", call.output, strengths
    yield f"input of layer {call.operator.name}", call.input, activations


def _summary(moments: RunningMoments) -> LayerActivity:
    mean, std = moments.mean.numpy(), moments.std.numpy()
    return LayerActivity(mean.copy(), std, float(mean.std()))


def _rows(values: Tensor, is_convolution: bool) -> Tensor:
    """Samples and positions of (B, n, *space) or (B, ..., n) as rows, (rows, n)."""
    last = values.movedim(1, -1) if is_convolution else values
    return last.reshape(-1, last.shape[-1])


def _add(gathered: Gathered, layer: str, name: str, moments: RunningMoments) -> None:
    known = gathered.get(layer)
    if known is not None and known.mean.shape != moments.mean.shape:
        raise ValueError(
            f"{name}: expected {len(known.mean)} neurons as in the batches before, received "
            f"{len(moments.mean)}; call reset() before another network or input size"
        )
    gathered[layer] = moments if known is None else known.merged(moments)
