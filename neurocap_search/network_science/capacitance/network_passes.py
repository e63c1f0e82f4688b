"""What one batch leaves at the weight layers of a network: errors, and both reaches of an all-ones layer."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurocap_search.network_science.capacitance.network_paths import Call, Paths
from neurocap_search.network_science.capacitance.output_errors import Loss, check_outputs, output_errors
from neurocap_search.network_science.layers.layer_tap import LayerTap, evaluation_mode
from neurocap_search.network_science.layers.weight_operator import WeightOperator


@dataclass(frozen=True, eq=False)
class LayerPass:
    """One weight layer as a batch ran through it, forwards and backwards.

    Attributes:
        operator: the layer.
        input: z, what it received.
        error: e, the gradient of the summed loss at its output.
        pulled: the sum over the layers m that follow without weights between of T' J_m' e_m, of the
            output's shape, T being the Jacobian of the path and J_m an all-ones layer m; None if none does.
        pushed: the sum over the layers l before it of T J_l z_l, of the input's shape; None if there is none.
        cancelled: names among "pulled" and "pushed" that vanish by structure and were set to zero.
        followers: numbers of the layers that follow without weights between.
    """

    operator: WeightOperator
    input: Tensor
    error: Tensor
    pulled: Tensor | None
    pushed: Tensor | None
    cancelled: tuple[str, ...]
    followers: tuple[int, ...]


def network_passes(
    network: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss = "cross_entropy"
) -> list[LayerPass]:
    """Run a batch through a network and return what beta_eff needs of each weight layer.

    One forward and one backward pass give inputs and errors. Then the paths between the layers are run
    again without the layers themselves: backwards with J' e, and forwards (forward-mode differentiation)
    with J z in their place. What a structure makes cancel (the errors of softmax with cross-entropy over
    the classes; layer normalisation, which takes away what is equal in all features) leaves rounding noise.
    It is told from a value by a second run of the same paths, in which random signs keep all from
    cancelling: where the largest value of the batch is at most 128 machine epsilons of the largest there, it
    is set to zero.

    Networks may overwrite activations in place; dropout does nothing.

    Args:
        network: any module whose forward takes one tensor and gives (B, n_L).
        inputs: (B, ...), in the network's dtype (float32 or float64) and on its device.
        targets: as ``output_errors`` takes them.
        loss: as ``output_errors`` takes it.

    Returns:
        A pass for each run of a weight layer, in order.

    Raises:
        ValueError: if a layer gives infinite or NaN values or half precision, outputs and targets do not
            fit, or an operation between the layers has no forward-mode derivative.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> [p.followers for p in network_passes(net, torch.ones(1, 2), torch.tensor([0]))]
        [(1,), ()]
    """
    off = torch.autocast(inputs.device.type, enabled=False)
    with torch.inference_mode(mode=False), off, evaluation_mode(network):
        run = Paths(network, inputs.detach(), _run(network, inputs.detach(), targets, loss))
        (pulled, reached), (pulled_apart, _) = (run.pull(signs=signs) for signs in (False, True))
        pushed = run.push()
        # The second run forwards costs a seventh of all; most networks show without it that nothing cancels.
        suspicious = _suspicious(run.calls, pushed, reached)
        pushed_apart = run.push(signs=True) if suspicious else [None] * len(pushed)
    passes = []
    for n, call in enumerate(run.calls):
        ways = {"pulled": (pulled[n], pulled_apart[n]), "pushed": (pushed[n], pushed_apart[n])}
        cancelled = tuple(way for way, (values, apart) in ways.items() if _is_noise(values, apart))
        pull, push = (_zero_if(way in cancelled, values) for way, (values, _) in ways.items())
        passes.append(LayerPass(call.operator, call.input, call.error, pull, push, cancelled, reached[n]))
    return passes


def _run(network: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> list[Call]:
    """One forward and one backward pass: inputs, outputs and errors of all layers."""
    ran: list[tuple[WeightOperator, Tensor, Tensor]] = []
    versions: list[int] = []
    copies = False

    def layer(operator: WeightOperator, z: Tensor) -> Tensor:
        operator = operator.detached()
        output = operator(z)
        _check_values(operator, z, output)
        ran.append((operator, z.detach().clone() if copies else z.detach(), output.requires_grad_()))
        versions.append(z._version)
        return output.clone()  # an in-place activation would overwrite the output

    with torch.enable_grad():
        for copies in (False, True):  # noqa: B007 - `layer` reads it
            ran.clear()
            versions.clear()
            with LayerTap(network, layer):
                outputs = network(inputs.clone())
            # Copies cost as much as the paths; few networks overwrite what a layer has read.
            if all(z._version == version for (_, z, _), version in zip(ran, versions, strict=True)):
                break
    if not ran:
        raise ValueError(
            "network: it ran no linear or convolution layer with weights of its own; use such layers, and "
            "no scripted modules"
        )
    check_outputs(outputs)
    seeds = output_errors(outputs.detach(), targets, loss)
    errors = torch.autograd.grad(outputs, [a for _, _, a in ran], seeds, allow_unused=True)
    return [
        Call(operator, z, a.detach(), torch.zeros_like(a) if e is None else e)
        for (operator, z, a), e in zip(ran, errors, strict=True)
    ]


def _suspicious(calls: list[Call], pushed: list[Tensor | None], reached: list[tuple[int, ...]]) -> bool:
    """Whether anything that arrives is under a thousandth of what the sizes of the activations suggest."""
    sent = [_largest(c.operator.ones_forward(c.input)) / (_largest(c.output) or 1.0) for c in calls]
    expected = [0.0] * len(calls)
    for n, followers in enumerate(reached):
        for m in followers:
            expected[m] = max(expected[m], sent[n])
    arrives = [(v, e * _largest(c.input)) for v, e, c in zip(pushed, expected, calls, strict=True)]
    return any(v is not None and _largest(v) <= 1e-3 * size for v, size in arrives)


def _is_noise(values: Tensor | None, apart: Tensor | None) -> bool:
    if values is None or apart is None or not values.numel():
        return False
    # Measured on transformers, ConvNeXt, Swin and perceptrons in both precisions: what cancels by structure
    # is at most 8 epsilons; the smallest value that is none, in ResNet and EfficientNet, is 8e-3.
    largest, uncancelled = _largest(values), _largest(apart)
    return uncancelled > 0.0 and largest <= 128 * torch.finfo(values.dtype).eps * uncancelled


def _largest(values: Tensor) -> float:
    low, high = values.aminmax()
    return max(-float(low), float(high))


def _zero_if(zero: bool, values: Tensor | None) -> Tensor | None:
    return torch.zeros_like(values) if zero and values is not None else values


def _check_values(operator: WeightOperator, z: Tensor, output: Tensor) -> None:
    if output.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"layer {operator.name}: expected float32 or float64, received {output.dtype}; half precision "
            "hides what cancels, so convert network and inputs with .float()"
        )
    if bool(torch.isfinite(output.detach().sum(dtype=torch.float64))):
        return
    for what, values in (("its weights", operator.weight), ("its input", z)):
        broken = int((~torch.isfinite(values)).sum())
        if broken:
            raise ValueError(
                f"layer {operator.name}: expected finite values, received {broken} infinite or NaN of "
                f"{values.numel()} in {what}; training has probably diverged, so lower the learning rate"
            )
    raise ValueError(f"layer {operator.name}: its output overflows; normalise the inputs or use float64")
