"""The network of an architecture of `MlpSpace`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from search_spaces.mlp import Activation, Normalisation
from search_spaces.network import Backbone

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
NORMALISATIONS: dict[Normalisation, type[nn.Module]] = {
    "none": nn.Identity,
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
}


class MlpBackbone(Backbone):
    """Hidden layers of linear map, normalisation, activation and dropout, on flattened inputs.

    Args:
        input_shape: `(channels, height, width)` of one sample.
        widths: units of each hidden layer.
        activation: key of `ACTIVATIONS`.
        normalisation: key of `NORMALISATIONS`.
        dropout: probability of dropping a unit in training; after the last layer too, lest it mean nothing
            for a single layer.

    Example:
        >>> import torch
        >>> backbone = MlpBackbone((1, 8, 8), [32, 16], activation="relu", normalisation="layer", dropout=0.0)
        >>> backbone(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 16])
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        widths: Sequence[int],
        *,
        activation: Activation,
        normalisation: Normalisation,
        dropout: float,
    ) -> None:
        super().__init__()

        def hidden_layer(in_features: int, out_features: int) -> Iterator[nn.Module]:
            # Batch normalisation subtracts the mean, and with it any bias.
            yield nn.Linear(in_features, out_features, bias=normalisation != "batch")
            yield NORMALISATIONS[normalisation](out_features)
            yield ACTIVATIONS[activation]()
            yield nn.Dropout(dropout)

        sizes = [prod(input_shape), *widths]
        self.out_features = sizes[-1]
        self.layers = nn.Sequential(
            nn.Flatten(), *(module for pair in pairwise(sizes) for module in hidden_layer(*pair))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features `(B, widths[-1])` of the inputs `(B, channels, height, width)`."""
        features: Tensor = self.layers(x)
        return features
