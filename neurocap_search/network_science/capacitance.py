"""Neural capacitance beta_eff of a head in closed form."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from neurocap_search.network_science.degeneracy import RELATIVE_TOLERANCE, degeneracy
from neurocap_search.network_science.factors import HeadFactors


@dataclass(frozen=True)
class Capacitance:
    """A neural capacitance with the two sums it is the ratio of.

    Do not replace a NaN by 0: zero means a network at rest, NaN that nothing could be measured.

    Attributes:
        value: beta_eff = numerator / denominator, in the unit of the loss; NaN if degenerate.
        numerator: N = 1'PP1.
        denominator: D = 1'P1.
        reason: why the value is NaN, else None.

    Example:
        >>> Capacitance(value=0.5, numerator=1.0, denominator=2.0, reason=None).value
        0.5
    """

    value: float
    numerator: float
    denominator: float
    reason: str | None


def neural_capacitance(factors: HeadFactors, *, rtol: float = RELATIVE_TOLERANCE) -> Capacitance:
    """Compute beta_eff = 1'PP1 / 1'P1 of a head without forming its line graph P.

    With the row sums eps = E1, ups = U1, zeta = Z1 and B samples, the in- and out-degrees of the edges of
    layer l are the matrices

        Din_l = -(U_l * eps_{l+1})' Z_{l-1} / B,    Dout_l = -E_l' (U_{l-1} * zeta_{l-2}) / B,

    so N is the sum over l = 2..L-1 of <Din_l, Dout_l>, and D the sum over l = 1..L-1 of
    -mean(eps_{l+1} ups_l zeta_{l-1}). beta_eff is defined in arXiv 2201.04194 (Nature Communications 15
    (2024), doi 10.1038/s41467-024-48069-8); the closed form follows from the P of ``line_graph``. It needs
    the memory of the largest hidden weight matrix, a few times.

    Not for softmax with cross-entropy below four weight layers, nor for features that sum to zero in each
    sample (LayerNorm) in a head of four: there N = 0 and the value is NaN. And do not average the values of
    batches: that is not the value of all samples together.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.
        rtol: share of the same sum over absolute factors below which a sum counts as zero.

    Returns:
        beta_eff with both sums; the value is NaN, with a reason, where one of them is rounding noise.

    Example:
        >>> import torch
        >>> z, u, e = (torch.full((1, 1), x, dtype=torch.float64) for x in (1.0, 1.0, 3.0))
        >>> neural_capacitance(HeadFactors((z, z, z), (u, u), (e, e, e)))
        Capacitance(value=-1.5, numerator=9.0, denominator=-6.0, reason=None)
    """
    return judged(factors, _sums, rtol=rtol, depth=factors.depth)


def judged(
    factors: HeadFactors,
    sums: Callable[[HeadFactors], tuple[float, float]],
    *,
    rtol: float,
    depth: int | None,
) -> Capacitance:
    """Return the ratio of two sums over the factors, or NaN with a reason where one of them is noise.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.
        sums: N and D of factors; N holds products of two errors, D is linear in them.
        rtol: share of the same sum over absolute factors below which a sum counts as zero.
        depth: number of weight layers, where it may explain a degenerate value.

    Example:
        >>> import torch
        >>> one = torch.ones(1, 1, dtype=torch.float64)
        >>> factors = HeadFactors((one, one), (one,), (one, one))
        >>> judged(factors, lambda f: (3.0, 2.0), rtol=1e-7, depth=None).value
        1.5
    """
    scale = max(float(errors.abs().max()) for errors in factors.errors)
    if scale == 0.0:
        return Capacitance(math.nan, 0.0, 0.0, "all errors are zero: the head fits every sample exactly")
    scaled = _with_errors_over(factors, scale)
    numerator, denominator = received = sums(scaled)
    reason = degeneracy(received, sums(_absolute(scaled)), rtol=rtol, depth=depth)
    value = math.nan if reason else scale * (numerator / denominator)
    return Capacitance(value, scale * (scale * numerator), scale * denominator, reason)


def _with_errors_over(factors: HeadFactors, scale: float) -> HeadFactors:
    # N holds products of two errors, which would underflow late in training.
    return HeadFactors(factors.outputs, factors.gains, tuple(e / scale for e in factors.errors))


def _absolute(factors: HeadFactors) -> HeadFactors:
    outputs, gains, errors = (
        tuple(values.abs() for values in nodes) for nodes in (factors.outputs, factors.gains, factors.errors)
    )
    return HeadFactors(outputs, gains, errors)


def _sums(factors: HeadFactors) -> tuple[float, float]:
    """N and D, from the degrees of the layers."""
    products = (_in_degrees(factors, n) * _out_degrees(factors, n) for n in range(2, factors.depth))
    numerator = sum(float(product.sum()) for product in products)
    return numerator, sum(_in_degree_sum(factors, n) for n in range(1, factors.depth))


def _in_degrees(factors: HeadFactors, layer: int) -> Tensor:
    """Din of a layer, in the shape of its weight; the tuples start at Z_0, U_1 and E_1."""
    weighted = factors.gains[layer - 1] * _row_sums(factors.errors[layer])
    return -weighted.T @ factors.outputs[layer - 1] / len(weighted)


def _out_degrees(factors: HeadFactors, layer: int) -> Tensor:
    """Dout of a layer, in the shape of its weight."""
    weighted = factors.gains[layer - 2] * _row_sums(factors.outputs[layer - 2])
    return -factors.errors[layer - 1].T @ weighted / len(weighted)


def _in_degree_sum(factors: HeadFactors, layer: int) -> float:
    """The sum of Din over its entries, without forming it: layer 1 may be wide."""
    eps, ups = _row_sums(factors.errors[layer]), _row_sums(factors.gains[layer - 1])
    return -float((eps * ups * _row_sums(factors.outputs[layer - 1])).mean())


def _row_sums(nodes: Tensor) -> Tensor:
    return nodes.sum(dim=1, keepdim=True)
