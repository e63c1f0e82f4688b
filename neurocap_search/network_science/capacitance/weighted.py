"""beta_eff of the line graph whose entries hold the influencing weight itself."""

from torch import Tensor

from neurocap_search.network_science.capacitance.closed_form import (
    Capacitance,
    Form,
    degree_sums,
    judged,
    row_sums,
)
from neurocap_search.network_science.capacitance.degeneracy import RELATIVE_TOLERANCE
from neurocap_search.network_science.capacitance.factors import HeadFactors


def weighted_capacitance(factors: HeadFactors, *, rtol: float = RELATIVE_TOLERANCE) -> Capacitance:
    """Compute beta_eff of P with the entries P_pq w_q, whose row sums are the descent direction -dC/dw_p.

    It is one reading of what P contains, where arXiv 2201.04194 leaves the choice open: the influence of a
    weight, and not of a unit of it. With Dout of ``neural_capacitance``, the degrees are

        Din_l = -E_l' Z_{l-1} / B    for l < L,    W_l * Dout_l    for l > 1.

    Not zero with softmax and three layers, where the usual form is: the weights keep the output errors from
    cancelling. Not comparable with the usual form.

    Args:
        factors: the nodes' outputs, gains and errors on a batch, with the weights.
        rtol: share of the same sum over absolute factors below which a sum counts as zero.

    Returns:
        beta_eff in the unit of the loss; NaN, with a reason, where one of its sums is rounding noise.

    Raises:
        ValueError: if the factors come without the weights.

    Example:
        >>> import torch
        >>> z, e = torch.ones(1, 1, dtype=torch.float64), torch.full((1, 1), 3.0, dtype=torch.float64)
        >>> weighted_capacitance(HeadFactors((z, z, z), (z, z), (e, e, e), (z, 2 * z, z)))
        Capacitance(value=-3.0, numerator=18.0, denominator=-6.0, reason=None)
    """
    if len(factors.weights) != factors.depth:
        raise ValueError(
            f"weights: expected {factors.depth} in the factors, received {len(factors.weights)}; "
            "take the factors from head_factors or module_factors"
        )
    return judged(factors, WEIGHTED.sums, rtol=rtol, depth=None)


def _terms(factors: HeadFactors) -> list[Tensor]:
    Z, U, E, W = factors.outputs, factors.gains, factors.errors, factors.weights
    paths = [(row_sums(E[n]) * row_sums(Z[n])).sum() for n in range(factors.depth - 1)]
    terms = [-sum(paths[1:], start=paths[0])]
    for n in range(1, factors.depth - 1):  # the tuples start at Z_0, U_1, E_1 and W_1
        terms += [-E[n].T @ Z[n], -W[n] * (E[n].T @ (U[n - 1] * row_sums(Z[n - 1])))]
    return terms


WEIGHTED = Form(_terms, degree_sums)
"""The influence of a weight instead of that of its unit."""
