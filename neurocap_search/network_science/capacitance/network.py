"""Neural capacitance beta_eff of whole networks, with millions of weights."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from neurocap_search.network_science.capacitance.closed_form import Capacitance
from neurocap_search.network_science.capacitance.network_passes import LayerPass, network_passes
from neurocap_search.network_science.capacitance.output_errors import Loss
from neurocap_search.network_science.layers.layer_tap import layer_name


@dataclass(frozen=True)
class LayeredCapacitance(Capacitance):
    """The neural capacitance of a whole network, with what each layer adds to it.

    Attributes:
        numerators: the share of each layer in N, by name; the sum over its weights of Din Dout.
        denominators: the share of each layer in D; the sum over its weights of Din.
        pairs: pairs of layers (influenced, influencing) that are joined without weights between.
        cancelled: pairs and inputs whose share vanishes by the network's structure, each with the reason.
        left_out: weights that are no nodes of the graph, or that no other influences, each with the reason.

    Example:
        >>> LayeredCapacitance(0.5, 1.0, 2.0, None, pairs=(("conv1", "conv2"),)).pairs
        (('conv1', 'conv2'),)
    """

    numerators: Mapping[str, float] = field(default_factory=dict)
    denominators: Mapping[str, float] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = ()
    cancelled: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def network_capacitance(
    network: nn.Module, inputs: Tensor, targets: Tensor, *, loss: Loss = "cross_entropy"
) -> LayeredCapacitance:
    """Compute beta_eff = 1'PP1 / 1'P1 of the line graph of all weights of a network, without forming it.

    The nodes of the line graph are the network's weights, kernel entries included; a weight p of layer l is
    influenced by each weight q of a layer m that follows without weights between, by

        P[p, q] = -1/B sum_s d(dC_s/dw_p) / dw_q

    with inputs and errors of the layers held fixed and only the factor w_q of back-propagation moving. With
    T the Jacobian of the path from l to m (activation, normalisation, pooling, residual sums, attention) and
    J a layer whose weights are all one, the in- and out-degrees of the weights are weight gradients,

        Din_l  = -1/B dW_l of input z_l and output error sum_m T' J_m' e_m,
        Dout_m = -1/B dW_m of input sum_l T J_l z_l and output error e_m,

    and N = sum over the layers of <Din, Dout>, D = sum of Din. Definition: arXiv 2201.04194 (Nature
    Communications 15 (2024), doi 10.1038/s41467-024-48069-8); the formula for shared weights and for paths is
    this project's.

    Not for comparing networks of different size or normalisation without thought: beta_eff scales with the
    activations. Not for transformers that normalise before each block: layer normalisation takes away what
    all features share, D cancels, and the value is NaN. Not for recurrent layers, nor in half precision. Not
    for a head alone: ``neural_capacitance`` is exact and far cheaper. Biases and the parameters of
    normalisation layers are no nodes of the graph.

    Args:
        network: any module whose forward takes one tensor and gives (B, n_L). Left as it was.
        inputs: (B, ...), in the network's dtype and on its device; float64 gives exact sums, float32 about
            five digits.
        targets: class indices, (B,), or what the loss takes.
        loss: see ``output_errors``.

    Returns:
        beta_eff in the unit of the loss; NaN with a reason where a sum is rounding noise.

    Raises:
        ValueError: naming the layer, if values are infinite or NaN; if outputs and targets do not fit.

    Example:
        >>> net = nn.Sequential(*[nn.Linear(3, 3, bias=False) for _ in range(4)]).double()
        >>> x, y = torch.eye(3, dtype=torch.float64), torch.arange(3)
        >>> network_capacitance(net, x, y).pairs
        (('0', '1'), ('1', '2'), ('2', '3'))
    """
    metric = NetworkCapacitance(loss=loss)
    metric.update(network, inputs, targets)
    return metric.compute()


class NetworkCapacitance:
    """beta_eff of a whole network over several batches: the value of all samples together.

    Din and Dout are accumulated, and the ratio formed once; the mean of the batches' values is another
    number. Not for weights that change between the batches. Two arrays of each weight's size are kept.

    Args:
        loss: see ``output_errors``.

    Example:
        >>> net = nn.Sequential(*[nn.Linear(3, 3, bias=False) for _ in range(4)]).double()
        >>> x, y = torch.eye(3, dtype=torch.float64), torch.arange(3)
        >>> parts, metric = network_capacitance(net, x, y), NetworkCapacitance()
        >>> for sample in range(3):
        ...     metric.update(net, x[sample : sample + 1], y[sample : sample + 1])
        >>> math.isclose(metric.compute().numerator, parts.numerator)
        True
    """

    def __init__(self, *, loss: Loss = "cross_entropy") -> None:
        self.loss: Loss = loss
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._samples, self._tolerance = 0, 0.0
        self._in_degrees: dict[str, Tensor] = {}
        self._out_degrees: dict[str, Tensor] = {}
        self._pairs: dict[tuple[str, str], None] = {}
        self._cancelled: dict[str, str] = {}
        self._left_out: dict[str, str] = {}

    def update(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> None:
        """Add a batch.

        Args:
            network: see :func:`network_capacitance`.
            inputs: (B, ...).
            targets: B of them.

        Raises:
            ValueError: naming the layer, if values are infinite or NaN; if outputs and targets do not fit.
        """
        passes = network_passes(network, inputs, targets, self.loss)
        self._samples += len(inputs)
        self._tolerance = 10 * torch.finfo(passes[0].error.dtype).eps
        for p in passes:
            _add(self._in_degrees, p.operator.name, _gradient(p, p.input, p.pulled))
            _add(self._out_degrees, p.operator.name, _gradient(p, p.pushed, p.error))
        names = [p.operator.name for p in passes]
        self._pairs |= {(p.operator.name, names[m]): None for p in passes for m in p.followers}
        self._cancelled |= dict(_cancelled(passes, self.loss))
        self._left_out |= dict(_left_out(network, passes))

    def compute(self) -> LayeredCapacitance:
        """Form the ratio over all batches since the last reset.

        Raises:
            ValueError: if there was none.
        """
        if not self._samples:
            raise ValueError("NetworkCapacitance: no batch was added; call update before compute")
        count = self._samples
        # Adding zero turns -0.0 into 0.0.
        d = {name: _sums(degrees)[0] / -count + 0.0 for name, degrees in self._in_degrees.items()}
        both = [name for name in self._in_degrees if name in self._out_degrees]
        products = {name: _sums(self._in_degrees[name] * self._out_degrees[name]) for name in both}
        n = {name: total / count**2 for name, (total, _) in products.items()}
        bounds = (
            sum(bound for _, bound in products.values()) / count**2,
            sum(_sums(degrees)[1] for degrees in self._in_degrees.values()) / count,
        )
        totals = (math.fsum(n.values()), math.fsum(d.values()))
        reason = self._degeneracy(totals, bounds)
        value = math.nan if reason else totals[0] / totals[1]
        pairs, cancelled, left_out = tuple(self._pairs), dict(self._cancelled), dict(self._left_out)
        return LayeredCapacitance(value, *totals, reason, n, d, pairs, cancelled, left_out)

    def _degeneracy(self, totals: tuple[float, float], bounds: tuple[float, float]) -> str | None:
        for name, total, bound in zip(("numerator", "denominator"), totals, bounds, strict=True):
            if not (math.isfinite(total) and math.isfinite(bound)):
                return f"the {name} overflows: normalise the inputs or use float64"
            if bound == 0.0:
                return f"the {name} has no term but zero{self._why()}"
            if abs(total) <= self._tolerance * bound:
                return f"the {name} is rounding noise ({abs(total) / bound:.1e} of its terms){self._why()}"
        return None

    def _why(self) -> str:
        places = {
            reason: [n for n, r in self._cancelled.items() if r == reason]
            for reason in self._cancelled.values()
        }
        more = {
            reason: f" and {len(names) - 1} more" if names[1:] else "" for reason, names in places.items()
        }
        return "".join(f"; at {names[0]}{more[reason]}, {reason}" for reason, names in places.items())


def _gradient(p: LayerPass, z: Tensor | None, e: Tensor | None) -> Tensor | None:
    """The weight gradient, or None where an operand is missing."""
    return None if z is None or e is None else p.operator.weight_gradient(z, e)


def _add(totals: dict[str, Tensor], name: str, value: Tensor | None) -> None:
    if value is not None:
        totals[name] = totals[name] + value if name in totals else value


def _sums(values: Tensor) -> tuple[float, float]:
    """The sum and the sum of absolute values, in float64."""
    absolute = torch.linalg.vector_norm(values, 1, dtype=torch.float64)
    return float(values.sum(dtype=torch.float64)), float(absolute)


def _left_out(network: nn.Module, passes: list[LayerPass]) -> Iterator[tuple[str, str]]:
    names = {p.operator.name for p in passes}
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1 and layer_name(name) not in names:
            yield (
                name,
                "it is not the weight of a linear or convolution layer that ran, though it may shape a path",
            )
    followed = {p.operator.name for p in passes if p.followers}
    for p in passes:
        if p.operator.name not in followed and not bool(p.error.any()):
            yield p.operator.name, "it does not reach the outputs by a path with a derivative"


def _cancelled(passes: list[LayerPass], loss: Loss) -> Iterator[tuple[str, str]]:
    for p in passes:
        if "pulled" in p.cancelled:
            outputs = all(not passes[m].followers for m in p.followers)
            softmax = outputs and loss == "cross_entropy"
            yield f"{p.operator.name} -> {_followers(p, passes)}", _SOFTMAX if softmax else _ERRORS
        if "pushed" in p.cancelled:
            yield f"inputs of {p.operator.name}", _INPUTS


def _followers(p: LayerPass, passes: list[LayerPass]) -> str:
    names = list(dict.fromkeys(passes[m].operator.name for m in p.followers))
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if names[2:] else "")


_SOFTMAX = "softmax with cross-entropy makes the output errors of each sample sum to zero over the classes"
_ERRORS = "the errors cancel, as behind layer normalisation, which takes away what all features share"
_INPUTS = "the inputs cancel, as behind layer normalisation, which takes away what all features share"
