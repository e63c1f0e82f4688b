"""The factors of a head that is a module: biases, dropout, batch normalisation, any activation."""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from neurocap_search.network_science.capacitance.factors import Errors, HeadFactors, back_propagate
from neurocap_search.network_science.capacitance.output_errors import Loss, output_errors
from neurocap_search.network_science.layers.checks import check_features, check_finite
from neurocap_search.network_science.layers.layer_tap import LayerTap
from neurocap_search.network_science.layers.weight_operator import WeightOperator


def module_factors(
    head: nn.Module,
    features: Tensor,
    targets: Tensor,
    *,
    loss: Loss = "cross_entropy",
    errors: Errors = "pre_activation",
    bias_edges: bool = False,
) -> HeadFactors:
    """Run a classification head forwards and backwards and keep the factors of its edges.

    The head is a chain of linear layers with elementwise functions between them: activations, dropout and
    batch normalisation, the last two as in evaluation mode (batch normalisation scales the gains, dropout
    does nothing). Whatever stands before the first linear layer belongs to the features. With ``bias_edges``
    a bias is a weight out of a constant node of output 1 and gain 0; else biases move the activations but
    are no edges.

    Not for layer normalisation between the layers, skip connections or convolutions: use
    ``network_capacitance``. A float64 copy of the head is run; the head itself is left as it was.

    Args:
        head: any module whose forward takes the features and gives (B, n_L).
        features: (B, n), any floating dtype; moved to the head's device.
        targets: class indices, (B,), or what ``output_errors`` takes for the loss.
        loss: see ``output_errors``.
        errors: "activation" leaves the gain out of the hidden layers' errors.
        bias_edges: whether biases are edges.

    Returns:
        The factors of the batch; with ``bias_edges``, constant nodes stand in the last columns.

    Raises:
        ValueError: naming the layer, if values are infinite or NaN, or if the head is no such chain.

    Example:
        >>> head = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 2))
        >>> factors = module_factors(head, torch.ones(5, 2), torch.zeros(5).long(), bias_edges=True)
        >>> [tuple(z.shape) for z in factors.outputs], factors.gains[0][0, -1].item()
        ([(5, 3), (5, 4)], 0.0)
    """
    check_features(features)
    with torch.inference_mode(mode=False), torch.autocast(features.device.type, enabled=False):
        copy = deepcopy(head).double().eval().requires_grad_(False)
        device = next(copy.parameters(), features).device
        layers, outputs = _run(copy, features.detach().to(device, torch.float64))
        gains = [_gain(layers, n) for n in range(1, len(layers))]
        seed = output_errors(outputs.detach(), targets.to(device), loss)
        (last,) = torch.autograd.grad(outputs, layers[-1].output, seed)
    weights = [layer.operator.weight for layer in layers]
    kept = back_propagate(weights, gains, last, errors)
    inputs = [layer.input.detach() for layer in layers]
    factors = HeadFactors(tuple(inputs), tuple(gains), tuple(kept), tuple(weights))
    return _with_constant_nodes(factors, layers) if bias_edges else factors


@dataclass(frozen=True, eq=False)
class _Layer:
    operator: WeightOperator
    input: Tensor
    output: Tensor


def _run(head: nn.Module, features: Tensor) -> tuple[list[_Layer], Tensor]:
    """Run the head cut at the outputs of its layers, each of them a leaf."""
    layers: list[_Layer] = []

    def layer(operator: WeightOperator, z: Tensor) -> Tensor:
        check_finite(f"layer {operator.name}", operator.weight)
        if z.ndim != 2:
            raise ValueError(
                f"layer {operator.name}: expected an input (B, n), received {tuple(z.shape)}; flatten it"
            )
        output = operator(z).detach().requires_grad_()
        layers.append(_Layer(operator, z, output))
        return output.clone()  # a clone, because an in-place activation may not overwrite a leaf

    with torch.enable_grad(), LayerTap(head, layer):
        outputs = head(features)
    if len(layers) < 2:
        raise ValueError(
            f"head: expected two or more linear layers, received {len(layers)}; "
            "a line graph needs edges that follow one another, so add a hidden layer"
        )
    return layers, outputs


def _gain(layers: list[_Layer], n: int) -> Tensor:
    """The slope of the elementwise function between two layers."""
    z, leaves = layers[n].input, [layer.output for layer in layers]
    names = f"between layers {layers[n - 1].operator.name} and {layers[n].operator.name}"
    if z.grad_fn is None or z.shape != leaves[n - 1].shape:
        raise ValueError(f"{names}: expected an elementwise function; give a plain chain of linear layers")
    ones = torch.autograd.grad(z.sum(), leaves, allow_unused=True, retain_graph=True)
    gain = ones[n - 1]
    if gain is None or any(other is not None for m, other in enumerate(ones) if m != n - 1):
        raise ValueError(f"{names}: expected a chain, received a skip connection; use network_capacitance")
    # An elementwise function alone keeps the slopes apart whatever the outputs are weighted with.
    places = torch.arange(z.shape[0], device=z.device)[:, None] + torch.arange(z.shape[1], device=z.device)
    signs = 1.0 - 2.0 * (places % 2).to(z)
    (apart,) = torch.autograd.grad(z, leaves[n - 1], signs, retain_graph=True)
    if not torch.allclose(apart, signs * gain, rtol=1e-9, atol=1e-12 * float(gain.abs().max())):
        raise ValueError(
            f"{names}: expected an elementwise function, received one that mixes nodes or samples "
            "(layer normalisation?); use network_capacitance"
        )
    return gain


def _with_constant_nodes(factors: HeadFactors, layers: list[_Layer]) -> HeadFactors:
    outputs, gains, errors = list(factors.outputs), list(factors.gains), list(factors.errors)
    weights = list(factors.weights)
    for n, layer in enumerate(layers):
        if layer.operator.bias is None:
            continue
        outputs[n] = pad(outputs[n], (0, 1), value=1.0)
        weights[n] = torch.cat([weights[n], layer.operator.bias[:, None]], dim=1)
        if n > 0:  # nothing leads to a constant node
            gains[n - 1], errors[n - 1] = pad(gains[n - 1], (0, 1)), pad(errors[n - 1], (0, 1))
            weights[n - 1] = pad(weights[n - 1], (0, 0, 0, 1))
    return HeadFactors(tuple(outputs), tuple(gains), tuple(errors), tuple(weights))
