"""Checks of the batch that proxies are given."""

from torch import Tensor

from neurocap_search.zero_cost.score import UndefinedScoreError


def check_inputs(inputs: Tensor) -> None:
    """Refuse inputs without a sample.

    Raises:
        ValueError: If there is none.

    Example:
        >>> import torch
        >>> check_inputs(torch.zeros(0, 3))
        Traceback (most recent call last):
            ...
        ValueError: inputs: expected shape (B, ...) with B of at least 1, received (0, 3); pass a batch.
    """
    if inputs.ndim == 0 or len(inputs) == 0:
        shape = tuple(inputs.shape)
        raise ValueError(
            f"inputs: expected shape (B, ...) with B of at least 1, received {shape}; pass a batch."
        )


def check_batch(inputs: Tensor, labels: Tensor) -> None:
    """Refuse inputs and labels that are not one integer label for each sample.

    Raises:
        ValueError: Saying what does not fit.

    Example:
        >>> import torch
        >>> check_batch(torch.zeros(2, 3), torch.tensor([0]))
        Traceback (most recent call last):
            ...
        ValueError: labels: expected 2 integers, one a sample, received torch.int64 of shape (1,); pass ...
    """
    check_inputs(inputs)
    integral = not (labels.is_floating_point() or labels.is_complex())
    if labels.shape != inputs.shape[:1] or not integral:
        raise ValueError(
            f"labels: expected {len(inputs)} integers, one a sample, received {labels.dtype} of shape "
            f"{tuple(labels.shape)}; pass the class of each sample."
        )


def check_classes(outputs: Tensor, labels: Tensor) -> None:
    """Refuse labels that the outputs (B, C) have no column for; on an accelerator they would end the process.

    Raises:
        ValueError: If a label is below 0 or not below C.

    Example:
        >>> import torch
        >>> check_classes(torch.zeros(1, 2), torch.tensor([2]))
        Traceback (most recent call last):
            ...
        ValueError: labels: expected classes from 0 to 1, received 2 to 2; give the network an output ...
    """
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= outputs.shape[1]:
        raise ValueError(
            f"labels: expected classes from 0 to {outputs.shape[1] - 1}, received {low} to {high}; give the "
            "network an output for each class."
        )


def require_real(inputs: Tensor) -> None:
    """Say that a proxy is not defined where inputs are no real numbers, such as indices of words.

    Raises:
        UndefinedScoreError: If they are not.

    Example:
        >>> import torch
        >>> require_real(torch.zeros(1))
    """
    if not inputs.is_floating_point():
        raise UndefinedScoreError(f"the inputs are {inputs.dtype}, not real numbers")
