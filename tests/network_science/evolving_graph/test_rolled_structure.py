import numpy as np
import pytest
import torch
from torch import nn

from neurocap_search.network_science.evolving_graph.rolled_graph import rolled_graph
from neurocap_search.network_science.evolving_graph.rolled_structure import RolledStructure
from neurocap_search.network_science.layers.channel_sources import trace_wiring


class Residual(nn.Module):
    """A shortcut around one layer: two nodes are joined twice."""

    def __init__(self):
        super().__init__()
        self.first, self.inner = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 1, groups=2)
        self.last = nn.Linear(16, 3)

    def forward(self, x):
        x = self.first(x)
        return self.last((x + self.inner(x)).flatten(1))


def test_a_structure_is_weighed_by_the_weights_of_the_moment():
    network, inputs = Residual(), torch.zeros(1, 2, 2, 2)
    structure = RolledStructure(trace_wiring(network, inputs), 2)
    sums = []
    for seed in range(3):
        torch.manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(torch.randn(parameter.shape))
        found, expected = structure.adjacency(), rolled_graph(network, inputs)
        np.testing.assert_array_equal(found.toarray(), expected.adjacency.toarray())
        assert structure.groups == expected.groups
        sums.append(found.sum())
    assert len(set(sums)) == 3


def test_what_is_done_to_one_adjacency_leaves_the_next_alone():
    network, inputs = Residual(), torch.zeros(1, 2, 2, 2)
    nn.init.zeros_(network.last.weight)
    structure = RolledStructure(trace_wiring(network, inputs), 2)
    first = structure.adjacency()
    before = first.toarray()
    first.data[:] *= 2
    first.eliminate_zeros()
    np.testing.assert_array_equal(structure.adjacency().toarray(), before)


def test_weights_that_diverged_later_are_refused():
    network, inputs = nn.Linear(2, 3), torch.zeros(1, 2)
    structure = RolledStructure(trace_wiring(network, inputs), 2)
    structure.adjacency()
    nn.init.constant_(network.weight, torch.inf)
    with pytest.raises(ValueError, match="layer 'weight': expected finite weights, received 6 infinite or"):
        structure.adjacency()


def test_no_layers_make_no_structure():
    with pytest.raises(ValueError, match=r"expected linear or convolution layers, received none; check its"):
        RolledStructure([], 2)
