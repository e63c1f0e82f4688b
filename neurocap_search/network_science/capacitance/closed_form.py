"""Neural capacitance beta_eff of a head in closed form."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from neurocap_search.network_science.capacitance.degeneracy import RELATIVE_TOLERANCE, degeneracy
from neurocap_search.network_science.capacitance.factors import HeadFactors

Sums = tuple[float, float]
"""N and D."""


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
    the memory of the hidden weight matrices, a few times.

    Not for softmax with cross-entropy below four weight layers, nor for features that sum to zero in each
    sample (LayerNorm) in a head of four: there N = 0 and the value is NaN. And do not average the values of
    batches: that is not the value of all samples together, which ``NeuralCapacitance`` accumulates.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.
        rtol: share of the same sum over absolute factors below which a sum counts as zero.

    Returns:
        beta_eff with both sums; the value is NaN, with a reason, where one of them is rounding noise.

    Example:
        >>> z, u, e = (torch.full((1, 1), x, dtype=torch.float64) for x in (1.0, 1.0, 3.0))
        >>> neural_capacitance(HeadFactors((z, z, z), (u, u), (e, e, e)))
        Capacitance(value=-1.5, numerator=9.0, denominator=-6.0, reason=None)
    """
    return judged(factors, SAMPLES.sums, rtol=rtol, depth=explaining_depth(factors))


def judged(
    factors: HeadFactors, sums: Callable[[HeadFactors], Sums], *, rtol: float, depth: int | None
) -> Capacitance:
    """Return the ratio of two sums over the factors, or NaN with a reason where one of them is noise.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.
        sums: N and D of factors; N holds products of two errors, D is linear in them.
        rtol: share of the same sum over absolute factors below which a sum counts as zero.
        depth: number of weight layers, where it may explain a degenerate value.

    Example:
        >>> one = torch.ones(1, 1, dtype=torch.float64)
        >>> factors = HeadFactors((one, one), (one,), (one / 2, one / 2))
        >>> judged(factors, lambda f: (3.0, 2.0), rtol=1e-7, depth=None).value
        1.5
    """
    scale = error_scale(factors)
    scaled = over_scale(factors, scale)
    return concluded(sums(scaled), sums(absolute(scaled)), scale=scale, rtol=rtol, depth=depth)


def concluded(received: Sums, bounds: Sums, *, scale: float, rtol: float, depth: int | None) -> Capacitance:
    """Return the ratio of N and D of factors whose errors were divided by a scale.

    Args:
        received: N and D.
        bounds: N and D over absolute values.
        scale: what the errors were divided by; 0 where all of them are zero.
        rtol: share of its bound below which a sum counts as zero.
        depth: number of weight layers, where it may explain a degenerate value.

    Example:
        >>> concluded((3.0, 2.0), (3.0, 2.0), scale=2.0, rtol=1e-7, depth=None)
        Capacitance(value=3.0, numerator=12.0, denominator=4.0, reason=None)
    """
    if scale == 0.0:
        return Capacitance(math.nan, 0.0, 0.0, "all errors are zero: the head fits every sample exactly")
    numerator, denominator = received
    reason = degeneracy(received, bounds, rtol=rtol, depth=depth)
    value = math.nan if reason else scale * (numerator / denominator)
    return Capacitance(value, scale * (scale * numerator), scale * denominator, reason)


def explaining_depth(factors: HeadFactors) -> int | None:
    """Return the number of weight layers where it may explain a sum of zero, else None.

    It does where the output errors of each sample sum to zero, as those of softmax with cross-entropy do.

    Example:
        >>> one, two = torch.ones(1, 1), torch.tensor([[1.0, -1.0]])
        >>> [explaining_depth(HeadFactors((one, one), (one,), (one, e))) for e in (one, two)]
        [None, 2]
    """
    last = factors.errors[-1]
    softmax = float(row_sums(last).abs().max()) <= 1e-9 * float(last.abs().max())
    return factors.depth if softmax else None


