"""Further exact forms of beta_eff (arXiv 2201.04194, doi 10.1038/s41467-024-48069-8).

They differ from ``neural_capacitance`` in cost or in the order of averaging over the B samples of a batch;
eps, ups and zeta are its row sums.
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from neurocap_search.network_science.capacitance.closed_form import (
    SAMPLES,
    Capacitance,
    Form,
    Sums,
    absolute,
    explaining_depth,
    judged,
    over_scale,
    row_sums,
)
from neurocap_search.network_science.capacitance.degeneracy import RELATIVE_TOLERANCE, degeneracy
from neurocap_search.network_science.capacitance.factors import HeadFactors

Reduction = Literal["mean_of_ratios", "ratio_of_means"]


def gram_capacitance(factors: HeadFactors, *, rtol: float = RELATIVE_TOLERANCE) -> Capacitance:
    """Compute the value of ``neural_capacitance``, degenerate cases included, from (B, B) matrices.

    N = sum over l = 2..L-1 of eps_{l+1}' [(U_l E_l') * (Z_{l-1} U_{l-1}')] zeta_{l-2} / B^2 is its N with
    Din and Dout written out. Not for more samples than nodes in a layer: ``neural_capacitance`` is cheaper.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.
        rtol: share of the same sum over absolute factors below which a sum counts as zero.

    Returns:
        beta_eff in the unit of the loss; NaN, with a reason, where one of its sums is rounding noise.

    Example:
        >>> z, u, e = (torch.full((1, 1), x, dtype=torch.float64) for x in (1.0, 1.0, 3.0))
        >>> gram_capacitance(HeadFactors((z, z, z), (u, u), (e, e, e))).value
        -1.5
    """
    return judged(factors, _gram_sums, rtol=rtol, depth=explaining_depth(factors))


def per_sample_capacitance(
    factors: HeadFactors, *, reduction: Reduction, rtol: float = RELATIVE_TOLERANCE
) -> Capacitance:
    """Give each sample s a line graph P_s of its own, and average over the samples after 1'P_s P_s 1.

    N_s sums eps_{l+1,s} zeta_{l-2,s} <U_l,s, E_l,s> <Z_{l-1},s, U_{l-1},s> over l = 2..L-1, and D_s sums
    -eps_{l+1,s} ups_l,s zeta_{l-1,s} over l = 1..L-1. Not comparable with ``neural_capacitance``, nor one
    reduction with the other. No mean of ratios with dead units: one sample without a ratio leaves no mean.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.
        reduction: "mean_of_ratios" for mean(N_s / D_s), "ratio_of_means" for mean(N_s) / mean(D_s).
        rtol: share of the same sum over absolute factors below which a sum counts as zero.

    Returns:
        The value in the unit of the loss, with mean(N_s) and mean(D_s), whose quotient a mean of ratios is
        not; NaN, with a reason, where a sum that is divided is noise.

    Raises:
        ValueError: if the reduction is neither of the two.

    Example:
        >>> one, e = torch.ones(2, 1, dtype=torch.float64), torch.tensor([[3.0], [1.0]], dtype=torch.float64)
        >>> factors = HeadFactors((one, one, one), (one, one), (e, e, e))
        >>> [per_sample_capacitance(factors, reduction=r).value for r in ("mean_of_ratios", "ratio_of_means")]
        [-1.0, -1.25]
    """
    if reduction not in get_args(Reduction):
        raise ValueError(f"reduction: expected one of {get_args(Reduction)}, received {reduction!r}")
    if reduction == "ratio_of_means":
        return judged(factors, RATIO_OF_MEANS.sums, rtol=rtol, depth=explaining_depth(factors))
    return _mean_of_ratios(factors, rtol)


def factor_averaged_capacitance(factors: HeadFactors, *, rtol: float = RELATIVE_TOLERANCE) -> Capacitance:
    """Compute beta_eff of the P with the entries -mean(z_j) mean(u_i) mean(e_k): one average sample.

    Not where the factors' correlation matters, nor for features centred over this batch (BatchNorm) in a
    head of four softmax layers: the means of Z_0, and with them N, are zero.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.
        rtol: share of the same sum over means of absolute factors below which a sum counts as zero.

    Returns:
        beta_eff in the unit of the loss; NaN, with a reason, where one of its sums is rounding noise.

    Example:
        >>> one, e = torch.ones(2, 1, dtype=torch.float64), torch.tensor([[3.0], [1.0]], dtype=torch.float64)
        >>> factor_averaged_capacitance(HeadFactors((one, one, one), (one, one), (e, e, e))).value
        -1.0
    """
    # The bounds take absolute values before the mean: what cancels over the batch is noise as well.
    return judged(factors, FACTORS.sums, rtol=rtol, depth=explaining_depth(factors))


def absolute_capacitance(factors: HeadFactors) -> Capacitance:
    """Compute beta_eff of the P with the entries mean_s|z_j u_i e_k|: ``neural_capacitance`` without signs.

    Nothing cancels; hence no tolerance, and three softmax layers do. Not where the direction of an
    interaction matters, and not for two layers, where PP = 0.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.

    Returns:
        The value in the unit of the loss; NaN, with a reason, for two layers or where all terms are zero.

    Example:
        >>> z, u, e = (torch.full((1, 1), x, dtype=torch.float64) for x in (1.0, 1.0, -3.0))
        >>> absolute_capacitance(HeadFactors((z, z, z), (u, u), (e, e, e))).value
        1.5
    """
    # With the sign of E turned, the entries -z u e of P are those of |P|.
    turned = over_scale(absolute(factors), -1.0)
    result = judged(turned, SAMPLES.sums, rtol=0.0, depth=None)
    return without_two_layers(result, factors.depth)


def without_two_layers(result: Capacitance, depth: int) -> Capacitance:
    """Refuse the absolute form of two layers, whose N is zero without a rounding error to tell it by.

    Example:
        >>> without_two_layers(Capacitance(0.0, 0.0, 1.0, None), depth=2).reason
        'the absolute form needs three or more weight layers, because PP = 0 with two'
    """
    if depth > 2 or result.denominator == 0.0:
        return result
    reason = "the absolute form needs three or more weight layers, because PP = 0 with two"
    return Capacitance(math.nan, result.numerator, result.denominator, reason)


def _mean_of_ratios(factors: HeadFactors, rtol: float) -> Capacitance:
    largest = torch.cat(factors.errors, dim=1).abs().amax(dim=1, keepdim=True)
    scale = largest.where(largest > 0.0, 1.0)  # one a sample: a batch's would let confident samples underflow
    scaled = HeadFactors(factors.outputs, factors.gains, tuple(errors / scale for errors in factors.errors))
    n, d = _sample_sums(scaled)
    rows = torch.cat((n, d, *_sample_sums(absolute(scaled))), dim=1).tolist()
    depth = explaining_depth(factors)
    reasons = (degeneracy((r[0], r[1]), (r[2], r[3]), rtol=rtol, depth=depth) for r in rows)
    reason = next((f"sample {s}: {why}" for s, why in enumerate(reasons) if why), None)
    value = math.nan if reason else float((scale * (n / d)).mean())
    return Capacitance(value, *_means((scale * (scale * n), scale * d)), reason)


def _gram_sums(factors: HeadFactors) -> Sums:
    Z, U, E = factors.outputs, factors.gains, factors.errors
    numerator = 0.0
    for n in range(2, factors.depth):  # the tuples start at Z_0, U_1 and E_1
        pairs = (U[n - 1] @ E[n - 1].T) * (Z[n - 1] @ U[n - 2].T) / len(E[n]) ** 2
        numerator += float((row_sums(E[n]).T @ pairs @ row_sums(Z[n - 2])).sum())
    return numerator, float(_sample_sums(factors)[1].mean())


def _sample_sums(factors: HeadFactors) -> tuple[Tensor, Tensor]:
    """N_s and D_s, each (B, 1)."""
    Z, U, E = factors.outputs, factors.gains, factors.errors
    eps, ups, zeta = ([row_sums(nodes) for nodes in factor] for factor in (E, U, Z))
    n_s, d_s = torch.zeros_like(eps[0]), torch.zeros_like(eps[0])
    for n in range(1, factors.depth):
        d_s -= eps[n] * ups[n - 1] * zeta[n - 1]
        if n > 1:
            inner = row_sums(U[n - 1] * E[n - 1]) * row_sums(Z[n - 1] * U[n - 2])
            n_s += eps[n] * zeta[n - 2] * inner
    return n_s, d_s


def _means(sums: tuple[Tensor, Tensor]) -> Sums:
    return float(sums[0].mean()), float(sums[1].mean())


def _sum_terms(factors: HeadFactors) -> list[Tensor]:
    return [values.sum() for values in _sample_sums(factors)]


def _sums_of_means(terms: list[Tensor], samples: int) -> Sums:
    return float(terms[0]) / samples, float(terms[1]) / samples


def _node_terms(factors: HeadFactors) -> list[Tensor]:
    nodes = (*factors.outputs, *factors.gains, *factors.errors)
    return [values.sum(0, keepdim=True) for values in nodes]


def _sums_of_nodes(terms: list[Tensor], samples: int) -> Sums:
    depth = (len(terms) + 1) // 3  # L outputs, L - 1 gains, L errors
    means = tuple(term / samples for term in terms)
    outputs, gains, errors = means[:depth], means[depth : 2 * depth - 1], means[2 * depth - 1 :]
    return _means(_sample_sums(HeadFactors(outputs, gains, errors)))


RATIO_OF_MEANS = Form(_sum_terms, _sums_of_means)
"""N and D of each sample's own P, averaged: ``per_sample_capacitance`` with "ratio_of_means"."""

FACTORS = Form(_node_terms, _sums_of_nodes)
"""Outputs, gains and errors averaged first: ``factor_averaged_capacitance``."""
