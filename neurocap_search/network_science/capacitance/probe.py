"""The neural capacitance probe: a classification head by which a network is measured while it trains."""

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from neurocap_search.network_science.capacitance.closed_form import Capacitance, neural_capacitance
from neurocap_search.network_science.capacitance.factors import head_factors

# A floor for the root mean square (1e-3): the gradient into nearly dead features stays bounded.
EPSILON = 1e-6


class NeuralCapacitanceProbe(nn.Module):
    """A network's classification head, random and frozen, whose line graph yields beta_eff.

    The features are divided by their root mean square, sample by sample, and pass bias-free He-normal layers
    with ReLU between them. Give all networks that are compared the same width, depth and seed. A random
    frozen head follows the units of US 12,450,495 B2 and arXiv 2201.04194; the normalisation and the
    depth of four are this project's choice, because beta_eff scales with the features and vanishes with
    shallower heads. RMSNorm and not LayerNorm: features that sum to zero make a 4-layer probe degenerate.

    Not for regression, nor where the head itself has to be as accurate as possible.

    Args:
        in_features: number of pooled features, n_0.
        num_classes: number of classes, n_L.
        width: nodes in each hidden layer.
        depth: weight layers, L, at least 4.
        frozen: whether the weights stay as they were drawn, so that only the network beneath learns.
        seed: seed of the weights. They are drawn on the CPU; the global random state is left alone.

    Raises:
        ValueError: if the head is too shallow or a size is too small.

    Example:
        >>> probe = NeuralCapacitanceProbe(8, 3, width=16)
        >>> features = torch.arange(16.0).reshape(2, 8)
        >>> probe(features).shape
        torch.Size([2, 3])
        >>> probe.measure(features, torch.tensor([0, 2])).reason is None
        True
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        width: int = 64,
        depth: int = 4,
        frozen: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        _check_sizes(in_features, num_classes, width, depth)
        sizes = [in_features, *[width] * (depth - 1), num_classes]
        self.weights = nn.ParameterList(_he_normal(sizes, seed)).requires_grad_(not frozen)

    def forward(self, features: Tensor) -> Tensor:
        """Classify features.

        Args:
            features: (B, n_0), any floating dtype; moved to the probe's device and dtype.

        Returns:
            Logits, (B, n_L).

        Raises:
            ValueError: if the features are not (B, n_0).

        Example:
            >>> NeuralCapacitanceProbe(2, 5)(torch.zeros(1, 2)).tolist()
            [[0.0, 0.0, 0.0, 0.0, 0.0]]
        """
        *hidden, output = self.weights
        z = self._normalise(features.to(output))
        for weight in hidden:
            z = torch.relu(nn.functional.linear(z, weight))
        return nn.functional.linear(z, output)

    def measure(self, features: Tensor, labels: Tensor) -> Capacitance:
        """Measure beta_eff on one batch, in float64, with neither gradients nor changes to the module.

        Use the same samples at every measurement, with the network beneath in eval mode. Not on a device
        without float64: move the probe to the CPU there.

        Args:
            features: (B, n_0), any floating dtype; moved to the probe's device.
            labels: (B,) class indices from 0 to n_L - 1; moved to the probe's device.

        Returns:
            beta_eff of softmax with cross-entropy, in nats; NaN with a reason where it is degenerate.

        Raises:
            ValueError: if shapes do not fit, a value is infinite or NaN, or a label is no class.

        Example:
            >>> probe = NeuralCapacitanceProbe(2, 3)
            >>> probe.measure(torch.zeros(1, 2), torch.tensor([1])).reason
            'the numerator has no term but zero: on every path an output, a gain or an error is zero ...
        """
        z = self._normalise(features.detach().to(self.weights[0].device, torch.float64))
        return neural_capacitance(head_factors(list(self.weights), torch.relu, z, labels))

    def _normalise(self, features: Tensor) -> Tensor:
        n = self.weights[0].shape[1]
        if features.ndim != 2 or features.shape[1] != n:
            raise ValueError(
                f"features: expected shape (B, {n}), received {tuple(features.shape)}; "
                "pool or flatten them to one row a sample, or build the probe for that many"
            )
        return nn.functional.rms_norm(features, (n,), eps=EPSILON)


def _check_sizes(in_features: int, num_classes: int, width: int, depth: int) -> None:
    if depth < 4:
        raise ValueError(
            f"depth: expected 4 or more weight layers, received {depth}; with softmax and cross-entropy the "
            "output errors of a sample sum to zero, so a shallower probe measures 0 or 0/0"
        )
    least = {"in_features": (in_features, 1), "num_classes": (num_classes, 2), "width": (width, 1)}
    for name, (received, minimum) in least.items():
        if received < minimum:
            raise ValueError(f"{name}: expected {minimum} or more, received {received}; enlarge it")


def _he_normal(sizes: list[int], seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for n, m in pairwise(sizes):
        draw = torch.randn(m, n, generator=generator, dtype=torch.float32, device="cpu")
        yield draw * math.sqrt(2 / n)
