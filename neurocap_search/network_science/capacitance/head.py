"""beta_eff of a head that is a module, with every choice the papers leave open, over one batch or many."""

import math
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from neurocap_search.network_science.capacitance.closed_form import (
    SAMPLES,
    Capacitance,
    Form,
    Sums,
    absolute,
    concluded,
    error_scale,
    explaining_depth,
    over_scale,
)
from neurocap_search.network_science.capacitance.degeneracy import RELATIVE_TOLERANCE
from neurocap_search.network_science.capacitance.factors import HeadFactors
from neurocap_search.network_science.capacitance.forms import (
    FACTORS,
    RATIO_OF_MEANS,
    per_sample_capacitance,
    without_two_layers,
)
from neurocap_search.network_science.capacitance.hessian import Extent, hessian_terms
from neurocap_search.network_science.capacitance.module_factors import module_factors
from neurocap_search.network_science.capacitance.options import CapacitanceOptions
from neurocap_search.network_science.capacitance.weighted import WEIGHTED


def head_capacitance(
    head: nn.Module, features: Tensor, targets: Tensor, options: CapacitanceOptions | None = None
) -> Capacitance:
    """Compute beta_eff of a classification head on one batch.

    Not for whole networks with convolutions or skip connections: use ``network_capacitance``.

    Args:
        head: a chain of linear layers with elementwise functions between; see ``module_factors``.
        features: (B, n), any floating dtype.
        targets: class indices, (B,), or what the loss takes.
        options: the open choices; None takes the first of each.

    Returns:
        beta_eff in the unit of the loss, times the learning rate where one is given.

    Raises:
        ValueError: if head, features, targets or options do not fit; see ``module_factors``.

    Example:
        >>> import torch
        >>> head = nn.Sequential(*[nn.Linear(3, 3, bias=False) for _ in range(4)])
        >>> result = head_capacitance(head, torch.eye(3), torch.arange(3))
        >>> result.value == result.numerator / result.denominator
        True
    """
    metric = NeuralCapacitance(options)
    metric.update(head, features, targets)
    return metric.compute()


class NeuralCapacitance:
    """beta_eff of a head over several batches: the value of all samples together.

    Sums over the samples are accumulated (for the default form Din and Dout of the hidden layers), and the
    ratio is formed once; the mean of the batches' values is another number. Not for a head that changes
    between the batches: reset it after each step of training.

    Args:
        options: the open choices; None takes the first of each.
        rtol: share of the same sum over absolute values below which a sum counts as zero.

    Example:
        >>> import torch
        >>> head = nn.Sequential(*[nn.Linear(3, 3, bias=False) for _ in range(4)])
        >>> metric, x, y = NeuralCapacitance(), torch.eye(3), torch.arange(3)
        >>> for sample in range(3):
        ...     metric.update(head, x[sample : sample + 1], y[sample : sample + 1])
        >>> math.isclose(metric.compute().value, head_capacitance(head, x, y).value, rel_tol=1e-9)
        True
    """

    def __init__(
        self, options: CapacitanceOptions | None = None, *, rtol: float = RELATIVE_TOLERANCE
    ) -> None:
        self.options, self.rtol = options or CapacitanceOptions(), rtol
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._samples, self._scale, self._depth = 0, 0.0, 0
        self._explaining_depth: int | None = None
        self._terms: list[Tensor] = []
        self._bounds: list[Tensor] = []
        self._batches: list[tuple[int, Capacitance]] = []

    def update(self, head: nn.Module, features: Tensor, targets: Tensor) -> None:
        """Add a batch; see :func:`head_capacitance`."""
        o = self.options
        if o.averaging == "last_batch":
            self.reset()
        if o.interaction in ("hessian", "hessian_blocks"):
            extent: Extent = "full" if o.interaction == "hessian" else "blocks"
            terms = hessian_terms(head, features, targets, extent=extent, loss=o.loss)
            self._scale = 1.0
            self._add(*terms, samples=len(features))
            return
        factors = module_factors(
            head, features, targets, loss=o.loss, errors=o.errors, bias_edges=o.bias_edges
        )
        self._add_factors(factors)

    def compute(self) -> Capacitance:
        """Form the ratio over all batches since the last reset.

        Raises:
            ValueError: if there was none.
        """
        if not self._samples:
            raise ValueError("NeuralCapacitance: no batch was added; call update before compute")
        if self.options.averaging == "mean_of_ratios":
            return self._adjusted(_pooled(self._batches))
        of_terms = _form(self.options).of_terms
        sums = (of_terms(self._terms, self._samples), of_terms(self._bounds, self._samples))
        if self.options.sign == "absolute":
            # With the sign of E turned, the entries -z u e of P are those of |P|; nothing cancels.
            result = concluded(sums[1], sums[1], scale=-self._scale, rtol=0.0, depth=None)
            return self._adjusted(without_two_layers(result, self._depth))
        return self._adjusted(
            concluded(*sums, scale=self._scale, rtol=self.rtol, depth=self._explaining_depth)
        )

    def _add_factors(self, factors: HeadFactors) -> None:
        count = len(factors.errors[0])
        if self.options.averaging == "mean_of_ratios":
            value = per_sample_capacitance(factors, reduction="mean_of_ratios", rtol=self.rtol)
            self._batches.append((count, value))
        self._scale, self._depth = self._scale or error_scale(factors), factors.depth
        self._explaining_depth = explaining_depth(factors)
        scaled, terms = over_scale(factors, self._scale), _form(self.options).terms
        self._add(terms(scaled), terms(absolute(scaled)), samples=count)

    def _add(self, terms: list[Tensor], bounds: list[Tensor], *, samples: int) -> None:
        self._samples += samples
        self._terms = _sum(self._terms, terms)
        self._bounds = _sum(self._bounds, bounds)

    def _adjusted(self, result: Capacitance) -> Capacitance:
        """Apply sign, learning rate and the reading of 0/0: beta_eff is linear in P."""
        c = (self.options.learning_rate or 1.0) * (-1.0 if self.options.sign == "ascent" else 1.0)
        result = replace(
            result,
            value=c * result.value,
            numerator=c * c * result.numerator,
            denominator=c * result.denominator,
        )
        undefined = math.isnan(result.value) and self.options.undefined == "zero"
        return replace(result, value=0.0) if undefined else result


def _form(options: CapacitanceOptions) -> Form:
    forms = {"ratio_of_means": RATIO_OF_MEANS, "mean_of_ratios": RATIO_OF_MEANS, "factors": FACTORS}
    return WEIGHTED if options.interaction == "weighted" else forms.get(options.averaging, SAMPLES)


def _sum(totals: list[Tensor], terms: list[Tensor]) -> list[Tensor]:
    return [total + term for total, term in zip(totals, terms, strict=True)] if totals else terms


def _pooled(batches: list[tuple[int, Capacitance]]) -> Capacitance:
    count = sum(samples for samples, _ in batches)

    def mean(part: Callable[[Capacitance], float]) -> float:
        return math.fsum(samples * part(value) for samples, value in batches) / count

    sums: Sums = (mean(lambda c: c.numerator), mean(lambda c: c.denominator))
    reason = next((value.reason for _, value in batches if value.reason), None)
    return Capacitance(mean(lambda c: c.value), *sums, reason)
