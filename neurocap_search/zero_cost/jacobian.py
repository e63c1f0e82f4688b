"""Jacob_cov: how differently the network treats the samples of a batch, to first order."""

import torch
from torch import Tensor, nn

from neurocap_search.zero_cost.checks import check_inputs, require_real
from neurocap_search.zero_cost.network_copy import NetworkCopy
from neurocap_search.zero_cost.score import UndefinedScoreError, scored

_FLOOR = 1e-5
"""The k of the source: a bound for what a single eigenvalue can cost."""


@scored
@torch.enable_grad()
def jacob_cov(model: nn.Module, inputs: Tensor) -> float:
    r"""Score of the correlations between the samples' Jacobians.

    With the gradient :math:`J_i` of the sum of all outputs with respect to sample i, and the eigenvalues
    :math:`\nu` of the correlation matrix of the rows :math:`J_i`,

    .. math:: -\sum_i \log(\nu_i + k) + \frac{1}{\nu_i + k}, \qquad k = 10^{-5}.

    It is largest, near -B, where no two samples' Jacobians are alike.

    When not to use it: to compare batches of different sizes; and a single pair of like samples decides it.

    Source: arXiv 2006.04647, first version; arXiv 2101.08134, section 3.2.

    Args:
        model: A network from inputs to outputs (B, C).
        inputs: (B, ...) real numbers, on the model's device.

    Returns:
        The score; NaN with a reason if the outputs do not depend on some sample.

    Raises:
        ValueError: If there is no sample.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU())
        >>> _ = nn.init.eye_(net[0].weight)
        >>> x = torch.tensor([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]])  # Jacobians of correlation 0
        >>> round(jacob_cov(net, x), 3)
        -2.0
        >>> jacob_cov(nn.Sequential(nn.Flatten()), torch.eye(2)).reason
        'the gradient is the same for every input value of 2 samples'
    """
    check_inputs(inputs)
    require_real(inputs)
    samples = inputs.detach().clone().requires_grad_()
    outputs = NetworkCopy(model)(samples)
    if not outputs.requires_grad:
        raise UndefinedScoreError("the outputs do not depend on the inputs")
    (jacobian,) = torch.autograd.grad(outputs.sum(), samples, allow_unused=True, materialize_grads=True)
    eigenvalues = torch.linalg.eigvalsh(_correlations(jacobian.flatten(1).cpu().double()))
    bounded = eigenvalues.clamp_min(0) + _FLOOR  # rounding makes zeros negative
    return -float((bounded.log() + 1 / bounded).sum())


def _correlations(rows: Tensor) -> Tensor:
    """Return the correlation matrix of the rows."""
    deviations = rows - rows.mean(dim=1, keepdim=True)
    lengths = torch.linalg.vector_norm(deviations, dim=1, keepdim=True)
    flat = int((lengths <= 1e-12 * torch.linalg.vector_norm(rows, dim=1, keepdim=True)).sum())
    if flat:
        raise UndefinedScoreError(f"the gradient is the same for every input value of {flat} samples")
    unit: Tensor = deviations / lengths
    return unit @ unit.T
