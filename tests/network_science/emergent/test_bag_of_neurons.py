import json
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.network_science.emergent.bag_of_neurons import BagOfNeurons
from neurocap_search.network_science.emergent.neuron_features import LayerNormalisation, neuron_features
from neurocap_search.network_science.emergent.neuron_types import MNIST_NEURON_TYPES, NeuronTypes
from tests.network_science.emergent.perceptrons import random_weights

SIZES = (6, 5, 4, 3)
SCALE = LayerNormalisation(1.0, (0.0, 1.0), 4.0)
NETWORKS = [random_weights(SIZES, seed) for seed in range(8)]


@pytest.fixture(scope="module")
def fitted():
    return BagOfNeurons(3, n_init=5).fit(NETWORKS)


def inertia(points, centroids):
    return ((points[:, None] - centroids) ** 2).sum(-1).min(1).sum()


def test_shares_are_counts_of_the_sorted_neurons(fitted):
    rows = fitted.transform(NETWORKS)
    assert rows.shape == (8, 3)
    for row, network in zip(rows, NETWORKS, strict=True):
        numbers = np.concatenate(fitted.types_.sort(network))
        assert row.tolist() == [(numbers == k).mean() for k in range(3)]


def test_per_layer_there_is_a_histogram_for_each_hidden_layer(fitted):
    bag = BagOfNeurons.from_types(fitted.types_, per_layer=True)
    rows = bag.transform(NETWORKS)
    assert rows.shape == (8, 6)
    np.testing.assert_allclose(rows.reshape(8, 2, 3).sum(2), 1.0)
    joint = fitted.transform(NETWORKS)
    np.testing.assert_allclose((5 * rows[:, :3] + 4 * rows[:, 3:]) / 9, joint)


def test_the_types_are_the_best_of_lloyds_algorithm_from_many_starts():
    networks = NETWORKS[:3]
    bag = BagOfNeurons(3, normalisation=(SCALE, SCALE)).fit(networks)
    points = np.concatenate([SCALE.apply(layer) for n in networks for layer in neuron_features(n)])
    rng, best = np.random.default_rng(0), np.inf
    for _ in range(300):
        centroids = points[rng.choice(len(points), 3, replace=False)]
        for _ in range(50):
            nearest = ((points[:, None] - centroids) ** 2).sum(-1).argmin(1)
            centroids = np.array(
                [points[nearest == k].mean(0) if (nearest == k).any() else centroids[k] for k in range(3)]
            )
        best = min(best, inertia(points, centroids))
    assert inertia(points, np.array(bag.types_.centroids)) == pytest.approx(best, rel=1e-6)


def test_the_defaults_are_those_of_the_paper():
    bag = BagOfNeurons()
    assert (bag.n_types, bag.n_init, bag.max_iter, bag.random_state) == (6, 100, 100, 666999)


def test_fitting_again_gives_the_same_types(fitted):
    again = BagOfNeurons(3, n_init=5)
    np.testing.assert_array_equal(again.fit_transform(iter(NETWORKS)), fitted.transform(NETWORKS))
    assert again.types_ == fitted.types_


@settings(max_examples=20, deadline=None, database=None)
@given(seed=st.integers(0, 10_000), order=st.sampled_from(list(permutations(range(5)))))
def test_the_order_of_the_neurons_does_not_count(fitted, seed, order):
    first, second, third = random_weights(SIZES, seed)
    shuffled = [first[list(order)], second[:, list(order)], third]
    np.testing.assert_allclose(fitted.transform([shuffled]), fitted.transform([[first, second, third]]))


def test_json_brings_back_the_same_descriptors(fitted):
    for bag in (fitted, BagOfNeurons.from_types(fitted.types_, per_layer=True)):
        text = bag.to_json()
        assert json.loads(text)["version"] == 1
        back = BagOfNeurons.from_json(text)
        assert back.types_ == bag.types_
        assert (back.per_layer, back.n_init, back.n_types) == (bag.per_layer, bag.n_init, bag.n_types)
        np.testing.assert_array_equal(back.transform(NETWORKS), bag.transform(NETWORKS))
        assert back.to_json() == text


def test_no_networks_have_no_rows_but_the_right_width():
    assert BagOfNeurons.from_types(MNIST_NEURON_TYPES, per_layer=True).transform([]).shape == (0, 12)


@pytest.mark.parametrize("text", ['{"format": "neurocap_search.bag_of_neurons", "version": 2}', "{}"])
def test_another_version_is_refused(text):
    message = (
        r"expected format and version \('neurocap_search.bag_of_neurons', 1\), received \(.*; write it anew"
    )
    with pytest.raises(ValueError, match=message):
        BagOfNeurons.from_json(text)


@pytest.mark.parametrize("use", [lambda bag: bag.transform(NETWORKS), BagOfNeurons.to_json])
def test_without_types_nothing_can_be_described(use):
    with pytest.raises(
        ValueError, match=r"no types are known: call fit\(networks\), or start with BagOfNeurons"
    ):
        use(BagOfNeurons())


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ([], r"networks: expected hidden layers of one size, received \[\]; fit each size alone"),
        ([NETWORKS[0], random_weights((3, 4, 2), 0)], r"of one size, received \[\(4,\), \(5, 4\)\]"),
        ([NETWORKS[0], random_weights((6, 5, 3, 3), 0)], r"of one size, received \[\(5, 3\), \(5, 4\)\]"),
        (
            [random_weights((4, 3, 2), 0)],
            "networks: expected at least 6 different neurons, received 3; fit on more",
        ),
    ],
)
def test_networks_that_cannot_be_fitted_are_refused(networks, message):
    with pytest.raises(ValueError, match=message):
        BagOfNeurons(n_init=1).fit(networks)


def test_known_types_are_used_as_they_are():
    types = NeuronTypes(((0.0, 0.0, 0.0), (9.0, 9.0, 9.0)), (SCALE, SCALE))
    assert BagOfNeurons.from_types(types).transform(NETWORKS[:1]).tolist() == [[1.0, 0.0]]
