"""The types into which hidden neurons fall, and those published (arXiv 2107.14062)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocap_search.network_science.emergent.neuron_features import (
    LayerNormalisation,
    neuron_features,
    normalised,
)
from neurocap_search.network_science.emergent.neuron_graph import Weights


@dataclass(frozen=True)
class NeuronTypes:
    """Types of neurons: centroids in the space of strength, bipartite clustering and subgraph centrality.

    Not for networks of other sizes than those whose neurons they were found among: the constants of
    normalisation belong to one architecture.

    Attributes:
        centroids: the normalised coordinates of each type.
        normalisation: the constants of each hidden layer.

    Example:
        >>> scale = LayerNormalisation(4.0, (0.0, 1.0), 3.0)
        >>> types = NeuronTypes(((0.0, 0.0, 0.0), (1.0, 0.0, 1.0)), (scale,))
        >>> types.sort([np.array([[2.0, -1.0]]), np.array([[3.0]])])
        (array([1]),)
    """

    centroids: tuple[tuple[float, float, float], ...]
    normalisation: tuple[LayerNormalisation, ...]

    def sort(self, network: Weights) -> tuple[NDArray[np.intp], ...]:
        """Give each hidden neuron the number of its nearest centroid, (n_l,) for each hidden layer.

        Raises:
            ValueError: if the network has not as many hidden layers as there are constants.
        """
        layers = normalised(neuron_features(network), self.normalisation)
        return tuple(self._nearest(points) for points in layers)

    def _nearest(self, points: NDArray[np.float64]) -> NDArray[np.intp]:
        distances = ((points[:, None, :] - np.array(self.centroids)) ** 2).sum(-1)
        nearest: NDArray[np.intp] = distances.argmin(1)
        return nearest


MNIST_NORMALISATION = (
    LayerNormalisation(76.098135, (0.4008458, 0.4845478), 5.9953e89),
    LayerNormalisation(39.782471, (0.3292199, 0.5009741), 1.59264e89),
)
"""The authors' constants for MNIST and 784-200-100-10 neurons, first and second hidden layer."""

MNIST_NEURON_TYPES = NeuronTypes(
    centroids=(
        (0.324, 0.892, 0.172),
        (-0.214, 0.730, 0.127),
        (-0.397, 0.569, 0.112),
        (0.119, 0.864, 0.130),
        (-0.053, 0.815, 0.126),
        (0.048, 0.871, 0.375),
    ),
    normalisation=MNIST_NORMALISATION,
)
"""The authors' types for MNIST, of 1,000 trained networks and both hidden layers, to three decimals."""

MNIST_SHARES = (0.121, 0.206, 0.079, 0.246, 0.278, 0.070)
"""The share of each of these types among the 300,000 hidden neurons, to three decimals."""
