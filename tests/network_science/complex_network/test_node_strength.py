from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurocap_search.network_science.complex_network.node_strength import OUTPUT, node_strength


def strengths_of(net, *shape):
    return node_strength(net, torch.zeros(1, *shape)).strengths


def filled(net, seed=0):
    """Weights that float32 adds up without rounding: multiples of 1/16."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randint(-16, 17, parameter.shape, generator=generator) / 16)
    return net


def outgoing_by_windows(conv, height, width):
    """Walk over all windows and add each kernel entry to the pixel that it meets."""
    kernel = conv.weight.detach().double().numpy()
    (sy, sx), (py, px), (dy, dx) = conv.stride, conv.padding, conv.dilation
    out, per_group, kh, kw = kernel.shape
    sums = np.zeros((conv.in_channels, height, width))
    rows = (height + 2 * py - dy * (kh - 1) - 1) // sy + 1
    columns = (width + 2 * px - dx * (kw - 1) - 1) // sx + 1
    for o, c, oy, ox, ky, kx in product(*map(range, (out, per_group, rows, columns, kh, kw))):
        y, x = oy * sy + ky * dy - py, ox * sx + kx * dx - px
        if 0 <= y < height and 0 <= x < width:
            sums[o // (out // conv.groups) * per_group + c, y, x] += kernel[o, c, ky, kx]
    return sums


def test_a_perceptron_by_hand():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 2.0], [4.0, -8.0]]))
        net[0].bias.copy_(torch.tensor([0.5, 0.25]))
        net[2].weight.copy_(torch.tensor([[16.0, 32.0]]))
        net[2].bias.fill_(0.125)
    found = strengths_of(net, 2)
    assert {name: values.tolist() for name, values in found.items()} == {
        "0": [1 + 5, 1 - 6],
        "2": [1 + 2 + 0.5 + 16, 4 - 8 + 0.25 + 32],
        OUTPUT: [16 + 32 + 0.125 + 1],
    }


@settings(max_examples=25, deadline=None, database=None)
@given(
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    kernel=st.sampled_from([(1, 1), (3, 3), (3, 2)]),
    size=st.sampled_from([(6, 6), (7, 5)]),
)
def test_outgoing_of_a_convolution_matches_a_walk_over_its_windows(
    stride, padding, dilation, groups, kernel, size
):
    conv = nn.Conv2d(2, 4, kernel, stride, padding, dilation, groups)
    found = strengths_of(filled(nn.Sequential(conv)), 2, *size)
    np.testing.assert_allclose(found["0"], 1 + outgoing_by_windows(conv, *size), atol=1e-12)


def test_a_convolutional_network_interface_by_interface():
    first, second = nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.Conv2d(3, 2, 3, padding=1)
    net = nn.Sequential(
        first, nn.BatchNorm2d(3), nn.ReLU(), second, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 5)
    )
    found = strengths_of(filled(net), 1, 8, 8)
    incoming = [(c.weight.double().sum((1, 2, 3)) + c.bias).detach().numpy() for c in (first, second)]
    np.testing.assert_allclose(found["0"], 1 + outgoing_by_windows(first, 8, 8))
    np.testing.assert_allclose(found["3"], incoming[0][:, None, None] + outgoing_by_windows(second, 4, 4))
    weight = net[6].weight.detach().double().numpy()
    # Flattening keeps the four positions of a channel together.
    np.testing.assert_allclose(found["6"], np.repeat(incoming[1], 4) + weight.sum(0))
    np.testing.assert_allclose(found[OUTPUT], weight.sum(1) + net[6].bias.detach().numpy() + 1)


def test_incoming_is_the_same_at_borders_and_an_output_of_positions_is_kept():
    conv = filled(nn.Conv1d(2, 3, 3, padding=1))
    found = strengths_of(conv, 2, 5)[OUTPUT]
    expected = 1 + (conv.weight.sum((1, 2)) + conv.bias).detach().numpy()
    np.testing.assert_allclose(found, np.repeat(expected[:, None], 5, axis=1))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.branch, self.head = nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(6, 1)

    def forward(self, x):
        stem = self.stem(x)
        return self.head(torch.cat([torch.relu(stem + self.branch(torch.relu(stem))), stem], dim=1))


def test_a_residual_sum_adds_the_incoming_of_its_sources_and_a_concatenation_keeps_them_apart():
    net = filled(Residual())
    found = strengths_of(net, 2)
    stem, branch = ((layer.weight.sum(1) + layer.bias).detach().numpy() for layer in (net.stem, net.branch))
    outgoing = net.head.weight.sum(0).detach().numpy()
    np.testing.assert_allclose(found["head"], np.concatenate([stem + branch, stem]) + outgoing)
    np.testing.assert_allclose(found["branch"], stem + net.branch.weight.sum(0).detach().numpy())


def test_the_input_counts_one_where_a_sum_reaches_it():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.output = nn.Linear(2, 2), nn.Linear(2, 1)

        def forward(self, x):
            return self.output(x + self.inner(x))

    net = filled(Skip())
    found = strengths_of(net, 2)
    expected = 1 + net.inner.weight.sum(1) + net.inner.bias + net.output.weight.sum(0)
    np.testing.assert_allclose(found["output"], expected.detach().numpy())
    assert list(found) == ["inner", "output", OUTPUT]


def test_a_layer_that_runs_twice_has_two_interfaces():
    layer = filled(nn.Linear(3, 3))
    found = strengths_of(nn.Sequential(layer, nn.ReLU(), layer), 3)
    outgoing, incoming = layer.weight.sum(0), layer.weight.sum(1) + layer.bias
    np.testing.assert_allclose(found["0"], (1 + outgoing).detach().numpy())
    np.testing.assert_allclose(found["0#2"], (incoming + outgoing).detach().numpy())


def test_tokens_share_the_strengths_of_their_neurons():
    net = filled(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)))
    once, many = strengths_of(net, 4), node_strength(net, torch.zeros(2, 4)).strengths
    assert {name: values.shape for name, values in once.items()} == {"0": (4,), "1": (3,), OUTPUT: (2,)}
    for name, values in once.items():
        np.testing.assert_array_equal(values, many[name])


def test_what_cannot_be_told_is_left_out_with_the_reason():
    net = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    found = node_strength(net, torch.zeros(1, 3, 4))
    assert "self_attn.out_proj" not in found.strengths
    assert found.left_out["self_attn.out_proj"].startswith("what comes in cannot be told apart by channel")


def test_weights_that_no_layer_shows_are_left_out_by_name():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ConvTranspose2d(2, 2, 3))
    found = node_strength(net, torch.zeros(1, 1, 6, 6))
    assert found.left_out["1.weight"].startswith("it is not the weight of a linear layer")


@pytest.mark.parametrize("parameter", ["weight", "bias"])
def test_a_broken_layer_is_named(parameter):
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3))
    with torch.no_grad():
        getattr(net[1], parameter)[0] = float("nan")
    with pytest.raises(
        ValueError, match=r"layer 1: expected finite values, received [12] infinite or NaN of [36]"
    ):
        strengths_of(net, 2)