def error_scale(factors: HeadFactors) -> float:
    """Return the power of two above the largest error, or 0 where all errors are zero.

    N holds products of two errors, which would underflow late in training. A power of two divides exactly.

    Example:
        >>> one = torch.ones(1, 1)
        >>> error_scale(HeadFactors((one, one), (one,), (one, -3 * one)))
        4.0
    """
    largest = max(float(errors.abs().max()) for errors in factors.errors)
    if largest == 0.0 or not math.isfinite(largest):
        return min(largest, 1.0)  # what is infinite is found later, as an overflow
    return math.ldexp(1.0, math.frexp(largest)[1])


def over_scale(factors: HeadFactors, scale: float) -> HeadFactors:
    """Return the factors with their errors divided by a scale; by 1 where it is 0.

    Example:
        >>> one = torch.ones(1, 1)
        >>> over_scale(HeadFactors((one, one), (one,), (one, -2 * one)), 2.0).errors[1].item()
        -1.0
    """
    errors = tuple(e / (scale or 1.0) for e in factors.errors)
    return HeadFactors(factors.outputs, factors.gains, errors, factors.weights)


def absolute(factors: HeadFactors) -> HeadFactors:
    """Return the factors without their signs.

    Example:
        >>> one = torch.ones(1, 1)
        >>> absolute(HeadFactors((one, -one), (one,), (one, -2 * one))).errors[1].item()
        2.0
    """
    outputs, gains, errors, weights = (
        tuple(values.abs() for values in nodes)
        for nodes in (factors.outputs, factors.gains, factors.errors, factors.weights)
    )
    return HeadFactors(outputs, gains, errors, weights)


def degree_terms(factors: HeadFactors) -> list[Tensor]:
    """Sum D, and Din and Dout of the layers 2 .. L-1, over the samples: what adds up over batches.

    Example:
        >>> one = torch.ones(2, 1, dtype=torch.float64)
        >>> [float(t) for t in degree_terms(HeadFactors((one, one, one), (one, one), (one, one, one)))]
        [-4.0, -2.0, -2.0]
    """
    Z, U, E = factors.outputs, factors.gains, factors.errors  # the tuples start at Z_0, U_1 and E_1
    eps, ups, zeta = ([row_sums(nodes) for nodes in factor] for factor in (E, U, Z))
    paths = [(eps[n] * ups[n - 1] * zeta[n - 1]).sum() for n in range(1, factors.depth)]
    terms = [-torch.stack(paths).sum()]
    for n in range(2, factors.depth):
        terms += [-(U[n - 1] * eps[n]).T @ Z[n - 1], -E[n - 1].T @ (U[n - 2] * zeta[n - 2])]
    return terms


def degree_sums(terms: list[Tensor], samples: int) -> Sums:
    """Form N and D of the sums of ``degree_terms`` over a number of samples.

    Example:
        >>> degree_sums([torch.tensor(-4.0), torch.tensor([-2.0]), torch.tensor([-2.0])], samples=2)
        (1.0, -2.0)
    """
    degrees = zip(terms[1::2], terms[2::2], strict=True)
    return sum(float((d_in * d_out).sum()) for d_in, d_out in degrees) / samples**2, float(terms[0]) / samples


class Form(NamedTuple):
    """A form of beta_eff by sums over samples: they add up over batches, and N and D are formed once.

    Attributes:
        terms: the sums over the samples of a batch.
        of_terms: N and D of those sums and the number of samples.

    Example:
        >>> one = torch.ones(2, 1, dtype=torch.float64)
        >>> SAMPLES.sums(HeadFactors((one, one, one), (one, one), (one, one, one)))
        (1.0, -2.0)
    """

    terms: Callable[[HeadFactors], list[Tensor]]
    of_terms: Callable[[list[Tensor], int], Sums]

    def sums(self, factors: HeadFactors) -> Sums:
        """Return N and D of one batch."""
        return self.of_terms(self.terms(factors), len(factors.errors[0]))


SAMPLES = Form(degree_terms, degree_sums)
"""P averaged over the samples: the default."""


def row_sums(nodes: Tensor) -> Tensor:
    """Return the sum of each row, (B, 1)."""
    return nodes.sum(dim=1, keepdim=True)
