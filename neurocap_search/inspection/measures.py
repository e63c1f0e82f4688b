"""What is measured of a network at one epoch."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from neurocap_search.inspection.neuron_links import NeuronLinks, neuron_links
from neurocap_search.network_science import (
    Capacitance,
    LayeredCapacitance,
    eigenvector_centrality,
    five_numbers,
    layer_fluctuation,
    network_capacitance,
    node_strength,
    rolled_graph,
)

Array = NDArray[np.float64]
T = TypeVar("T")

FIVE = ("median", "mean", "std", "skewness", "kurtosis")
"""The five numbers of a node feature, as a search names them in its reports."""

MOST_VALUES = 2001
"""Node strengths kept of a layer for its histogram; the others lie between these."""


@dataclass(frozen=True, eq=False)
class LayerStrength:
    """The node strengths of one layer, in the unit of the weights.

    Attributes:
        count: Neurons.
        mean: Their mean strength.
        minimum: The smallest.
        maximum: The largest.
        fluctuation: Their standard deviation, the layer fluctuation.
        values: The strengths in order; of more than ``MOST_VALUES`` as many, evenly spaced in rank.

    Example:
        >>> LayerStrength.of([3.0, 1.0], fluctuation=1.0).values.tolist()
        [1.0, 3.0]
    """

    count: int
    mean: float
    minimum: float
    maximum: float
    fluctuation: float
    values: Array

    @classmethod
    def of(cls, strengths: ArrayLike, fluctuation: float) -> "LayerStrength":
        """Summarise the strengths of a layer, of any shape."""
        ordered = np.sort(np.asarray(strengths, np.float64), axis=None)
        ranks = np.linspace(0, ordered.size - 1, min(ordered.size, MOST_VALUES)).round().astype(int)
        ends = float(ordered[0]), float(ordered[-1])
        return cls(ordered.size, float(ordered.mean()), *ends, fluctuation, ordered[ranks])


@dataclass(frozen=True, eq=False)
class EpochMeasures:
    """All that is known of a network at one epoch.

    Attributes:
        epoch: Epochs trained; 0 is the initial network.
        metrics: Accuracies (shares) and losses (nats), as far as they are known.
        head: beta_eff of the head, in nats; None without a head that can be measured.
        whole: beta_eff of the whole network, in nats.
        strengths: Node strengths at the input of each layer, by its name, and behind the last.
        degrees: Weighted degree of each node of the rolled graph, in the unit of the weights.
        centrality: Eigenvector centrality of each node, of Euclidean norm 1 in all.
        links: The strongest links, to be drawn; None for networks too large for it.
        missing: What could not be measured, each with the reason.
        left_out: Weights that a measure passes over, each with the reason.

    Example:
        >>> EpochMeasures(3, {"val_accuracy": 0.5}).strengths
        {}
    """

    epoch: int
    metrics: Mapping[str, float]
    head: Capacitance | None = None
    whole: LayeredCapacitance | None = None
    strengths: Mapping[str, LayerStrength] = field(default_factory=dict)
    degrees: Array | None = None
    centrality: Array | None = None
    links: NeuronLinks | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def signature(self, feature: Literal["degree", "centrality"]) -> dict[str, float]:
        """Return the five numbers of a node feature, measured or as the search reported them, or nothing."""
        values = self.degrees if feature == "degree" else self.centrality
        if values is not None:
            return dict(zip(FIVE, five_numbers(values).tolist(), strict=True))
        reported = {name: self.metrics.get(f"{feature}_{name}", math.nan) for name in FIVE}
        return {} if any(map(math.isnan, reported.values())) else reported

    @property
    def fluctuation(self) -> float | None:
        """The mean of the layers' fluctuations, measured or as the search reported it."""
        if self.strengths:
            return float(np.mean([layer.fluctuation for layer in self.strengths.values()]))
        reported = self.metrics.get("fluctuation_mean", math.nan)
        return None if math.isnan(reported) else reported


def measure_network(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    epoch: int = 0,
    metrics: Mapping[str, float] | None = None,
    head: Capacitance | None = None,
    step: Callable[[str], None] = lambda part: None,
) -> EpochMeasures:
    """Measure a network as it is now.

    Not for comparing epochs on different images: give the same ones every time.

    Args:
        network: Any module from (B, ...) to logits, on the CPU. Left as it was.
        images: (B, ...); the capacitance is measured on all of them, the rest needs only their shape.
        labels: Class indices, (B,).
        epoch: Epochs trained so far.
        metrics: Accuracies and losses, to be kept beside the measures.
        head: beta_eff of the head, to be kept beside the measures.
        step: Told the name of each part before it is measured.

    Returns:
        The measures; a part that the network does not allow is in ``missing``, with the reason.

    Example:
        >>> import torch
        >>> net = nn.Sequential(*[nn.Linear(3, 3, bias=False) for _ in range(4)])
        >>> list(measure_network(net, torch.eye(3), torch.arange(3)).strengths)
        ['0', '1', '2', '3', '(output)']
    """
    parts = _Parts(step)
    whole = parts.get("beta_eff of the whole network", lambda: network_capacitance(network, images, labels))
    found = parts.get("node strength", lambda: node_strength(network, images[:1]))
    graph = parts.get("degree", lambda: rolled_graph(network, images[:1]))
    centrality = parts.get("centrality", lambda: _centrality(graph.adjacency)) if graph else None
    links = parts.get("neuron graph", lambda: neuron_links(network, images[:1]))
    strengths = {} if found is None else _summarise(found.strengths)
    left_out = {} if found is None else found.left_out
    degrees = graph.degrees() if graph else None
    return EpochMeasures(
        epoch, metrics or {}, head, whole, strengths, degrees, centrality, links, parts.missing, left_out
    )


def _centrality(adjacency: Any) -> Array:
    # As precise as a search measures it: a near-tie of eigenvalues would take long for more.
    return eigenvector_centrality(adjacency, tolerance=1e-5, max_iterations=500)


def _summarise(strengths: Mapping[str, Array]) -> dict[str, LayerStrength]:
    fluctuation = layer_fluctuation(strengths)
    return {name: LayerStrength.of(values, fluctuation[name]) for name, values in strengths.items()}


class _Parts:
    """Measures one part after another and keeps the reason of each that cannot be measured."""

    def __init__(self, step: Callable[[str], None]) -> None:
        self.missing: dict[str, str] = {}
        self._step = step

    def get(self, name: str, measure: Callable[[], T]) -> T | None:
        self._step(name)
        try:
            return measure()
        except (ValueError, RuntimeError) as error:
            self.missing[name] = str(error)
            return None
