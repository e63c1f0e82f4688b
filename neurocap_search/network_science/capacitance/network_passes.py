"""What one batch leaves at the weight layers of a network: errors, and both reaches of an all-ones layer."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurocap_search.network_science.capacitance.network_paths import Call, pull, push
from neurocap_search.network_science.capacitance.output_errors import Loss, output_errors
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
    It is recognised on the first sample, beside a second run of the same paths in which random signs keep all
    from cancelling, and set to zero where its norm is at most sqrt(machine epsilon) of that.

    Args:
        network: any module whose forward takes one tensor and gives (B, n_L).
        inputs: (B, ...), in the network's dtype and on its device.
        targets: as ``output_errors`` takes them.
        loss: as ``output_errors`` takes it.

    Returns:
        A pass for each run of a weight layer, in order.

    Raises:
        ValueError: if a layer gives infinite or NaN values, or outputs and targets do not fit.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> [p.followers for p in network_passes(net, torch.ones(1, 2), torch.tensor([0]))]
        [(1,), ()]
    """
    off = torch.autocast(inputs.device.type, enabled=False)
    with torch.inference_mode(mode=False), off, evaluation_mode(network):
        calls = _run(network, inputs.detach(), targets, loss)
        cancelled = _cancelled(network, inputs[:1].detach(), targets[:1], loss)
        pulled, reached = pull(network, inputs, calls)
        pushed = push(network, inputs, calls)
    return [
        LayerPass(
            call.operator,
            call.input,
            call.error,
            _zero_if("pulled" in cancelled[n], pulled[n]),
            _zero_if("pushed" in cancelled[n], pushed[n]),
            cancelled[n],
            reached[n],
        )
        for n, call in enumerate(calls)
    ]


def _run(network: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> list[Call]:
    """One forward and one backward pass: inputs, outputs and errors of all layers."""
    ran: list[tuple[WeightOperator, Tensor, Tensor]] = []

    def layer(operator: WeightOperator, z: Tensor) -> Tensor:
        operator = operator.detached()
        output = operator(z)
        _check_finite(operator, z, output)
        ran.append((operator, z.detach(), output if output.requires_grad else output.requires_grad_()))
        return output.clone()  # an in-place activation would overwrite the output

    with torch.enable_grad(), LayerTap(network, layer):
        outputs = network(inputs)
    if not ran:
        raise ValueError(
            "network: it ran no linear or convolution layer with weights of its own; use such layers"
        )
    seeds = output_errors(outputs.detach(), targets, loss)
    errors = torch.autograd.grad(outputs, [a for _, _, a in ran], seeds, allow_unused=True)
    return [
        Call(operator, z, a.detach(), torch.zeros_like(a) if e is None else e)
        for (operator, z, a), e in zip(ran, errors, strict=True)
    ]


def _cancelled(network: nn.Module, sample: Tensor, target: Tensor, loss: Loss) -> list[tuple[str, ...]]:
    """Tell what vanishes by structure: on one sample it is noise beside the same with random signs."""
    calls = _run(network, sample, target, loss)
    (pulled, _), (pulled_apart, _) = (pull(network, sample, calls, signs=signs) for signs in (False, True))
    pushed, pushed_apart = (push(network, sample, calls, signs=signs) for signs in (False, True))
    return [
        ("pulled",) * _is_noise(pulled[n], pulled_apart[n])
        + ("pushed",) * _is_noise(pushed[n], pushed_apart[n])
        for n in range(len(calls))
    ]


def _is_noise(values: Tensor | None, apart: Tensor | None) -> bool:
    if values is None or apart is None or not bool(apart.norm() > 0):
        return False
    return bool(values.norm() <= torch.finfo(values.dtype).eps ** 0.5 * apart.norm())


def _zero_if(zero: bool, values: Tensor | None) -> Tensor | None:
    return torch.zeros_like(values) if zero and values is not None else values


def _check_finite(operator: WeightOperator, z: Tensor, output: Tensor) -> None:
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
