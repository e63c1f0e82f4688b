"""The errors at the outputs of a network, where back-propagation begins."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

Loss = Literal["cross_entropy", "elementwise_softmax", "squared_error", "binary_cross_entropy"]
"""What is put on the outputs a_L; see ``output_errors``."""


def output_errors(outputs: Tensor, targets: Tensor, loss: Loss = "cross_entropy") -> Tensor:
    """Compute the errors e_L = dC_s/da_L of each sample's own loss, not divided by the batch size.

    With p the softmax of the outputs a, s their sigmoid and y the target (one-hot for a class):

    - ``cross_entropy``: softmax and cross-entropy, e = p - y. These errors sum to zero in each sample,
      so that a head needs four weight layers for a beta_eff.
    - ``elementwise_softmax``: the same with the diagonal of the softmax's Jacobian only, e_y = p_y - 1 and
      zero elsewhere; not the gradient of any loss.
    - ``squared_error``: linear outputs and half the squared error, e = a - y.
    - ``binary_cross_entropy``: sigmoid outputs and binary cross-entropy, e = s - y.

    Args:
        outputs: a_L, (B, n_L).
        targets: class indices, (B,), or for the last two values of the outputs' shape.
        loss: one of the four.

    Returns:
        (B, n_L), in the dtype of the outputs.

    Raises:
        ValueError: if the outputs are not finite or not (B, n_L), a target does not fit or the loss is
            unknown.

    Example:
        >>> errors = output_errors(torch.zeros(1, 2), torch.tensor([1]))
        >>> errors.tolist()
        [[0.5, -0.5]]
    """
    if loss not in get_args(Loss):
        raise ValueError(f"loss: expected one of {', '.join(get_args(Loss))}, received {loss!r}")
    check_outputs(outputs)
    if loss in ("cross_entropy", "elementwise_softmax"):
        check_labels(targets, batch=outputs.shape[0], classes=outputs.shape[1])
        errors = _softmax_errors(outputs, targets.long().unsqueeze(1))
        return errors if loss == "cross_entropy" else errors.minimum(errors.new_zeros(()))
    values = torch.sigmoid(outputs) if loss == "binary_cross_entropy" else outputs
    return values - _dense(targets, outputs)


def _softmax_errors(outputs: Tensor, index: Tensor) -> Tensor:
    # p_y - 1 would lose all digits of a confident head; minus the other classes' sum keeps them.
    others = torch.softmax(outputs, dim=1).scatter(1, index, 0.0)
    return others.scatter(1, index, -others.sum(dim=1, keepdim=True))


def _dense(targets: Tensor, outputs: Tensor) -> Tensor:
    if targets.shape == outputs.shape:
        if not bool(torch.isfinite(targets).all()):
            raise ValueError("targets: expected finite values, received infinite or NaN; mend the data")
        return targets.to(outputs)
    check_labels(targets, batch=outputs.shape[0], classes=outputs.shape[1])
    return functional.one_hot(targets.long(), outputs.shape[1]).to(outputs)


def check_outputs(outputs: object) -> None:
    """Refuse outputs that are no tensor, not (B, n_L) or not finite.

    Raises:
        ValueError: saying which.

    Example:
        >>> check_outputs(torch.zeros(3))
        Traceback (most recent call last):
            ...
        ValueError: outputs: expected shape (B, n_L), received (3,); give one row of logits for each sample
    """
    if not isinstance(outputs, Tensor):
        raise ValueError(
            f"outputs: expected a tensor (B, n_L), received {type(outputs).__name__}; "
            "wrap the network in a module that returns the logits alone"
        )
    if outputs.ndim != 2 or outputs.numel() == 0:
        received = tuple(outputs.shape)
        raise ValueError(
            f"outputs: expected shape (B, n_L), received {received}; give one row of logits for each sample"
        )
    if not bool(torch.isfinite(outputs).all()):
        raise ValueError("logits: expected finite values, received an overflow; normalise the features")


def check_labels(labels: Tensor, *, batch: int, classes: int) -> None:
    """Refuse labels that are not one class index for each sample.

    Args:
        labels: (B,) integers from 0 to classes - 1.
        batch: B.
        classes: number of classes.

    Raises:
        ValueError: saying what is wrong.

    Example:
        >>> check_labels(torch.tensor([3]), batch=1, classes=3)
        Traceback (most recent call last):
            ...
        ValueError: labels: expected 0 to 2, received 3 to 3; number the classes from 0 and give the last ...
    """
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
