"""Synflow: how much of a positive signal the network lets through."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from neurocap_search.zero_cost.checks import check_inputs, require_real
from neurocap_search.zero_cost.network_copy import NetworkCopy
from neurocap_search.zero_cost.score import UndefinedScoreError, scored

_NORMALISATIONS = {functional.batch_norm, functional.layer_norm, functional.group_norm}
_NORMALISATIONS |= {functional.instance_norm, functional.rms_norm}


@scored
@torch.enable_grad()
def synflow(model: nn.Module, inputs: Tensor) -> float:
    r"""Logarithm of the synaptic flow: of each weight's share in the network's response to ones.

    All parameters are replaced by their absolute values, normalisations are passed over, the input is one
    sample of ones, R is the sum of the outputs, and

    .. math:: \log \sum_{l, i} \lvert w_{l,i} \, \partial R / \partial w_{l,i} \rvert

    over the trainable weights of two or more dimensions. It is computed in float64. The source gives the sum
    itself; it runs over hundreds of orders of magnitude, and published tables (arXiv 2210.03230) hold its
    logarithm. Passing over batch normalisation is the authors'; the other normalisations are treated alike.

    When not to use it: for activations other than ReLU and its kin it only follows the recipe. It grows with
    depth and width whatever the data, which it never sees. Not on a device without float64.

    Source: arXiv 2006.05467 (for single weights), arXiv 2101.08134, section 3.2 (for networks).

    Args:
        model: A network from inputs to outputs (B, C).
        inputs: (B, ...); only the shape of a sample and the device matter.

    Returns:
        The score; NaN with a reason if nothing flows.

    Raises:
        ValueError: If there is no sample.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False))
        >>> _ = [nn.init.constant_(weight, -0.5) for weight in net.parameters()]
        >>> round(synflow(net, torch.zeros(1, 2)), 4)  # R = 2 * 3 / 4, counted by both layers: log 3
        1.0986
    """
    check_inputs(inputs)
    require_real(inputs)
    network = NetworkCopy(model, prepare=lambda tensor: tensor.double().abs(), batch_statistics=False)
    with _WithoutNormalisation():
        response = network(torch.ones_like(inputs[:1], dtype=torch.float64))
    gradients = network.gradients(response.sum())
    pairs = zip(network.weights, gradients, strict=True)
    flow = sum(float((weight.detach() * gradient).abs().sum()) for weight, gradient in pairs)
    if flow == 0:
        raise UndefinedScoreError("nothing flows through the network: every path is cut")
    return math.log(flow)


class _WithoutNormalisation(TorchFunctionMode):
    """A context in which normalisations return their input."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _NORMALISATIONS:
            return args[0] if args else kwargs["input"]
        return func(*args, **kwargs)
