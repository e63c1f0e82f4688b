"""beta_eff of the line graph in which every dependence between weights counts: the Hessian."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from neurocap_search.network_science.capacitance.closed_form import Capacitance, Sums, concluded, degree_sums
from neurocap_search.network_science.capacitance.degeneracy import RELATIVE_TOLERANCE
from neurocap_search.network_science.capacitance.output_errors import Loss, check_outputs, output_errors
from neurocap_search.network_science.layers.checks import check_finite
from neurocap_search.network_science.layers.layer_tap import LayerTap
from neurocap_search.network_science.layers.weight_operator import WeightOperator

Extent = Literal["blocks", "full"]
"""Only the blocks of consecutive layers, or all of the Hessian."""


def hessian_capacitance(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    extent: Extent = "blocks",
    loss: Loss = "cross_entropy",
    rtol: float = RELATIVE_TOLERANCE,
) -> Capacitance:
    """Compute beta_eff of P = -H, H being the Hessian of the mean loss with respect to the weights.

    Where node states are not held fixed, the influence of a weight q on the descent of a weight p is
    -d2C/dw_p dw_q. With ``extent="blocks"`` P has the blocks (layer l, layer l + 1) only and so is directed,
    like the usual line graph: one product h_m = H 1_m with the indicator of each layer m gives
    Din_l = -(h_{l+1})_l and Dout_{l+1} = -(h_l)_{l+1}. With ``extent="full"`` one product suffices:
    N = |H1|^2, D = -1'H1. One reading of arXiv 2201.04194, which leaves the choice open.

    Not for large networks: a product costs two passes forwards and backwards, and the memory of both. Not
    where the activation is piecewise linear and the curvature it hides matters: PyTorch's second derivative
    of ReLU is zero. Layers count in the order in which they run; biases are held fixed.

    Args:
        network: a head or any module whose forward gives (B, n_L); run as a float64 copy in evaluation mode.
        inputs: (B, ...), any floating dtype; moved to the network's device.
        targets: class indices, (B,), or what ``output_errors`` takes for the loss.
        extent: "blocks" or "full".
        loss: "cross_entropy", "squared_error" or "binary_cross_entropy".
        rtol: share of the same sums over products with random signs below which a sum counts as zero.

    Returns:
        beta_eff in the unit of the loss; NaN, with a reason, where one of its sums is rounding noise.

    Raises:
        ValueError: if there are fewer than two layers, values are not finite, or an option is unknown.

    Example:
        >>> head = nn.Sequential(*[nn.Linear(3, 3, bias=False) for _ in range(4)])
        >>> hessian_capacitance(head, torch.eye(3), torch.arange(3)).reason is None
        True
    """
    terms = hessian_terms(network, inputs, targets, extent=extent, loss=loss)
    return concluded(*terms.sums(len(inputs)), scale=1.0, rtol=rtol, depth=None)


class HessianTerms(NamedTuple):
    """Sums over samples that N and D are formed of; they add up over batches.

    Attributes:
        plain: D, then Din and Dout of each layer.
        apart: their sizes in products with random signs, in which nothing cancels by structure.

    Example:
        >>> HessianTerms([torch.tensor(-2.0)], [torch.tensor(2.0)]).sums(1)
        ((0.0, -2.0), (0.0, 2.0))
    """

    plain: list[Tensor]
    apart: list[Tensor]

    def sums(self, samples: int) -> tuple[Sums, Sums]:
        """Return N and D, and what they are judged beside."""
        return degree_sums(self.plain, samples), degree_sums(self.apart, samples)


def hessian_terms(
    network: nn.Module, inputs: Tensor, targets: Tensor, *, extent: Extent, loss: Loss
) -> HessianTerms:
    """Compute the products of the Hessian that beta_eff needs; see :func:`hessian_capacitance`.

    Example:
        >>> head = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
        >>> terms = hessian_terms(head, torch.eye(2), torch.arange(2), extent="full", loss="squared_error")
        >>> len(terms.plain)
        5
    """
    if extent not in get_args(Extent):
        raise ValueError(f"extent: expected blocks or full, received {extent!r}")
    with torch.inference_mode(mode=False):
        copy = deepcopy(network).double().eval().requires_grad_(False)
        device = next(copy.parameters(), inputs).device
        inputs, targets = inputs.detach().clone().to(device), targets.to(device)
    if inputs.is_floating_point():
        check_finite("inputs", inputs)
        inputs = inputs.double()
    weights = [parameter.requires_grad_() for parameter in _weights(copy, inputs)]
    degrees = _block_degrees if extent == "blocks" else _full_degrees
    # Only the plain kernel of attention has a second derivative.
    with torch.inference_mode(mode=False), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        total = _total_loss(copy(inputs), targets, loss)
        gradients = torch.autograd.grad(total, weights, create_graph=True)
        curvature = _Curvature(weights, gradients)
        plain, apart = (degrees(curvature, draw) for draw in (_ones, _random_signs))
    return HessianTerms(_terms(plain), _terms([(d.abs(), e.abs()) for d, e in apart]))


Degrees = list[tuple[Tensor, Tensor]]
"""Din and Dout of each layer."""

Draw = Callable[[Tensor, int], Tensor]
"""A vector of a layer's shape, given the layer's number."""


class _Curvature(NamedTuple):
    """The Hessian of the summed loss as an operator."""

    weights: list[Tensor]
    gradients: Sequence[Tensor]

    def times(self, layers: Iterable[int], draw: Draw) -> list[Tensor]:
        """H v for a vector that lives on some of the layers."""
        chosen = list(layers)
        directions = [draw(self.weights[m], m) for m in chosen]
        directed = [self.gradients[m] for m in chosen]
        return list(
            torch.autograd.grad(directed, self.weights, directions, retain_graph=True, materialize_grads=True)
        )


def _block_degrees(curvature: _Curvature, draw: Draw) -> Degrees:
    depth = len(curvature.weights)
    h = [curvature.times([m], draw) for m in range(depth)]
    zeros = [torch.zeros_like(weight) for weight in curvature.weights]
    received = [-h[n + 1][n] if n + 1 < depth else zeros[n] for n in range(depth)]
    sent = [-h[n - 1][n] if n > 0 else zeros[n] for n in range(depth)]
    return list(zip(received, sent, strict=True))


def _full_degrees(curvature: _Curvature, draw: Draw) -> Degrees:
    return [(-h, -h) for h in curvature.times(range(len(curvature.weights)), draw)]


def _terms(degrees: Degrees) -> list[Tensor]:
    total = torch.stack([received.sum() for received, _ in degrees]).sum()
    return [total, *(values for pair in degrees for values in pair)]


def _ones(weight: Tensor, layer: int) -> Tensor:
    return torch.ones_like(weight)


def _random_signs(weight: Tensor, layer: int) -> Tensor:
    generator = torch.Generator(weight.device).manual_seed(layer)
    return torch.empty_like(weight).bernoulli_(0.5, generator=generator).mul_(2.0).sub_(1.0)


def _weights(network: nn.Module, inputs: Tensor) -> list[Tensor]:
    found: dict[int, WeightOperator] = {}

    def layer(operator: WeightOperator, z: Tensor) -> Tensor:
        found[id(operator.weight)] = operator
        return operator(z)

    with torch.inference_mode(mode=False), torch.no_grad(), LayerTap(network, layer):
        network(inputs)
    if len(found) < 2:
        raise ValueError(
            f"network: expected two or more weight layers, received {len(found)}; add a hidden layer"
        )
    for operator in found.values():
        check_finite(f"layer {operator.name}", operator.weight)
    return [operator.weight for operator in found.values()]


def _total_loss(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """The loss summed over samples; its gradient at the outputs is that of ``output_errors``."""
    check_outputs(outputs)
    output_errors(outputs.detach(), targets, loss)  # refuses what does not fit
    if loss == "cross_entropy":
        return functional.cross_entropy(outputs, targets.long(), reduction="sum")
    if loss == "elementwise_softmax":
        raise ValueError("loss: elementwise_softmax is the gradient of no loss; use cross_entropy")
    dense = (
        targets if targets.shape == outputs.shape else functional.one_hot(targets.long(), outputs.shape[1])
    )
    if loss == "squared_error":
        return functional.mse_loss(outputs, dense.to(outputs), reduction="sum") / 2
    return functional.binary_cross_entropy_with_logits(outputs, dense.to(outputs), reduction="sum")
