import math
from itertools import pairwise, product

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torchvision.models import resnet18

from neurocap_search.network_science.evolving_graph.published_networks import alexnet_cifar, lenet, vgg_cifar
from neurocap_search.network_science.evolving_graph.rolled_graph import rolled_graph


class Residual(nn.Module):
    """A stem, a block with an identity shortcut, one with a projection, one with an identity, a head."""

    def __init__(self, *, projection_first=False):
        super().__init__()
        self.projection_first = projection_first
        self.stem = nn.Conv2d(2, 3, 3, padding=1)
        self.a1, self.a2 = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
        self.b1, self.b2 = nn.Conv2d(3, 2, 3, padding=1, stride=2), nn.Conv2d(2, 5, 3, padding=1)
        self.projection, self.norm = nn.Conv2d(3, 5, 1, stride=2), nn.BatchNorm2d(5)
        self.c1, self.c2 = nn.Conv2d(5, 2, 1), nn.Conv2d(2, 5, 1)
        self.head = nn.Linear(5, 4)

    def forward(self, x):
        x = self.stem(x).relu()
        x = functional.relu(x + self.a2(self.a1(x).relu()))
        if self.projection_first:
            shortcut = self.projection(x)
            x = self.norm(self.b2(self.b1(x).relu())) + shortcut
        else:
            x = self.norm(self.b2(self.b1(x).relu())) + self.projection(x)
        x = x.relu()
        x = x + self.c2(self.c1(x))
        return self.head(x.mean((2, 3)))


RESIDUAL_CHAIN = [
    *(("stem", "input"), ("a1", "stem"), ("a2", "a1"), ("b1", "a2"), ("b2", "b1"), ("projection", "a2")),
    *(("c1", "b2"), ("c2", "c1"), ("head", "c2")),
]
RESIDUAL_SHORTCUTS = [("stem", "a2", 3), ("projection", "b2", 5), ("b2", "c2", 5)]


