"""The three factors of every edge interaction: node outputs, gains and back-propagated errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from neurocap_search.network_science.capacitance.output_errors import Loss, output_errors
from neurocap_search.network_science.layers.checks import check_head

Errors = Literal["pre_activation", "activation"]
"""Whether e_l is dC/da_l, or dC/dz_l without the slope of the layer's own activation."""


@dataclass(frozen=True, eq=False)
class HeadFactors:
    """What one forward and one backward pass leave at the nodes of a head of L weight layers.

    Build it with :func:`head_factors` or, for a module, with ``module_factors``. By hand only for a loss of
    your own: the sums in ``neural_capacitance`` are those of any loss.

    Attributes:
        outputs: Z_0 .. Z_{L-1}, each (B, n_l); Z_0 is the features.
        gains: U_1 .. U_{L-1}, each (B, n_l): the activation's slope at each hidden node.
        errors: E_1 .. E_L, each (B, n_l): dC_s/da_l of each sample's own loss, not divided by B.
        weights: W_1 .. W_L, each (n_l, n_{l-1}); needed by the weighted form only.

    All are float64 and without unit; the errors scale with the loss.

    Raises:
        ValueError: if the numbers of outputs, gains and errors do not belong to one head.

    Example:
        >>> one = torch.ones(1, 1, dtype=torch.float64)
        >>> HeadFactors((one, one), (one,), (one, one)).depth
        2
    """

    outputs: tuple[Tensor, ...]
    gains: tuple[Tensor, ...]
    errors: tuple[Tensor, ...]
    weights: tuple[Tensor, ...] = ()

    def __post_init__(self) -> None:
        received = (len(self.outputs), len(self.gains), len(self.errors))
        depth = max(2, received[2])
        if received != (depth, depth - 1, depth):
            raise ValueError(
                f"expected L outputs, L - 1 gains and L errors with L of at least 2, received {received}; "
                "give the features, then one entry a layer"
            )

    @property
    def depth(self) -> int:
        """The number of weight layers, L."""
        return len(self.errors)


def head_factors(
    weights: Sequence[Tensor],
    activation: Callable[[Tensor], Tensor],
    features: Tensor,
    targets: Tensor,
    *,
    loss: Loss = "cross_entropy",
    errors: Errors = "pre_activation",
) -> HeadFactors:
    """Run a bias-free multilayer perceptron forwards and backwards and keep the factors of its edges.

    With a_l = z_{l-1} W_l', z_l = s(a_l) and u_l = s'(a_l), the errors follow from those at the output and
    e_l = u_l * (e_{l+1} W_{l+1}) (arXiv 2201.04194). All is float64, on the features' device; no ``.grad`` is
    touched and no graph is kept.

    Not for a head with biases, dropout, normalisation between its layers or several activations: use
    ``module_factors``. Nor on a device without float64: move the features to the CPU first.

    Args:
        weights: W_1 .. W_L, each (n_l, n_{l-1}), any floating dtype and device.
        activation: the elementwise s of all hidden layers; its slope is taken by autograd.
        features: Z_0, (B, n_0).
        targets: class indices, (B,), from 0 to n_L - 1, or what ``output_errors`` takes for the loss.
        loss: see ``output_errors``.
        errors: "activation" leaves u_l out of the hidden layers' e_l.

    Returns:
        The factors of the batch.

    Raises:
        ValueError: if shapes do not fit, a value is infinite or NaN, a label is no class, the activation
            changes the shape, or the logits overflow.

    Example:
        >>> weights = [torch.eye(2), torch.eye(2)]
        >>> factors = head_factors(weights, torch.relu, torch.tensor([[1.0, -1.0]]), torch.tensor([0]))
        >>> factors.gains[0].tolist()
        [[1.0, 0.0]]
        >>> [[round(e, 4) for e in row] for row in factors.errors[1].tolist()]
        [[-0.2689, 0.2689]]
    """
    with torch.inference_mode(mode=False), torch.no_grad():
        features, targets = features.detach().double(), targets.to(features.device)
        weights = [weight.detach().to(features) for weight in weights]
        check_head(weights, features)
        outputs, gains = _forward(weights[:-1], activation, features)
        last = output_errors(outputs[-1] @ weights[-1].T, targets, loss)
        kept = back_propagate(weights, gains, last, errors)
    return HeadFactors(tuple(outputs), tuple(gains), tuple(kept), tuple(weights))


def back_propagate(
    weights: Sequence[Tensor], gains: Sequence[Tensor], last: Tensor, errors: Errors = "pre_activation"
) -> list[Tensor]:
    """Return the errors E_1 .. E_L of a head, given those of its last layer.

    Args:
        weights: W_1 .. W_L.
        gains: U_1 .. U_{L-1}.
        last: E_L, (B, n_L).
        errors: which errors of the hidden layers are returned.

    Raises:
        ValueError: if it is neither of the two.

    Example:
        >>> one, two = torch.ones(1, 1), 2 * torch.ones(1, 1)
        >>> [float(e) for e in back_propagate([one, two], [3 * one], one)]
        [6.0, 1.0]
        >>> [float(e) for e in back_propagate([one, two], [3 * one], one, "activation")]
        [2.0, 1.0]
    """
    if errors not in get_args(Errors):
        raise ValueError(f"errors: expected one of {', '.join(get_args(Errors))}, received {errors!r}")
    kept, e = [last], last
    for gain, weight in zip(reversed(gains), reversed(weights[1:]), strict=True):
        delta = e @ weight
        e = gain * delta
        kept.insert(0, e if errors == "pre_activation" else delta)
    return kept


def _forward(
    weights: Sequence[Tensor], activation: Callable[[Tensor], Tensor], features: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    outputs, gains = [features], []
    for weight in weights:
        output, gain = _activate(activation, outputs[-1] @ weight.T)
        outputs.append(output)
        gains.append(gain)
    return outputs, gains


def _activate(activation: Callable[[Tensor], Tensor], a: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        a.requires_grad_()
        z = activation(a.clone())  # a clone, because an in-place activation may not overwrite a leaf
        if z.shape != a.shape:
            raise ValueError(
                f"activation: expected shape {tuple(a.shape)} back, received {tuple(z.shape)}; "
                "use an elementwise function such as torch.relu"
            )
        (gain,) = torch.autograd.grad(z.sum(), a)
    return z.detach(), gain
