"""What is measured of a network after each epoch: beta_eff of its head and summaries of its graph."""

import math
import time

import numpy as np
import torch
from torch import Tensor, nn

from neurocap_search.config import TrainingConfig
from neurocap_search.network_science import (
    NeuralCapacitanceProbe,
    eigenvector_centrality,
    five_numbers,
    layer_fluctuation,
    node_strength,
    rolled_graph,
)
from neurocap_search.training.data import Split

_FIVE = ("median", "mean", "std", "skewness", "kurtosis")
_DEGREE, _CENTRALITY = ([f"{name}_{number}" for number in _FIVE] for name in ("degree", "centrality"))
_STRENGTH = ["strength_mean", "strength_std", "fluctuation_mean"]


@torch.no_grad()
def measure(model: nn.Module, split: Split, settings: TrainingConfig) -> dict[str, float]:
    """Measure a network in evaluation mode.

    Args:
        model: Has ``forward_features`` and, as ``head``, a probe.
        split: beta_eff is measured on the first ``probe_samples`` images.
        settings: With ``graph_measures`` the summaries of the graph come too.

    Returns:
        ``beta_eff``, ``beta_numerator``, ``beta_denominator``; the ten numbers of the graph's signature
        (``degree_median`` .. ``centrality_kurtosis``, arXiv 2111.05410); ``strength_mean``,
        ``strength_std`` and ``fluctuation_mean`` (arXiv 2110.02628), over the layers whose channels can be
        followed; and ``measure_seconds``. The signature of a network with others is NaN.

    Raises:
        TypeError: If the model's head is no probe.
    """
    start = time.perf_counter()
    model.eval()
    numbers = _capacitance(model, split, settings.probe_samples)
    if settings.graph_measures:
        numbers |= _signature(model, split.images[:1]) | _strength(model, split.images[:1])
    return {**numbers, "measure_seconds": time.perf_counter() - start}


def _capacitance(model: nn.Module, split: Split, samples: int) -> dict[str, float]:
    head = model.head
    if not isinstance(head, NeuralCapacitanceProbe):
        raise TypeError(f"model.head must be a NeuralCapacitanceProbe, received {type(head).__name__}.")
    features = model.forward_features(split.images[:samples])  # type: ignore[operator]
    result = head.measure(features, split.labels[:samples])
    return {
        "beta_eff": result.value,
        "beta_numerator": result.numerator,
        "beta_denominator": result.denominator,
    }


def _signature(model: nn.Module, sample: Tensor) -> dict[str, float]:
    try:
        graph = rolled_graph(model, sample)
        degrees = five_numbers(graph.degrees()).tolist()
    except ValueError:  # a space of the user's own may mix channels
        return dict.fromkeys([*_DEGREE, *_CENTRALITY], math.nan)
    try:
        # Three digits of the summaries do; a near-tie of eigenvalues would take seconds for more.
        centrality = eigenvector_centrality(graph.adjacency, tolerance=1e-5, max_iterations=500)
        numbers = five_numbers(centrality).tolist()
    except RuntimeError:
        numbers = [math.nan] * len(_CENTRALITY)
    return dict(zip([*_DEGREE, *_CENTRALITY], [*degrees, *numbers], strict=True))


def _strength(model: nn.Module, sample: Tensor) -> dict[str, float]:
    strengths = node_strength(model, sample).strengths
    if not strengths:
        return dict.fromkeys(_STRENGTH, math.nan)
    every = np.concatenate([values.ravel() for values in strengths.values()])
    fluctuation = np.mean(list(layer_fluctuation(strengths).values()))
    return dict(zip(_STRENGTH, (float(every.mean()), float(every.std()), float(fluctuation)), strict=True))
