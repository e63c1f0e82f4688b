"""What an untrained network says of how well it will learn: zero-cost proxies, for any PyTorch classifier.

Start with :func:`zero_cost_scores`, which computes several of them and never raises because of a network. A
proxy that a network does not allow is NaN, and its ``reason`` says why. All leave the network exactly as it
was: weights, gradients, buffers, modes and random state.

- Size: ``parameters``, ``multiply_adds``, ``number_of_convolutions``. Hard to beat: take them as baselines.
- From gradients of the loss: ``grad_norm``, ``snip`` (arXiv 2101.08134), ``zico`` (arXiv 2301.11300).
- Without labels: ``synflow``, ``jacob_cov`` (arXiv 2101.08134), ``nwot`` (arXiv 2006.04647).

More is meant to be better in all of them.
"""

from neurocap_search.zero_cost.activation_codes import nwot
from neurocap_search.zero_cost.gradients import grad_norm, snip, zico
from neurocap_search.zero_cost.jacobian import jacob_cov
from neurocap_search.zero_cost.score import Score
from neurocap_search.zero_cost.scores import ZERO_COST_PROXIES, zero_cost_scores
from neurocap_search.zero_cost.size import multiply_adds, number_of_convolutions, parameters
from neurocap_search.zero_cost.synaptic_flow import synflow

__all__ = [
    "ZERO_COST_PROXIES",
    "Score",
    "grad_norm",
    "jacob_cov",
    "multiply_adds",
    "number_of_convolutions",
    "nwot",
    "parameters",
    "snip",
    "synflow",
    "zero_cost_scores",
    "zico",
]
