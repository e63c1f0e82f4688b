import numpy as np
import pytest
import torch
from torch import nn

from neurocap_search.network_science.complex_network.node_strength import node_strength
from neurocap_search.network_science.complex_network.strength_structure import StrengthStructure
from neurocap_search.network_science.layers.channel_sources import trace_wiring


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(2, 4, 3, stride=2, padding=1, groups=2), (2, 9)),
        (nn.Conv2d(4, 6, (1, 3), stride=(2, 1), padding=(0, 2), dilation=(1, 2), groups=2), (4, 5, 8)),
        (nn.Conv3d(2, 3, (1, 2, 3), stride=(1, 2, 3), padding=(0, 1, 1), dilation=(1, 2, 1)), (2, 3, 7, 8)),
    ],
    ids=["1d", "2d", "3d"],
)
def test_outgoing_is_the_gradient_of_the_summed_output(layer, shape):
    layer = layer.double()
    inputs = torch.zeros(1, *shape, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(layer(inputs).sum(), inputs)
    found = StrengthStructure(trace_wiring(layer, inputs)).strengths()
    np.testing.assert_allclose(found["weight"], 1 + expected[0].numpy(), atol=1e-12)


def test_strengths_follow_weights_and_biases():
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    inputs = torch.zeros(1, 1, 4, 4)
    structure = StrengthStructure(trace_wiring(network, inputs))
    seen = []
    for _ in range(3):
        found, expected = structure.strengths(), node_strength(network, inputs).strengths
        assert list(found) == list(expected)
        for name, values in found.items():
            np.testing.assert_array_equal(values, expected[name])
        seen.append(found["3"].sum())
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(1.0)
    assert len(set(seen)) == 3


def test_a_network_without_layers_has_no_strengths():
    assert StrengthStructure([]).strengths() == {}
