"""Several zero-cost proxies of one network."""

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from torch import Tensor, nn

from neurocap_search.zero_cost.activation_codes import nwot
from neurocap_search.zero_cost.checks import check_batch
from neurocap_search.zero_cost.gradients import grad_norm, snip, zico
from neurocap_search.zero_cost.jacobian import jacob_cov
from neurocap_search.zero_cost.score import Score
from neurocap_search.zero_cost.size import multiply_adds, number_of_convolutions, parameters
from neurocap_search.zero_cost.synaptic_flow import synflow

Proxy = Callable[[nn.Module, Tensor, Tensor], Score]

ZERO_COST_PROXIES: Mapping[str, Proxy] = MappingProxyType(
    {
        "parameters": lambda model, inputs, labels: parameters(model),
        "multiply_adds": lambda model, inputs, labels: multiply_adds(model, inputs),
        "number_of_convolutions": lambda model, inputs, labels: number_of_convolutions(model),
        "grad_norm": grad_norm,
        "snip": snip,
        "synflow": lambda model, inputs, labels: synflow(model, inputs),
        "jacob_cov": lambda model, inputs, labels: jacob_cov(model, inputs),
        "nwot": lambda model, inputs, labels: nwot(model, inputs),
        "zico": zico,
    }
)
"""Every proxy by its name, as a function of model, inputs and labels."""


def zero_cost_scores(
    model: nn.Module, inputs: Tensor, labels: Tensor, names: Iterable[str] | None = None
) -> dict[str, float]:
    """Compute zero-cost proxies of an untrained network, and leave it exactly as it was.

    Whatever goes wrong inside a network makes that proxy NaN, with the reason, and never ends a trial. Give
    all networks that are compared the same inputs and labels.

    Not for trained networks: the proxies describe a network at its initialisation.

    Args:
        model: A classifier, from inputs to logits (B, C).
        inputs: (B, ...), on the model's device; a batch of 64 does.
        labels: (B,) integers from 0 to C - 1.
        names: Which proxies, of ``ZERO_COST_PROXIES``; None for all.

    Returns:
        The scores by name, in the order asked for. Each is a :class:`Score`: a float that, where it is NaN,
        says why in ``reason``.

    Raises:
        ValueError: If a name is unknown, or inputs and labels are no batch.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Linear(4, 2), nn.Tanh())
        >>> scores = zero_cost_scores(net, torch.eye(4), torch.tensor([0, 1, 0, 1]), ["parameters", "nwot"])
        >>> scores, scores["nwot"].reason
        ({'parameters': 10.0, 'nwot': nan}, 'the network has no ReLU')
    """
    chosen = list(ZERO_COST_PROXIES if names is None else names)
    if unknown := [name for name in chosen if name not in ZERO_COST_PROXIES]:
        raise ValueError(f"names: received {unknown}; choose from {', '.join(ZERO_COST_PROXIES)}.")
    check_batch(inputs, labels)
    return {name: _guarded(ZERO_COST_PROXIES[name], model, inputs, labels) for name in chosen}


def _guarded(proxy: Proxy, model: nn.Module, inputs: Tensor, labels: Tensor) -> Score:
    try:
        return proxy(model, inputs, labels)
    except Exception as error:  # anything may be wrong in somebody's network; the trial goes on
        return Score(math.nan, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
