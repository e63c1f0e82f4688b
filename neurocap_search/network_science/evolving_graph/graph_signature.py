"""The signature of a network's graph over the first epochs of its training (arXiv 2111.05410)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from neurocap_search.network_science.evolving_graph.centrality import eigenvector_centrality, weighted_degree
from neurocap_search.network_science.evolving_graph.rolled_graph import RolledGraph, rolled_graph

FIVE_NUMBERS = ("median", "mean", "standard_deviation", "skewness", "kurtosis")
"""The names of the five numbers, in their order."""

_FEATURES = {"weighted_degree": weighted_degree, "eigenvector_centrality": eigenvector_centrality}


def five_numbers(values: ArrayLike) -> NDArray[np.float64]:
    """Summarise values by NetSimile's five aggregators (arXiv 1209.2684).

    With central moments m_k = mean((x - mean)^k): the median, the mean, the standard deviation m_2^(1/2)
    (divided by n, not n - 1), the skewness m_3 / m_2^(3/2) and Fisher's excess kurtosis m_4 / m_2^2 - 3 (0
    for a normal distribution), both without bias correction, as NumPy and SciPy compute them by default.
    Values that are equal but for rounding have skewness and kurtosis 0, where SciPy gives NaN.

    Not for few values: skewness and kurtosis of n values cannot exceed about n^(1/2) and n.

    Args:
        values: any shape, at least one value, all finite.

    Returns:
        (5,), in the order of ``FIVE_NUMBERS``; the first three in the values' unit, the others without one.

    Raises:
        ValueError: if there is no value, or one is infinite or NaN.

    Example:
        >>> five_numbers([0.0, 0.0, 0.0, 4.0]).round(3).tolist()
        [0.0, 1.0, 1.732, 1.155, -0.667]
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    if broken := int((~np.isfinite(x)).sum()) or not x.size:
        received = f"{broken} infinite or NaN of {x.size}" if x.size else "none"
        raise ValueError(f"values: expected one or more finite values, received {received}; leave them out")
    mean = x.mean()
    deviations = x - mean
    largest = np.abs(deviations).max()
    if largest <= 1e-13 * abs(mean):  # What rounding leaves of a constant has no shape.
        return np.array([np.median(x), mean, largest, 0.0, 0.0])
    scaled = deviations / largest  # Fourth powers of tiny deviations would vanish.
    m2, m3, m4 = (np.mean(scaled**power) for power in (2, 3, 4))
    return np.array([np.median(x), mean, largest * m2**0.5, m3 / m2**1.5, m4 / m2**2 - 3])


class GraphSignature:
    """Collects the signature of a network in training, one epoch at each update.

    One epoch gives five numbers for each node feature of the rolled graph; the signature of T epochs is their
    concatenation, of 5 T numbers for one feature and 10 T for both. It is what a classifier predicts the
    final accuracy from (arXiv 2111.05410; both the choice of NetSimile's aggregators and the
    concatenation are reconstructed).

    Not for comparing networks after different numbers of epochs: their signatures differ in length.

    Args:
        features: "weighted_degree", "eigenvector_centrality" or both, in the order wanted.

    Raises:
        ValueError: if there is no feature, an unknown one, or one given twice.

    Example:
        >>> import torch
        >>> net, signature = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), GraphSignature()
        >>> for epoch in range(2):
        ...     signature.update(net, torch.zeros(1, 2))
        >>> signature.compute().shape, signature.names[0], signature.names[-1]
        ((20,), 'epoch_1/weighted_degree/median', 'epoch_2/eigenvector_centrality/kurtosis')
    """

    def __init__(self, features: Sequence[str] = tuple(_FEATURES)) -> None:
        known = [feature for feature in features if feature in _FEATURES]
        if isinstance(features, str) or not known or len(set(known)) != len(features):
            choice = ", ".join(_FEATURES)
            raise ValueError(f"features: received {features!r}; give a list of one or more of {choice}")
        self.features = tuple(features)
        self._epochs: list[NDArray[np.float64]] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each number that ``compute`` returns: epoch (from 1), feature, aggregator."""
        epochs = range(1, len(self._epochs) + 1)
        return tuple(f"epoch_{t}/{name}/{n}" for t in epochs for name in self.features for n in FIVE_NUMBERS)

    def update(self, network: nn.Module | RolledGraph, inputs: Tensor | None = None) -> None:
        """Append one epoch.

        Args:
            network: the network as it is after the epoch, or its rolled graph.
            inputs: a batch for a network, of which only the shape matters.

        Raises:
            ValueError: if a network comes without inputs, or ``rolled_graph`` refuses it. Nothing is
                appended then.
        """
        if isinstance(network, nn.Module):
            if inputs is None:
                raise ValueError("inputs: received None with a network; give a batch of the right shape")
            network = rolled_graph(network, inputs)
        numbers = [five_numbers(_FEATURES[name](network.adjacency)) for name in self.features]
        self._epochs.append(np.concatenate(numbers))

    def compute(self) -> NDArray[np.float64]:
        """Return the signature so far, (5 T,) or (10 T,); an error before the first update."""
        if not self._epochs:
            raise RuntimeError("signature: received compute() before any update(); update it once an epoch")
        return np.concatenate(self._epochs)

    def reset(self) -> None:
        """Forget all epochs."""
        self._epochs.clear()
