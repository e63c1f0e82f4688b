import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.network_science.emergent.distances import harmonic_centrality, second_order_centrality
from neurocap_search.network_science.emergent.neuron_graph import neuron_graph
from tests.network_science.emergent.perceptrons import (
    SIZES,
    as_networkx,
    assert_layers,
    hidden_values,
    is_positive,
    random_weights,
)

random_networks = given(sizes=st.sampled_from(SIZES), seed=st.integers(0, 10_000))
quickly = settings(max_examples=30, deadline=None, database=None)


@quickly
@random_networks
def test_harmonic_centrality_matches_networkx(sizes, seed):
    weights = random_weights(sizes, seed)
    expected = networkx.harmonic_centrality(as_networkx(weights, keep=is_positive), distance="weight")
    assert_layers(harmonic_centrality(neuron_graph(weights)), hidden_values(expected, weights))


def test_harmonic_centrality_of_a_neuron_out_of_reach_is_zero():
    weights = [np.array([[-1.0], [2.0]]), np.array([[-1.0, 0.5]])]
    # 1/2 to the input and 1/0.5 to the output.
    assert harmonic_centrality(neuron_graph(weights))[0].tolist() == [0.0, 2.5]


def by_hitting_times(weights):
    """The definition: for each node the system of its hitting times, column by column."""
    positive = networkx.to_numpy_array(as_networkx(weights, keep=is_positive))
    n, strengths = len(positive), positive.sum(1)
    T = (positive + np.diag(strengths.max() - strengths)) / strengths.max()
    values = []
    for i in range(n):
        without = T.copy()
        without[:, i] = 0.0
        hitting = np.linalg.solve(np.eye(n) - without, np.ones(n))
        values.append(np.sqrt(2 * hitting.sum() - n * (n + 1)))
    return dict(zip(as_networkx(weights), values, strict=True))


@quickly
@random_networks
def test_second_order_centrality_matches_its_definition(sizes, seed):
    weights = random_weights(sizes, seed, low=-0.2)
    if not networkx.is_connected(as_networkx(weights, keep=is_positive)):
        return
    expected = hidden_values(by_hitting_times(weights), weights)
    assert_layers(second_order_centrality(neuron_graph(weights)), expected, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sizes", SIZES)
def test_second_order_centrality_matches_networkx(sizes, seed):
    weights = random_weights(sizes, seed, low=0.1)
    expected = networkx.second_order_centrality(as_networkx(weights), weight="weight")
    assert_layers(second_order_centrality(neuron_graph(weights)), hidden_values(expected, weights), rtol=1e-6)


def test_return_times_of_a_simulated_walk():
    weights = [np.array([[0.5, 1.0]]), np.array([[1.5]])]
    rng, steps = np.random.default_rng(0), 200_000
    hidden, leaving = 2, np.array([0.5, 1.0, 3.0, 1.5]) / 3.0
    to = rng.choice([0, 1, 3], steps, p=np.array([0.5, 1.0, 1.5]) / 3.0)
    node, visits = hidden, []
    for step, chance in enumerate(rng.random(steps)):
        if chance < leaving[node]:
            node = int(to[step]) if node == hidden else hidden
        if node == hidden:
            visits.append(step)
    (found,) = second_order_centrality(neuron_graph(weights))[0]
    assert found == pytest.approx(np.diff(visits).std(), rel=0.03)


def test_pieces_are_refused():
    weights = [np.array([[-1.0], [1.0]]), np.array([[-1.0, 1.0]])]
    with pytest.raises(
        ValueError, match="the positive ones split the neurons into 2 pieces, and a random walk"
    ):
        second_order_centrality(neuron_graph(weights))
