import math
from collections import OrderedDict
from itertools import product

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurocap_search.network_science.evolving_graph.published_networks import lenet
from neurocap_search.network_science.evolving_graph.unrolled_graph import unrolled_graph

TRANSFORMS = {
    "identity": lambda w: w,
    "inverse": lambda w: abs(1 / w),
    "inverse_shifted": lambda w: abs(1 / (1 + w)),
}


def taps(module, shape):
    """Every output position, input position in bounds, kernel position; and the count of output positions."""
    (k, s, p), (H, W) = (_pair(module, n) for n in ("kernel_size", "stride", "padding")), shape
    heights, widths = ((n + 2 * p[a] - k[a]) // s[a] + 1 for a, n in enumerate((H, W)))
    for y, x, dy, dx in product(range(heights), range(widths), range(k[0]), range(k[1])):
        row, column = y * s[0] + dy - p[0], x * s[1] + dx - p[1]
        if 0 <= row < H and 0 <= column < W:
            yield y * widths + x, row * W + column, (dy, dx), heights * widths


def _pair(module, name):
    value = getattr(module, name)
    return value if isinstance(value, tuple) else (value, value)


def by_loops(network, z, transform):
    """The unrolled graph entry by entry; nodes are (stage, entry)."""
    graph, stage = networkx.DiGraph(), 0
    for module in network:
        output = module(z)
        if isinstance(module, nn.Conv2d | nn.Linear | nn.MaxPool2d | nn.AvgPool2d):
            for source, target, weight in multiplies_of(module, z):
                node = (stage, source)
                if isinstance(module, nn.MaxPool2d) and graph.in_degree(node):
                    weight = min(w for _, _, w in graph.in_edges(node, data="weight"))
                else:
                    weight = transform(weight)
                graph.add_edge(node, (stage + 1, target), weight=weight)
            stage += 1
        z = output
    return graph


def multiplies_of(module, z):
    if isinstance(module, nn.Linear):
        for i, j in product(range(module.out_features), range(module.in_features)):
            yield j, i, module.weight[i, j].item()
        return
    C, H, W = z.shape[1:]
    for position, entry, (dy, dx), positions in taps(module, (H, W)):
        if isinstance(module, nn.Conv2d):
            for o, c in product(range(module.out_channels), range(C)):
                outputs, inputs = module.out_channels // module.groups, C // module.groups
                if o // outputs == c // inputs:
                    weight = module.weight[o, c % inputs, dy, dx].item()
                    yield c * H * W + entry, o * positions + position, weight
        else:
            n = 1 if isinstance(module, nn.MaxPool2d) else math.prod(_pair(module, "kernel_size"))
            for c in range(C):
                yield c * H * W + entry, c * positions + position, 1 / n


def chain(pool):
    return nn.Sequential(
        *(nn.Conv2d(2, 4, (3, 2), stride=(1, 2), padding=1, groups=2), nn.BatchNorm2d(4), nn.ReLU(), pool),
        *(nn.Conv2d(4, 2, 1), nn.Tanh(), nn.Flatten(), nn.LazyLinear(3), nn.Dropout(0.5), nn.Linear(3, 2)),
    ).eval()


@pytest.mark.parametrize("edge_weight", TRANSFORMS)
@pytest.mark.parametrize(
    "pool", [nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2), nn.AvgPool2d((3, 2), 1, 1)], ids=str
)
@torch.no_grad()
def test_a_small_chain_matches_an_explicit_loop(pool, edge_weight):
    torch.manual_seed(0)
    network, z = chain(pool), torch.randn(1, 2, 5, 6)
    network(z)
    found = unrolled_graph(network, z, edge_weight=edge_weight)
    reference = by_loops(network, z, TRANSFORMS[edge_weight])
    assert list(found.groups) == ["input", "0", "3", "4", "7", "9"]
    nodes = [(stage, n) for stage, s in enumerate(found.groups.values()) for n in range(s.stop - s.start)]
    assert found.number_of_nodes == len(nodes)
    assert found.number_of_edges == reference.number_of_edges()
    expected = networkx.to_scipy_sparse_array(reference, nodelist=nodes)
    np.testing.assert_allclose(found.adjacency.toarray(), expected.toarray(), rtol=1e-12, atol=0)


def test_published_sizes_of_lenet():
    graph = unrolled_graph(lenet(), torch.zeros(1, 3, 32, 32))
    names = list(graph.groups)
    assert names == ["input", "conv1", "pool1", "conv2", "pool2", "fc1", "fc2", "fc3"]
    edges = {name: graph.adjacency[:, graph.groups[name]].nnz for name in names}
    assert edges["conv1"] == 352_800
    assert edges["conv2"] == 240_000
    assert edges["fc1"] + edges["fc2"] + edges["fc3"] == 58_920
    # Windows of 2 x 2 without overlap: one edge leaves each entry that is pooled.
    assert (edges["pool1"], edges["pool2"]) == (6 * 28 * 28, 16 * 10 * 10)
    assert graph.number_of_nodes == 3072 + 4704 + 1176 + 1600 + 400 + 120 + 84 + 10


