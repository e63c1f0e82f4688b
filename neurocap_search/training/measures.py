"""What is measured of a network after each epoch: beta_eff of its head and summaries of its graph."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from neurocap_search.config import TrainingConfig
from neurocap_search.network_science import NeuralCapacitanceProbe
from neurocap_search.training.data import Split
from neurocap_search.training.graph_measures import GraphMeasures

_CHUNK = 128
"""Images in one pass: larger layers would return their memory to the system and fetch it again each time."""


class EpochMeasures:
    """Measures one network after each epoch of its training.

    What stays the same from epoch to epoch is found once. :func:`measure` is simpler for a single
    measurement.

    Args:
        model: Has ``forward_features`` and, as ``head``, a probe; on the device of the images.
        split: beta_eff is measured on the first ``probe_samples`` images.
        settings: With ``graph_measures`` the summaries of the graph come too.

    Raises:
        TypeError: If the model's head is no probe.

    Example:
        >>> from search_spaces import MlpSpace
        >>> architecture = {"space": "mlp", "widths": [4], "activation": "relu"}
        >>> architecture |= {"normalisation": "none", "dropout": 0.0}
        >>> model = MlpSpace().build(architecture, (1, 2, 2), 2)
        >>> split = Split(torch.rand(8, 1, 2, 2), torch.arange(8) % 2)
        >>> measures = EpochMeasures(model, split, TrainingConfig(probe_samples=8))
        >>> measures.take() | {"measure_seconds": 0} == measures.take() | {"measure_seconds": 0}
        True
    """

    def __init__(self, model: nn.Module, split: Split, settings: TrainingConfig) -> None:
        if not isinstance(model.head, NeuralCapacitanceProbe):
            received = type(model.head).__name__
            raise TypeError(f"model.head must be a NeuralCapacitanceProbe, received {received}.")
        self._model, self._head = model, model.head
        self._images, self._labels = (part[: settings.probe_samples] for part in (split.images, split.labels))
        on_cpu = self._images.ndim == 4 and self._images.device.type == "cpu"
        # CPUs pool and convolve faster with the channels last: a fifth to a half of the time is saved.
        self._layout = torch.channels_last if on_cpu else torch.contiguous_format
        self._graph = GraphMeasures(model, split.images[:1]) if settings.graph_measures else None

    @torch.no_grad()
    def take(self) -> dict[str, float]:
        """Measure the network as it is now, in evaluation mode, in which it is left.

        Returns:
            ``beta_eff``, ``beta_numerator``, ``beta_denominator``; the ten numbers of the graph's signature
            (``degree_median`` .. ``centrality_kurtosis``, arXiv 2111.05410); ``strength_mean``,
            ``strength_std`` and ``fluctuation_mean`` (arXiv 2110.02628), over the layers whose channels can
            be followed; and ``measure_seconds``. The signature of a network with others is NaN.
        """
        start = time.perf_counter()
        self._model.eval()
        capacitance = self._head.measure(self._features(), self._labels)
        numbers = {
            "beta_eff": capacitance.value,
            "beta_numerator": capacitance.numerator,
            "beta_denominator": capacitance.denominator,
        }
        if self._graph:
            numbers |= self._graph.measure()
        return {**numbers, "measure_seconds": time.perf_counter() - start}

    def _features(self) -> Tensor:
        try:
            return self._forward(self._layout)
        except RuntimeError:
            # A module of the user's own may insist on the usual layout, as Tensor.view does.
            self._layout = torch.contiguous_format
            return self._forward(self._layout)

    def _forward(self, layout: torch.memory_format) -> Tensor:
        forward: Callable[[Tensor], Tensor] = self._model.forward_features  # type: ignore[assignment]
        chunks = torch.split(self._images, _CHUNK)
        return torch.cat([forward(images.contiguous(memory_format=layout)) for images in chunks])


def measure(model: nn.Module, split: Split, settings: TrainingConfig) -> dict[str, float]:
    """Measure a network once; arguments, result and errors are those of :class:`EpochMeasures`."""
    return EpochMeasures(model, split, settings).take()
