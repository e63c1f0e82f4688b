"""The three measures by which neurons are sorted into types, on a common scale (arXiv 2107.14062)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocap_search.network_science.emergent.measures import emergent_measures
from neurocap_search.network_science.emergent.neuron_graph import LayerValues, Weights

TOP_MEASURES = ("signed_strength", "bipartite_clustering", "subgraph_centrality")
"""The three measures in which neurons are sorted, in the order of the centroids' coordinates."""


@dataclass(frozen=True)
class LayerNormalisation:
    """Constants that bring the three measures of one hidden layer to a common scale.

    They belong to a data set and an architecture. Not for networks of other sizes: the subgraph centrality
    alone differs by many orders of magnitude.

    Attributes:
        strength: the strength is divided by it.
        clustering: the clustering coefficients that become 0 and 1.
        subgraph: the subgraph centrality is divided by it.

    Raises:
        ValueError: if a divisor or the range of clustering is not above 0.

    Example:
        >>> LayerNormalisation(2.0, (0.0, 0.5), 4.0).apply(np.array([[1.0, 0.25, 1.0]]))
        array([[0.5 , 0.5 , 0.25]])
    """

    strength: float
    clustering: tuple[float, float]
    subgraph: float

    def __post_init__(self) -> None:
        low, high = self.clustering
        for name, scale in (
            ("strength", self.strength),
            ("clustering", high - low),
            ("subgraph", self.subgraph),
        ):
            if not 0 < scale < np.inf:
                raise ValueError(
                    f"{name}: expected a finite scale above 0, received {scale}; "
                    "fit on more networks, or on wider ones"
                )

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normalise strength, clustering and subgraph centrality of neurons, (n, 3) to (n, 3)."""
        low, high = self.clustering
        scaled: NDArray[np.float64] = (values - (0.0, low, 0.0)) / (self.strength, high - low, self.subgraph)
        return scaled


def learned_normalisation(layers: LayerValues) -> tuple[LayerNormalisation, ...]:
    """Choose constants such that the largest value of each measure becomes 1.

    The paper's constants have this form for its 1,000 networks: the largest absolute strength, the smallest
    and largest clustering, the largest subgraph centrality. That the authors chose them so is inferred from
    the values, not read in the paper.

    Args:
        layers: for each hidden layer the measures of its neurons over all networks, (n, 3).

    Raises:
        ValueError: if all values of a measure are equal in a layer.

    Example:
        >>> learned_normalisation((np.array([[-2.0, 0.25, 8.0], [1.0, 0.5, 4.0]]),))
        (LayerNormalisation(strength=2.0, clustering=(0.25, 0.5), subgraph=8.0),)
    """
    return tuple(
        LayerNormalisation(
            strength=float(np.abs(values[:, 0]).max()),
            clustering=(float(values[:, 1].min()), float(values[:, 1].max())),
            subgraph=float(values[:, 2].max()),
        )
        for values in layers
    )


def neuron_features(weights: Weights) -> LayerValues:
    """Compute strength, bipartite clustering and subgraph centrality of hidden neurons, not normalised.

    Not for networks of several thousand neurons, whose subgraph centrality leaves the range of float64.

    Args:
        weights: one (n_l, n_{l-1}) matrix a layer, or a network of linear layers without biases.

    Returns:
        For each hidden layer (n_l, 3).

    Raises:
        ValueError: as ``emergent_measures``.

    Example:
        >>> neuron_features([np.array([[2.0, -1.0]]), np.array([[3.0]])])[0].round(3).tolist()
        [[4.0, 0.0, 2.178]]
    """
    measures = emergent_measures(weights, TOP_MEASURES)
    return tuple(np.stack(layer, axis=1) for layer in zip(*measures.values(), strict=True))


def normalised(layers: LayerValues, constants: Sequence[LayerNormalisation]) -> list[NDArray[np.float64]]:
    """Normalise the measures of each hidden layer with its own constants.

    Args:
        layers: for each hidden layer (n, 3).
        constants: one a hidden layer.

    Raises:
        ValueError: if there are not as many constants as layers.

    Example:
        >>> normalised((np.array([[1.0, 0.25, 1.0]]),), [LayerNormalisation(2.0, (0.0, 0.5), 4.0)])
        [array([[0.5 , 0.5 , 0.25]])]
    """
    if len(layers) != len(constants):
        raise ValueError(
            f"networks: expected {len(constants)} hidden layers, received {len(layers)}; the constants of "
            "normalisation belong to one architecture, so fit anew on networks of this one"
        )
    return [layer.apply(values) for values, layer in zip(layers, constants, strict=True)]
