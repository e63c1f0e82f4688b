"""The judgement whether the two sums of beta_eff are more than rounding noise."""

import math

# |N| as a share of the same sum over absolute factors, measured on 4-layer He-normal heads (widths 16 to
# 256, 2 to 100 classes, 8 to 512 features of several kinds, random labels and confident heads with tiny
# errors, 8 to 512 samples):
#   float32 LayerNorm features: median 1e-10, largest 2e-8 (4e-7 where the mean is 10 deviations),
#   RMSNorm of non-negative features: median 1e-2, smallest 2e-6,
#   RMSNorm of zero-mean features: median 2e-4, smallest 3e-7.
# |D| on the same heads: smallest 1e-5. Where the structure makes a sum vanish (|D| with two layers, |N| with
# three): at most 4e-17, on 300 heads.
RELATIVE_TOLERANCE = 1e-7


def degeneracy(
    sums: tuple[float, float], bounds: tuple[float, float], *, rtol: float, depth: int | None = None
) -> str | None:
    """Say why N / D would be meaningless, or None where it is not.

    The sums are signed and cancel exactly in some heads (softmax errors sum to zero over the classes,
    LayerNorm features over the features). In floating point noise is left over, whose size depends on the
    scale of the errors; hence the comparison with the same sums over absolute values. Features rounded more
    coarsely than float32 hide an exact cancellation: do not rely on this check for them.

    Args:
        sums: N and D.
        bounds: N and D over absolute values, where nothing cancels; their sign is of no account.
        rtol: share of its bound below which a sum counts as zero.
        depth: number of weight layers, where known, for the explanation.

    Returns:
        The reason in words, or None.

    Example:
        >>> degeneracy((0.1, 0.2), (1.0, 1.0), rtol=1e-7)
        >>> degeneracy((0.1, 1e-9), (1.0, 1.0), rtol=1e-7)
        'the denominator is rounding noise (1.0e-09 of its terms): the signed interactions of this batch ...
    """
    if not all(map(math.isfinite, bounds)):
        return "the sums overflow float64: normalise the features"
    for name, total, bound in zip(("numerator", "denominator"), sums, bounds, strict=True):
        if bound == 0.0:
            return f"the {name} has no term but zero: {_cause(name, depth, dead=True)}"
        share = abs(total / bound)
        if share <= rtol:
            return f"the {name} is rounding noise ({share:.1e} of its terms): {_cause(name, depth)}"
    return None


def _cause(name: str, depth: int | None, *, dead: bool = False) -> str:
    if depth is not None and depth < 4:
        return (
            "softmax with cross-entropy needs four or more weight layers, because the output errors of each "
            f"sample sum to zero; this head has {depth}"
        )
    if dead:
        return "on every path an output, a gain or an error is zero (dead units?)"
    if name == "denominator":
        return "the signed interactions of this batch cancel"
    return (
        "features that sum to zero over the batch, where factors are averaged first, or that sum to zero in "
        "each sample, as after LayerNorm, do this; use RMSNorm instead"
    )
