"""What labels must be, in the words of somebody who trains a model."""

import torch
from torch import Tensor


def check_labels(labels: Tensor) -> None:
    """Raise ValueError unless labels are whole numbers of shape (B,)."""
    whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype is torch.bool)
    if labels.ndim != 1 or not len(labels) or not whole:
        raise ValueError(
            f"labels: expected class indices of shape (B,), received shape {tuple(labels.shape)} of "
            f"{labels.dtype}; give one whole number for each sample"
        )


def check_classes(labels: Tensor, classes: int, features: Tensor) -> None:
    """Raise ValueError unless there is one label from 0 to ``classes`` - 1 for each row of the features."""
    if features.ndim < 2 or len(features) != len(labels):
        raise ValueError(
            f"labels: received {len(labels)} labels for features of shape {tuple(features.shape)}; give one "
            "label for each sample of the batch"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        wrong = low if low < 0 else high
        raise ValueError(
            f"labels: expected class indices from 0 to {classes - 1}, received {wrong}; number the classes "
            "from 0 as the model's outputs are"
        )
