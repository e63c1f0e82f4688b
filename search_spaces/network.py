"""The parts of a network that all search spaces share: backbone and head, seeded weights, cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from neurocap_search.network_science import NeuralCapacitanceProbe
from search_spaces.base import Cost, HeadOptions


class Backbone(nn.Module):
    """A network from inputs `(B, channels, height, width)` to features `(B, out_features)`.

    Attributes:
        out_features: number of features; set by each subclass.
    """

    out_features: int


class CandidateNetwork(nn.Module):
    """A backbone followed by the classification head of the search.

    Args:
        backbone: the network that the architecture stands for.
        num_classes: number of classes.
        head: options of the head.
    """

    def __init__(self, backbone: Backbone, num_classes: int, head: HeadOptions) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = NeuralCapacitanceProbe(backbone.out_features, num_classes, **head.model_dump())

    def forward_features(self, x: Tensor) -> Tensor:
        """Features `(B, d)` of the inputs `(B, channels, height, width)`."""
        features: Tensor = self.backbone(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(B, num_classes)` of the inputs `(B, channels, height, width)`."""
        logits: Tensor = self.head(self.forward_features(x))
        return logits


@contextmanager
def seeded_weights(seed: int) -> Iterator[None]:
    """Seeds PyTorch's CPU generator for the length of a `with` block and restores it after.

    Not for weights drawn on an accelerator: networks are built on the CPU and moved.

    Args:
        seed: seed of the weights drawn in the block.

    Example:
        >>> import torch
        >>> with seeded_weights(7):
        ...     first = torch.randn(3)
        >>> with seeded_weights(7):
        ...     second = torch.randn(3)
        >>> torch.equal(first, second)
        True
    """
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed: it would seed the accelerators' generators too, which are not restored here.
        torch.default_generator.manual_seed(seed)
        yield


def measure_cost(network: nn.Module, input_shape: tuple[int, int, int]) -> Cost:
    """Counts the parameters of a network, and the multiply-adds of one sample with PyTorch's own counter.

    The counter knows matrix products and convolutions; activations, normalisations and pooling count as
    free, as is the custom in neural architecture search.

    Args:
        network: a network to be thrown away after: it is moved to the meta device, which keeps no weights.
        input_shape: `(channels, height, width)` of one sample.

    Returns:
        The cost.
    """
    parameters = sum(parameter.numel() for parameter in network.parameters())
    # Some modules, such as the head, draw their weights on the CPU even where the default device is another.
    # In evaluation mode, batch normalisation takes a single sample.
    network = network.to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, *input_shape, device="meta"))
    # The counter takes a multiply-add for two operations.
    return Cost(parameters, multiply_adds=counter.get_total_flops() // 2)
