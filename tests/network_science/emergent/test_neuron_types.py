import numpy as np
import pytest

from neurocap_search.network_science.emergent.neuron_features import LayerNormalisation, neuron_features
from neurocap_search.network_science.emergent.neuron_types import (
    MNIST_NEURON_TYPES,
    MNIST_NORMALISATION,
    MNIST_SHARES,
    NeuronTypes,
)
from tests.network_science.emergent.perceptrons import random_weights


def test_each_neuron_gets_the_nearest_centroid_in_the_scale_of_its_layer():
    weights = random_weights((5, 4, 3, 2), seed=0)
    scales = (LayerNormalisation(2.0, (0.1, 0.9), 3.0), LayerNormalisation(0.5, (0.0, 0.5), 7.0))
    centroids = ((0.0, 0.0, 0.0), (-0.5, 0.2, 0.5), (0.5, 0.5, 1.0), (-1.0, 1.0, 0.3))
    found = NeuronTypes(centroids, scales).sort(weights)
    for numbers, values, scale in zip(found, neuron_features(weights), scales, strict=True):
        for number, (s, c, g) in zip(numbers, values, strict=True):
            low, high = scale.clustering
            point = np.array([s / scale.strength, (c - low) / (high - low), g / scale.subgraph])
            distances = [np.linalg.norm(point - centroid) for centroid in centroids]
            assert number == distances.index(min(distances))
    assert [len(numbers) for numbers in found] == [4, 3]


def test_the_published_types_are_the_ones_of_the_reference():
    assert np.array(MNIST_NEURON_TYPES.centroids).sum(0) == pytest.approx([-0.173, 4.741, 1.042])
    assert MNIST_NEURON_TYPES.normalisation == MNIST_NORMALISATION
    assert sum(MNIST_SHARES) == pytest.approx(1.0)


def test_networks_of_another_depth_are_refused():
    with pytest.raises(ValueError, match="networks: expected 2 hidden layers, received 1; the constants"):
        MNIST_NEURON_TYPES.sort(random_weights((3, 4, 2), seed=0))