def by_loops(network, chain, shortcuts=(), groups=1):
    """The rolled graph from a state dictionary, edge by edge; nodes are (layer, channel)."""
    graph, state = networkx.Graph(), network.state_dict()
    sizes = {}
    for layer, before in chain:
        weight = state[f"{layer}.weight"].double().numpy()
        inputs = sizes.get(before, weight.shape[1] * (groups if weight.ndim == 4 else 1))
        sizes |= {before: inputs, layer: weight.shape[0]}
        for i, j in product(range(weight.shape[0]), range(inputs)):
            if weight.ndim == 4:
                here, there = i // (weight.shape[0] // groups), j // (inputs // groups)
                if here != there:
                    continue
                kernel = weight[i, j % (inputs // groups)].ravel()
            else:
                block = weight.shape[1] // inputs
                kernel = weight[i, j * block : (j + 1) * block]
            graph.add_edge((before, j), (layer, i), weight=math.sqrt(sum(w * w for w in kernel)))
    for layer, main, channels in shortcuts:
        for c in range(channels):
            known = graph.get_edge_data((layer, c), (main, c), {"weight": 0.0})["weight"]
            graph.add_edge((layer, c), (main, c), weight=known + 1.0)
    return graph


def assert_same_graph(found, graph):
    numbers = {(name, c): s.start + c for name, s in found.groups.items() for c in range(s.stop - s.start)}
    nodes = sorted(numbers, key=numbers.get)
    expected = networkx.to_scipy_sparse_array(graph, nodelist=nodes, weight="weight")
    assert found.number_of_nodes == graph.number_of_nodes()
    assert found.number_of_edges == graph.number_of_edges()
    assert (found.adjacency != found.adjacency.T).nnz == 0
    np.testing.assert_allclose(found.adjacency.toarray(), expected.toarray(), rtol=1e-6, atol=0)
    degrees = dict(graph.degree(weight="weight"))
    np.testing.assert_allclose(found.degrees(), [degrees[n] for n in nodes], rtol=1e-6)


@pytest.mark.parametrize(
    ("build", "nodes", "edges"),
    [(lenet, 239, 12_954), (alexnet_cifar, 2_925, 1_160_480), (vgg_cifar, 1_613, 304_576)],
)
def test_published_sizes(build, nodes, edges):
    graph = rolled_graph(build(dropout=0.3), torch.zeros(1, 3, 32, 32))
    assert (graph.number_of_nodes, graph.number_of_edges) == (nodes, edges)
    assert graph.adjacency.dtype == np.float64
    assert graph.adjacency.format == "csr"


def test_lenet_matches_a_graph_built_edge_by_edge():
    torch.manual_seed(0)
    network = lenet()
    names = ["input", "conv1", "conv2", "fc1", "fc2", "fc3"]
    found = rolled_graph(network, torch.randn(2, 3, 32, 32))
    assert list(found.groups) == names
    assert_same_graph(found, by_loops(network, [(b, a) for a, b in pairwise(names)]))


@pytest.mark.parametrize("projection_first", [False, True])
def test_residual_blocks_whichever_branch_runs_first(projection_first):
    torch.manual_seed(1)
    network = Residual(projection_first=projection_first)
    found = rolled_graph(network, torch.zeros(1, 2, 8, 8))
    assert_same_graph(found, by_loops(network, RESIDUAL_CHAIN, RESIDUAL_SHORTCUTS))


def test_resnet18_has_every_kernel_and_each_shortcut_once():
    network = resnet18()
    graph = rolled_graph(network, torch.zeros(1, 3, 32, 32))
    weights = [p for p in network.parameters() if p.ndim > 1]
    assert graph.number_of_nodes == 3 + sum(p.shape[0] for p in weights)
    # Two blocks a stage; the first stage's have identities, the others' first block a projection.
    shortcuts = 2 * (64 + 128 + 256 + 512)
    assert graph.number_of_edges == sum(p.shape[0] * p.shape[1] for p in weights) + shortcuts
    main, projection = graph.groups["layer2.0.conv2"], graph.groups["layer2.0.downsample.0"]
    following = graph.groups["layer2.1.conv1"]
    np.testing.assert_array_equal(graph.adjacency[projection, main].toarray(), np.eye(128))
    assert graph.adjacency[following, main].nnz == 128 * 128
    assert graph.adjacency[following, projection].nnz == 0


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups_of_a_convolution_are_joined_within_themselves(groups):
    torch.manual_seed(2)
    network = nn.Sequential(nn.Conv2d(4, 8, 3, groups=groups), nn.ReLU(), nn.Conv2d(8, 4, 1, groups=groups))
    found = rolled_graph(network, torch.zeros(1, 4, 5, 5))
    assert_same_graph(found, by_loops(network, [("0", "input"), ("2", "0")], groups=groups))


def test_a_shortcut_around_one_layer_adds_to_its_weights():
    class Single(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.last = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.last(x + self.inner(x))

    network = Single()
    found = rolled_graph(network, torch.zeros(1, 3))
    reference = by_loops(network, [("inner", "input"), ("last", "inner")], [("input", "inner", 3)])
    assert_same_graph(found, reference)


def test_three_parallel_branches_are_joined_to_the_deepest():
    class Parallel(nn.Module):
        def __init__(self):
            super().__init__()
            self.deep = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
            self.flat, self.last = nn.Linear(2, 2), nn.Linear(2, 1)

        def forward(self, x):
            return self.last(self.deep(x) + self.flat(x) + x)

    network = Parallel()
    chain = [("deep.0", "input"), ("deep.2", "deep.0"), ("flat", "input"), ("last", "deep.2")]
    shortcuts = [("flat", "deep.2", 2), ("input", "deep.2", 2)]
    found = rolled_graph(network, torch.zeros(1, 2))
    assert_same_graph(found, by_loops(network, chain, shortcuts))


def test_concatenated_channels_keep_their_own_nodes():
    class Dense(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(2, 3, 1), nn.Conv2d(5, 1, 1)

        def forward(self, x):
            return self.two(torch.cat((x, self.one(x)), dim=1))

    network = Dense()
    found = rolled_graph(network, torch.zeros(1, 2, 4, 4))
    two = network.two.weight.detach().abs().flatten().numpy()
    row = found.adjacency[found.groups["two"]].toarray()[0]
    np.testing.assert_allclose(row, [*two, 0.0], rtol=1e-6)


@settings(max_examples=25, deadline=None, database=None)
@given(factor=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
def test_scaling_the_weights_scales_the_degrees(factor, seed):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4)).double()
    inputs = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    before = rolled_graph(network, inputs).degrees()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(-factor)
    np.testing.assert_allclose(rolled_graph(network, inputs).degrees(), factor * before, rtol=1e-12)


def test_pruned_edges_stay_in_the_count():
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    nn.init.zeros_(network[0].weight)
    graph = rolled_graph(network, torch.zeros(1, 3))
    assert graph.number_of_edges == 20
    assert graph.degrees()[:3].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_and_frozen_networks_are_read_as_they_are(dtype):
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).to(dtype).requires_grad_(False)
    found = rolled_graph(network, torch.zeros(1, 3, dtype=dtype))
    expected = network[1].weight.double().abs().sum(1)
    np.testing.assert_allclose(found.degrees()[-2:], expected, rtol=1e-12)


def test_large_weights_do_not_overflow():
    network = nn.Linear(2, 1)
    nn.init.constant_(network.weight, 3e38)
    assert rolled_graph(network, torch.zeros(1, 2)).degrees()[2] == pytest.approx(6e38, rel=1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_diverged_weights_are_refused(value):
    network = lenet()
    with torch.no_grad():
        network.conv2.weight[3, 2, 1, 1] = value
    message = r"layer 'conv2': expected finite weights, received 1 infinite or NaN of 96 edges; training has"
    with pytest.raises(ValueError, match=message):
        rolled_graph(network, torch.zeros(1, 3, 32, 32))


class Applied(nn.Module):
    """A convolution, a function, and another layer."""

    def __init__(self, function, last):
        super().__init__()
        self.function, self.first, self.last = function, nn.Conv2d(2, 4, 1), last

    def forward(self, x):
        return self.last(self.function(self.first(x)))


@pytest.mark.parametrize(
    ("function", "last"),
    [
        (lambda x: x[:, :3], nn.Conv2d(3, 1, 1)),
        (lambda x: functional.pad(x, (0, 0, 0, 0, 2, 2)), nn.Conv2d(8, 1, 1)),
        (lambda x: x.movedim(1, 2).contiguous(), nn.Linear(8, 1)),
    ],
    ids=["slicing", "padding of channels", "tokens"],
)
def test_mixed_channels_are_refused(function, last):
    with pytest.raises(ValueError, match=r"layer 'last': .* of unknown sources; attention, .* so measure"):
        rolled_graph(Applied(function, last), torch.zeros(1, 2, 3, 8))


def test_layers_that_run_twice_are_refused():
    layer = nn.Linear(3, 3)
    with pytest.raises(ValueError, match=r"layer '0': received its name twice, .* use a layer once a pass"):
        rolled_graph(nn.Sequential(layer, nn.ReLU(), layer), torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("network", "inputs", "message"),
    [
        (nn.ReLU(), torch.zeros(1, 3), "network: expected linear or convolution layers, received none"),
        (
            nn.Linear(3, 1),
            torch.zeros(3),
            r"inputs: expected \(B, channels, ...\), received \(3,\); add a batch",
        ),
    ],
)
def test_wrong_arguments_are_refused(network, inputs, message):
    with pytest.raises(ValueError, match=message):
        rolled_graph(network, inputs)


def test_a_graph_too_large_for_memory_is_refused_before_it_is_built():
    with pytest.raises(
        ValueError, match=r"at most 12,953 edges between channels, received 12,954; give most_"
    ):
        rolled_graph(lenet(), torch.zeros(1, 3, 32, 32), most_edges=12_953)
    assert rolled_graph(lenet(), torch.zeros(1, 3, 32, 32), most_edges=12_954).number_of_edges == 12_954
