"""A probe on the features of a model whose own head is too shallow to be measured."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurocap_search.network_science import Capacitance, NeuralCapacitanceProbe

_CANCELS = 1e-3
"""Share of the sum of absolute features below which features count as summing to zero."""


@dataclass(frozen=True, eq=False)
class AttachedProbe:
    """A frozen random probe on what the last linear layer of a model receives.

    Attributes:
        probe: Never trained, and no part of the model.
        watched: The last linear layer.
        layer: Its name.
        rectified: Whether the features pass through ReLU first.
    """

    probe: NeuralCapacitanceProbe
    watched: nn.Module
    layer: str
    rectified: bool

    @property
    def sentence(self) -> str:
        """What is measured, in words."""
        count = self.probe.weights[0].shape[1]
        features = f"the {count} features before {f'layer {self.layer}' if self.layer else 'the only layer'}"
        why = " (rectified, because they sum to zero in each sample, as after layer normalisation)"
        return f"a frozen random probe on {features}{why if self.rectified else ''}"

    def measure(self, features: Tensor, labels: Tensor) -> Capacitance:
        """Measure beta_eff of the probe on the pooled features."""
        # On the CPU, because not every device has float64 and the probe is small.
        pooled = pool(features).float().cpu()
        return self.probe.measure(torch.relu(pooled) if self.rectified else pooled, labels)


def attach_probe(layer: nn.Module, name: str, features: Tensor, *, width: int, seed: int) -> AttachedProbe:
    """Put a probe on the features that a linear layer receives.

    Args:
        layer: The last linear layer; its outputs are the classes, two if there is only one.
        name: Its name in the model.
        features: What it receives, (B, ..., n).
        width: Nodes in each hidden layer of the probe.
        seed: Seed of the probe's weights.
    """
    pooled = pool(features).double()
    classes = max(2, int(layer.out_features))  # type: ignore[arg-type]
    probe = NeuralCapacitanceProbe(pooled.shape[1], classes, width=width, seed=seed)
    share = pooled.sum(1).abs() / pooled.abs().sum(1).clamp_min(torch.finfo(torch.float64).tiny)
    return AttachedProbe(probe, layer, name, rectified=bool(share.median() < _CANCELS))


def pool(features: Tensor) -> Tensor:
    """Average features (B, ..., n) over all positions, to (B, n).

    Example:
        >>> pool(torch.ones(2, 5, 3)).shape
        torch.Size([2, 3])
    """
    return features.flatten(1, -2).mean(1) if features.ndim > 2 else features
