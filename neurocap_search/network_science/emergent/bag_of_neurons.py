"""Bag-of-Neurons: a network described by the shares of its neuron types (arXiv 2107.14062)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Self

import numpy as np
from numpy.typing import NDArray

from neurocap_search.network_science.emergent.neuron_features import (
    LayerNormalisation,
    learned_normalisation,
    neuron_features,
    normalised,
)
from neurocap_search.network_science.emergent.neuron_graph import LayerValues, Weights
from neurocap_search.network_science.emergent.neuron_types import NeuronTypes

Array = NDArray[np.float64]

_FORMAT = ("neurocap_search.bag_of_neurons", 1)


class BagOfNeurons:
    """Sort the hidden neurons of perceptrons into types and describe each network by their shares.

    Neurons are points (strength, bipartite clustering, subgraph centrality), normalised layer by layer; the
    types are the centroids of k-means over the neurons of all networks, and the descriptor of a network is
    the histogram of its neurons' nearest centroids. The defaults are those of arXiv 2107.14062: k-means++,
    100 starts, at most 100 iterations. Types already known are taken up with ``from_types``.

    Not for networks with convolutions or biases, nor for other sizes than those fitted on.

    Args:
        n_types: number of types, k.
        per_layer: whether the descriptor holds one histogram a hidden layer, or one of all neurons.
        normalisation: constants of each hidden layer; None means that ``fit`` chooses them.
        n_init: starts of k-means.
        max_iter: iterations of each.
        random_state: seed of k-means.

    Attributes:
        types_: the types, after ``fit``.

    Example:
        >>> from neurocap_search.network_science.emergent.neuron_types import MNIST_NEURON_TYPES
        >>> draw, bag = np.random.default_rng(0), BagOfNeurons.from_types(MNIST_NEURON_TYPES)
        >>> network = [draw.uniform(-0.9, 0.9, shape) for shape in ((200, 784), (100, 200), (10, 100))]
        >>> bag.transform([network]).shape
        (1, 6)
    """

    def __init__(
        self,
        n_types: int = 6,
        *,
        per_layer: bool = False,
        normalisation: Sequence[LayerNormalisation] | None = None,
        n_init: int = 100,
        max_iter: int = 100,
        random_state: int = 666999,
    ) -> None:
        self.n_types, self.per_layer, self.normalisation = n_types, per_layer, normalisation
        self.n_init, self.max_iter, self.random_state = n_init, max_iter, random_state
        self.types_: NeuronTypes | None = None

    @classmethod
    def from_types(cls, types: NeuronTypes, *, per_layer: bool = False) -> Self:
        """Start from types already known, such as ``MNIST_NEURON_TYPES``, instead of fitting."""
        bag = cls(len(types.centroids), per_layer=per_layer, normalisation=types.normalisation)
        bag.types_ = types
        return bag

    def fit(self, networks: Iterable[Weights], y: object = None) -> Self:
        """Find the types among the neurons of all networks.

        Args:
            networks: for each its weight matrices or a module, all of the same sizes.
            y: not used; here as scikit-learn has it.

        Returns:
            This object.

        Raises:
            ValueError: if there are fewer different neurons than types, the networks' hidden layers differ in
                number or size, or there are no networks.
        """
        pooled = _pooled([neuron_features(network) for network in networks])
        constants = learned_normalisation(pooled) if self.normalisation is None else tuple(self.normalisation)
        points = np.concatenate(normalised(pooled, constants))
        if (different := len(np.unique(points, axis=0))) < self.n_types:
            raise ValueError(
                f"networks: expected at least {self.n_types} different neurons, received {different}; "
                "fit on more networks or with fewer types"
            )
        # Imported here: it takes half a second, which every worker of a search would wait.
        from sklearn.cluster import KMeans

        kmeans = KMeans(
            self.n_types, n_init=self.n_init, max_iter=self.max_iter, random_state=self.random_state
        ).fit(points)
        self.types_ = _types(kmeans.cluster_centers_.tolist(), constants)
        return self

    def transform(self, networks: Iterable[Weights]) -> Array:
        """Describe each network by the shares of its neuron types.

        Args:
            networks: for each its weight matrices or a module.

        Returns:
            (networks, n_types), each row summing to 1; with ``per_layer`` (networks, layers * n_types), the
            histograms of the hidden layers in order, each summing to 1.

        Raises:
            ValueError: if no types are known, or a network has another number of layers than fitted on.
        """
        types = self._known_types()
        rows = [self._describe(types.sort(network)) for network in networks]
        histograms = len(types.normalisation) if self.per_layer else 1
        return np.array(rows, np.float64).reshape(len(rows), histograms * self.n_types)

    def fit_transform(self, networks: Iterable[Weights], y: object = None) -> Array:
        """Find the types and describe the same networks."""
        kept = list(networks)
        return self.fit(kept).transform(kept)

    def to_json(self) -> str:
        """Write the settings and the types as versioned JSON, for ``from_json``."""
        name, version = _FORMAT
        settings = {key: getattr(self, key) for key in ("per_layer", "n_init", "max_iter", "random_state")}
        return json.dumps({"format": name, "version": version, **settings, **asdict(self._known_types())})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote; the constants of normalisation become settings.

        Raises:
            ValueError: if the text is of another format or version.
        """
        state = json.loads(text)
        found = (state.pop("format", None), state.pop("version", None))
        if found != _FORMAT:
            raise ValueError(f"text: expected format and version {_FORMAT}, received {found}; write it anew")
        constants = [_normalisation(**layer) for layer in state.pop("normalisation")]
        types = _types(state.pop("centroids"), constants)
        bag = cls(len(types.centroids), normalisation=types.normalisation, **state)
        bag.types_ = types
        return bag

    def _known_types(self) -> NeuronTypes:
        if self.types_ is None:
            raise ValueError("no types are known: call fit(networks), or start with BagOfNeurons.from_types")
        return self.types_

    def _describe(self, layers: Sequence[NDArray[np.intp]]) -> Array:
        groups = layers if self.per_layer else [np.concatenate(layers)]
        return np.concatenate([np.bincount(g, minlength=self.n_types) / len(g) for g in groups])


def _pooled(networks: Sequence[LayerValues]) -> LayerValues:
    """Join the neurons of all networks, layer by layer."""
    sizes = sorted({tuple(map(len, layers)) for layers in networks})
    if len(sizes) != 1:
        raise ValueError(
            f"networks: expected hidden layers of one size, received {sizes}; fit each size alone"
        )
    return tuple(np.concatenate(layer) for layer in zip(*networks, strict=True))


def _types(centroids: Sequence[Sequence[float]], constants: Sequence[LayerNormalisation]) -> NeuronTypes:
    points = tuple((float(s), float(c), float(g)) for s, c, g in centroids)
    return NeuronTypes(points, tuple(constants))


def _normalisation(strength: float, clustering: Sequence[float], subgraph: float) -> LayerNormalisation:
    return LayerNormalisation(strength, (clustering[0], clustering[1]), subgraph)
