"""Proxies from the gradient of the loss with respect to the weights."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neurocap_search.zero_cost.checks import check_batch, check_classes
from neurocap_search.zero_cost.network_copy import NetworkCopy
from neurocap_search.zero_cost.score import UndefinedScoreError, scored

_ROUNDING = 4
"""Spacings by which a gradient may deviate though nothing varies.

No more, for a layer's sum hangs on its steadiest weights: 16 already leave out some of real networks.
"""


@scored
@torch.enable_grad()
def grad_norm(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    r"""Sum over the layers of the Euclidean norm of the gradient of the loss.

    .. math:: \sum_l \lVert \partial L / \partial W_l \rVert_2

    over the trainable weights of two or more dimensions, L being the mean cross-entropy of the batch.

    When not to use it: beside networks of other depths, for each layer adds to the sum.

    Source: arXiv 2101.08134, section 3.2.

    Args:
        model: A classifier, from inputs to logits (B, C).
        inputs: (B, ...), on the model's device.
        labels: (B,) integers from 0 to C - 1.

    Returns:
        The score; NaN with a reason if no weight can be trained.

    Raises:
        ValueError: If inputs and labels do not go together.

    Example:
        >>> net = nn.Linear(1, 2, bias=False)
        >>> _ = nn.init.zeros_(net.weight)
        >>> round(grad_norm(net, torch.tensor([[2.0]]), torch.tensor([0])), 4)  # gradient (-1, 1)
        1.4142
    """
    _, gradients = _loss_gradients(NetworkCopy(model), inputs, labels)
    return sum(float(torch.linalg.vector_norm(gradient.double())) for gradient in gradients)


@scored
@torch.enable_grad()
def snip(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    r"""Sum over the weights of how much the loss changes, to first order, when a weight is removed.

    .. math:: \sum_{l, i} \lvert w_{l,i} \, \partial L / \partial w_{l,i} \rvert

    over the trainable weights of two or more dimensions, L being the mean cross-entropy of the batch.

    When not to use it: on weights that were initialised at different scales.

    Source: arXiv 1810.02340 (for single weights), arXiv 2101.08134, section 3.2 (for networks).

    Args:
        model: A classifier, from inputs to logits (B, C).
        inputs: (B, ...), on the model's device.
        labels: (B,) integers from 0 to C - 1.

    Returns:
        The score; NaN with a reason if no weight can be trained.

    Raises:
        ValueError: If inputs and labels do not go together.

    Example:
        >>> net = nn.Linear(1, 2, bias=False)
        >>> _ = nn.init.constant_(net.weight, 3.0)
        >>> snip(net, torch.tensor([[2.0]]), torch.tensor([0]))
        6.0
    """
    weights, gradients = _loss_gradients(NetworkCopy(model), inputs, labels)
    pairs = zip(weights, gradients, strict=True)
    return sum(float((weight.detach() * gradient).abs().double().sum()) for weight, gradient in pairs)


@scored
@torch.enable_grad()
def zico(model: nn.Module, inputs: Tensor, labels: Tensor, *, batches: int = 2) -> float:
    r"""Zero-shot inverse coefficient of variation: how steady the gradient is from batch to batch.

    .. math:: \sum_l \log \sum_i \frac{E[\lvert \partial L / \partial w_{l,i} \rvert]}
        {\sqrt{\operatorname{Var}(\partial L / \partial w_{l,i})}}

    with mean and (population) variance over the batches, of which the inputs are cut in order. Weights
    whose gradient does not vary by more than rounding are left out, and so are layers of nothing else. The
    authors' code adds the gradients of the batches up instead of taking each by itself; this is the formula.
    Behind many layers a gradient is rounded by far more than its own spacing, and that counts as variation.

    When not to use it: beside networks of other depths, for each layer adds to the sum.

    Source: arXiv 2301.11300, equation 15; two batches as there.

    Args:
        model: A classifier, from inputs to logits (B, C).
        inputs: (B, ...), on the model's device.
        labels: (B,) integers from 0 to C - 1.
        batches: Number of batches, at least 2 and at most B.

    Returns:
        The score; NaN with a reason if no gradient varies.

    Raises:
        ValueError: If inputs and labels do not go together, or there are fewer samples than batches.

    Example:
        >>> net = nn.Linear(1, 2, bias=False)
        >>> _ = nn.init.zeros_(net.weight)
        >>> x, y = torch.tensor([[2.0], [6.0]]), torch.tensor([0, 0])  # gradients (-1, 1) and (-3, 3)
        >>> round(zico(net, x, y), 4)  # log(2 / 1 + 2 / 1)
        1.3863
    """
    check_batch(inputs, labels)
    if not 2 <= batches <= len(inputs):
        raise ValueError(
            f"batches: expected 2 to {len(inputs)}, the number of samples, received {batches}; "
            "pass more samples."
        )
    network = NetworkCopy(model)
    parts = zip(inputs.tensor_split(batches), labels.tensor_split(batches), strict=True)
    gradients = [_loss_gradients(network, x, y)[1] for x, y in parts]
    steadiness = [_steadiness(torch.stack(layer)) for layer in zip(*gradients, strict=True)]
    logs = [float(total.log()) for total in steadiness if total > 0]
    if not logs:
        raise UndefinedScoreError("no weight has a gradient that varies from batch to batch")
    return sum(logs)


def _steadiness(gradients: Tensor) -> Tensor:
    """Return the sum over a layer's weights of mean size over deviation; gradients are (batches, *weight)."""
    deviation = gradients.double().std(dim=0, correction=0)
    size = gradients.double().abs().mean(dim=0)
    varies = deviation > _ROUNDING * torch.finfo(gradients.dtype).eps * size
    return (size[varies] / deviation[varies]).sum()


def _loss_gradients(
    network: NetworkCopy, inputs: Tensor, labels: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the weights and the gradient of the mean cross-entropy with respect to each."""
    check_batch(inputs, labels)
    outputs = network(inputs.detach().clone())
    check_classes(outputs, labels)
    return network.weights, network.gradients(cross_entropy(outputs, labels.long()))