@settings(max_examples=40, deadline=None, database=None)
@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
)
@torch.no_grad()
def test_the_matrix_times_the_input_is_the_convolution(kernel, stride, padding, dilation, groups):
    conv = nn.Conv2d(2, 4, kernel, stride, padding, dilation, groups, bias=False).double()
    assert_matrix_is(conv, torch.randn(1, 2, 6, 5, dtype=torch.float64))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(7, 3, bias=False), (1, 7)),
        (nn.AvgPool2d(3, 2, 1), (1, 2, 7, 7)),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), (1, 2, 7, 7)),
        (nn.AvgPool2d(2, divisor_override=3), (1, 2, 4, 6)),
        (nn.Conv2d(2, 3, 3, padding="same", bias=False), (1, 2, 4, 5)),
    ],
    ids=str,
)
@torch.no_grad()
def test_the_matrix_times_the_input_is_the_layer(layer, shape):
    assert_matrix_is(layer.double(), torch.randn(shape, dtype=torch.float64))


def assert_matrix_is(layer, z):
    graph = unrolled_graph(nn.Sequential(layer), z)
    matrix = graph.adjacency[graph.groups["input"], graph.groups["0"]].T
    np.testing.assert_allclose(matrix @ z.numpy().ravel(), layer(z).numpy().ravel(), rtol=1e-12, atol=1e-12)


def test_max_pooling_of_the_input_weighs_one_and_chains_copy_on():
    z = torch.zeros(1, 1, 4, 4)
    graph = unrolled_graph(nn.Sequential(nn.MaxPool2d(2), nn.MaxPool2d(2)), z, edge_weight="inverse_shifted")
    assert graph.number_of_edges == 20
    assert set(graph.adjacency.data) == {0.5}


def test_max_pooling_of_an_entry_that_saw_only_padding_weighs_one():
    network = nn.Sequential(nn.Conv2d(1, 1, 1, padding=1), nn.MaxPool2d(2))
    nn.init.constant_(network[0].weight, 5.0)
    graph = unrolled_graph(network, torch.zeros(1, 1, 2, 2))
    pooled = graph.adjacency[graph.groups["0"], graph.groups["1"]]
    assert sorted(pooled.data) == [1.0] * 12 + [5.0] * 4


def test_nested_chains_and_a_pooling_that_occurs_twice():
    pool = nn.MaxPool2d(2)
    network = nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1), pool), pool)
    assert list(unrolled_graph(network, torch.zeros(3, 1, 4, 4)).groups) == ["input", "0.0", "0.1", "1"]


def test_weights_of_zero_stay_in_the_count():
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    assert unrolled_graph(layer, torch.zeros(1, 3)).number_of_edges == 6
    message = (
        r"layer '': expected finite edge weights, received 6 infinite or NaN of 6 from edge_weight='inverse'"
    )
    with pytest.raises(ValueError, match=message):
        unrolled_graph(layer, torch.zeros(1, 3), edge_weight="inverse")


class Block(nn.Module):
    def forward(self, x):
        return x + x


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            nn.Sequential(Block()),
            r"layer '0': received Block on an input of shape \(1, 2, 5, 5\); use linear",
        ),
        (nn.Sequential(nn.Linear(5, 1)), r"layer '0': received Linear on an input of shape \(1, 2, 5, 5\)"),
        (nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)), "layer '0': received ceil_mode=True; use windows"),
        (
            nn.Sequential(nn.Conv2d(2, 1, 2, padding="same")),
            "layer '0': received padding='same', .*; pad with",
        ),
        (
            nn.Sequential(nn.Conv2d(2, 1, 3, padding=1, padding_mode="circular")),
            "padding_mode='circular'; pad",
        ),
        (nn.Sequential(nn.ReLU()), r"network: received layers \[\]; give one layer or more"),
        (
            nn.Sequential(OrderedDict(input=nn.Conv2d(2, 1, 1))),
            r"received layers \[\]; give .*, none called 'input'",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_other_networks_are_refused(network, message):
    with pytest.raises(ValueError, match=message):
        unrolled_graph(network, torch.zeros(1, 2, 5, 5))


def test_an_unknown_edge_weight_is_refused():
    message = "edge_weight: received 'abs'; use one of identity, inverse, inverse_shifted"
    with pytest.raises(ValueError, match=message):
        unrolled_graph(nn.Linear(1, 1), torch.zeros(1, 1), edge_weight="abs")
