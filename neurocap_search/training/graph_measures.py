"""Summaries of a network's graph after each epoch; its wiring is traced once."""

import math
from contextlib import suppress

import numpy as np
from torch import Tensor, nn

from neurocap_search.network_science import (
    eigenvector_centrality,
    five_numbers,
    layer_fluctuation,
    trace_wiring,
    weighted_degree,
)
from neurocap_search.network_science.complex_network.strength_structure import StrengthStructure
from neurocap_search.network_science.evolving_graph.rolled_structure import RolledStructure

_FIVE = ("median", "mean", "std", "skewness", "kurtosis")
_DEGREE, _CENTRALITY = ([f"{name}_{number}" for number in _FIVE] for name in ("degree", "centrality"))
_STRENGTH = ["strength_mean", "strength_std", "fluctuation_mean"]


class GraphMeasures:
    """Measures the graph of one network again and again.

    What depends on the wiring alone is found at the first measurement and kept as long as the network's
    parameters are the same tensors, as they are while an optimiser trains it. Not for a network whose
    forward takes another path from epoch to epoch with the same parameters.

    Args:
        model: The network; switch it to evaluation mode before each measurement.
        sample: One image, (1, channels, height, width); only its shape matters.

    Example:
        >>> import torch
        >>> net = nn.Linear(2, 1, bias=False)
        >>> measures = GraphMeasures(net, torch.zeros(1, 2))
        >>> for weight in (1.0, 3.0):
        ...     _ = nn.init.constant_(net.weight, weight)
        ...     print(round(measures.measure()["degree_mean"], 3))
        1.333
        4.0
    """

    def __init__(self, model: nn.Module, sample: Tensor) -> None:
        self._model, self._sample = model, sample
        self._traced: list[int] | None = None

    def measure(self) -> dict[str, float]:
        """Measure the network as it is now.

        Returns:
            The ten numbers of the graph's signature, NaN where channels cannot be followed, and
            ``strength_mean``, ``strength_std`` and ``fluctuation_mean``.

        Raises:
            ValueError: If a weight or bias of a layer is infinite or NaN.
        """
        parameters = [parameter.data_ptr() for parameter in self._model.parameters()]
        if parameters != self._traced:
            self._trace(parameters)
        return self._signature() | self._strength()

    def _trace(self, parameters: list[int]) -> None:
        layers = trace_wiring(self._model, self._sample)
        self._strengths = StrengthStructure(layers)
        self._rolled: RolledStructure | None = None
        with suppress(ValueError):  # a space of the user's own may mix channels
            self._rolled = RolledStructure(layers, self._sample.shape[1])
        tensors = (t for layer in layers for t in (layer.operator.weight, layer.operator.bias))
        read = {tensor.data_ptr() for tensor in tensors if tensor is not None}
        # A bias that is computed in each pass is no parameter: what was traced is of this pass alone.
        self._traced = parameters if read <= set(parameters) else None

    def _signature(self) -> dict[str, float]:
        nothing = dict.fromkeys([*_DEGREE, *_CENTRALITY], math.nan)
        if self._rolled is None:
            return nothing
        try:
            adjacency = self._rolled.adjacency()
            degrees = five_numbers(weighted_degree(adjacency)).tolist()
        except ValueError:
            return nothing
        try:
            # Three digits of the summaries do; a near-tie of eigenvalues would take seconds for more.
            centrality = eigenvector_centrality(adjacency, tolerance=1e-5, max_iterations=500)
            numbers = five_numbers(centrality).tolist()
        except RuntimeError:
            numbers = [math.nan] * len(_CENTRALITY)
        return dict(zip([*_DEGREE, *_CENTRALITY], [*degrees, *numbers], strict=True))

    def _strength(self) -> dict[str, float]:
        strengths = self._strengths.strengths()
        if not strengths:
            return dict.fromkeys(_STRENGTH, math.nan)
        every = np.concatenate([values.ravel() for values in strengths.values()])
        fluctuation = np.mean(list(layer_fluctuation(strengths).values()))
        return dict(
            zip(_STRENGTH, (float(every.mean()), float(every.std()), float(fluctuation)), strict=True)
        )
