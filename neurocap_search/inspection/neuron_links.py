"""The links between the neurons of a small network, to be drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurocap_search.network_science import WiredLayer, trace_wiring

MOST_NEURONS = 400
"""More would be a grey cloud in print."""

MOST_LAYERS = 24
"""More columns would run into one another."""

MOST_LINKS = 600
"""Links kept, the strongest of each layer."""

_Channels = Sequence[frozenset[tuple[int, int]]]
"""For each input channel the neurons it is made of: number of the layer, -1 for the input, and channel."""

_Links = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class NeuronLinks:
    """The neurons of a network, and the strongest links of each layer.

    Attributes:
        groups: The neurons of "input" and of each layer, in the order of running.
        lower: The neuron that each link comes from, (links,).
        upper: The neuron that it goes to.
        weights: Its weight. A kernel is one link: the norm of its entries, with the sign of their sum.
        total: Links of the network.

    Example:
        >>> NeuronLinks({"input": range(1), "fc": range(1, 2)}, *np.array([[0], [1], [-2]]), total=1).total
        1
    """

    groups: Mapping[str, range]
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    weights: NDArray[np.float64]
    total: int


def neuron_links(network: nn.Module, inputs: Tensor) -> NeuronLinks | None:
    """Find the neurons and the strongest links of a small network.

    Channels and units are neurons. Where a linear layer reads the network's input, each pixel is one; where a
    channel is a sum of several (a residual connection), the next layer's link is drawn from each of them.

    Args:
        network: Any module whose forward takes one tensor.
        inputs: A batch of which only the shape matters.

    Returns:
        The links, or None for a network of more than ``MOST_NEURONS`` or ``MOST_LAYERS``.

    Raises:
        ValueError: If an operation between two layers mixes channels, or a layer runs twice.

    Example:
        >>> links = neuron_links(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), torch.zeros(1, 2))
        >>> links.groups, len(links.weights)
        ({'input': range(0, 2), '0': range(2, 5), '1': range(5, 6)}, 9)
    """
    layers = trace_wiring(network, inputs)
    groups = _groups(layers, inputs)
    if not layers or len(groups) > MOST_LAYERS + 1 or sum(map(len, groups.values())) > MOST_NEURONS:
        return None
    starts = [neurons.start for neurons in groups.values()]
    links = [_links(layer, starts, starts[number]) for number, layer in enumerate(layers, 1)]
    strongest = [_strongest(found, MOST_LINKS // len(layers)) for found in links]
    lower, upper, weights = (np.concatenate(part) for part in zip(*strongest, strict=True))
    return NeuronLinks(groups, lower, upper, weights, sum(len(found[0]) for found in links))


def _groups(layers: Sequence[WiredLayer], inputs: Tensor) -> dict[str, range]:
    pixels = bool(layers) and _reads_pixels(layers[0])
    sizes = {"input": layers[0].operator.in_channels if pixels else inputs.shape[1]}
    sizes |= {layer.operator.name: layer.operator.out_channels for layer in layers}
    if len(sizes) <= len(layers):
        raise ValueError("a layer runs twice, so that its neurons would stand in two columns")
    ends = np.cumsum(list(sizes.values())).tolist()
    return {name: range(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}


def _reads_pixels(layer: WiredLayer) -> bool:
    reads_input = all(number < 0 for channel in _known(layer) for number, _ in channel)
    return reads_input and not layer.operator.is_convolution


def _known(layer: WiredLayer) -> _Channels:
    if layer.sources is None:
        raise ValueError(
            f"layer {layer.operator.name!r}: an operation before it mixes the channels, so that the links "
            "into it cannot be told apart"
        )
    return layer.sources


def _links(layer: WiredLayer, starts: Sequence[int], start: int) -> _Links:
    operator, sources = layer.operator, _known(layer)
    if _reads_pixels(layer):
        sources = tuple(frozenset({(-1, pixel)}) for pixel in range(operator.in_channels))
    weight = operator.weight.detach().to("cpu", torch.float64)
    kernels = weight.reshape(len(weight), len(sources) // operator.groups, -1)
    signs = torch.where(kernels.sum(2) < 0, -1.0, 1.0)
    return _ends(sources, (torch.linalg.vector_norm(kernels, dim=2) * signs).numpy(), starts, start)


def _ends(sources: _Channels, signed: NDArray[np.float64], starts: Sequence[int], start: int) -> _Links:
    filters, width = signed.shape
    blocks = len(sources) // width  # Groups of a grouped convolution.
    rows = np.arange(filters)
    parts = []
    for channel, several in enumerate(sources):
        block, column = divmod(channel, width)
        own = rows[block * filters // blocks : (block + 1) * filters // blocks]
        for number, index in sorted(several):
            parts.append((np.full(len(own), starts[number + 1] + index), own + start, signed[own, column]))
    lower, upper, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return lower, upper, weights


def _strongest(links: _Links, most: int) -> _Links:
    lower, upper, weights = links
    order = np.argsort(-np.abs(weights), kind="stable")[:most]
    return lower[order], upper[order], weights[order]
