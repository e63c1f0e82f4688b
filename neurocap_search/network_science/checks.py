"""Checks of a head's weights and of its data, with messages that name the layer at fault."""

from collections.abc import Sequence

import torch
from torch import Tensor


def check_head(weights: Sequence[Tensor], features: Tensor, labels: Tensor) -> None:
    """Refuse weights, features and labels that do not make up one head and one batch.

    Not meant for a training loop: it reads every value, which waits for the device.

    Args:
        weights: one (n_l, n_{l-1}) matrix a layer, two or more layers.
        features: (B, n_0) with B of at least 1.
        labels: (B,) integers from 0 to n_L - 1.

    Raises:
        ValueError: if the shapes do not fit together, a value is infinite or NaN, or a label is no class.

    Example:
        >>> check_head([torch.ones(3, 2), torch.ones(4, 2)], torch.ones(5, 2), torch.zeros(5).long())
        Traceback (most recent call last):
            ...
        ValueError: layer 2: expected a weight of shape (n_2, 3), received (4, 2); give it one column ...
    """
    _check_features(features)
    _check_weights(weights, features.shape[1])
    _check_labels(labels, batch=features.shape[0], classes=weights[-1].shape[0])


def _check_features(features: Tensor) -> None:
    if features.ndim != 2 or features.numel() == 0:
        raise ValueError(
            f"features: expected shape (B, n_0) without a zero, received {tuple(features.shape)}; "
            "pool or flatten them to one row a sample"
        )
    _check_finite("features", features)


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
        _check_finite(f"layer {layer}", weight)
        inputs = weight.shape[0]


def _check_finite(name: str, values: Tensor) -> None:
    broken = int((~torch.isfinite(values)).sum())
    if broken:
        raise ValueError(
            f"{name}: expected finite values, received {broken} infinite or NaN of {values.numel()}; "
            "training has probably diverged, so lower the learning rate or skip this measurement"
        )


def _check_labels(labels: Tensor, *, batch: int, classes: int) -> None:
    if labels.shape != (batch,):
        raise ValueError(
            f"labels: expected shape ({batch},), received {tuple(labels.shape)}; "
            "give one class index for each row of the features"
        )
    if labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels: expected integers, received {labels.dtype}; convert them with .long()")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"labels: expected 0 to {classes - 1}, received {low} to {high}; "
            "number the classes from 0 and give the last layer one row for each"
        )
