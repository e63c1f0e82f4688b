import numpy as np
import pytest
import torch
from torch import nn

from neurocap_search.network_science.complex_network.link_weights import (
    LinkMoments,
    link_moments,
    link_weights,
)


def test_weights_then_biases_of_each_layer_in_the_order_of_running():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 4, bias=False))
    links = link_weights(net, torch.zeros(1, 2, 4, 4))
    assert list(links) == ["0", "3"]
    kernel, bias = (parameter.detach().double().numpy() for parameter in net[0].parameters())
    np.testing.assert_array_equal(links["0"], [*kernel.ravel(), *bias])
    np.testing.assert_array_equal(links["3"], net[3].weight.detach().double().numpy().ravel())
    assert links["0"].dtype == links["3"].dtype == np.float64


def test_a_layer_that_runs_twice_counts_once_and_the_network_keeps_its_mode():
    layer = nn.Linear(3, 3)
    net = nn.Sequential(layer, nn.ReLU(), layer).train()
    assert {name: values.shape for name, values in link_weights(net, torch.zeros(1, 3)).items()} == {
        "0": (12,)
    }
    assert net.training


def test_the_arrays_do_not_follow_the_network():
    net = nn.Sequential(nn.Linear(2, 2)).double()
    links = link_weights(net, torch.zeros(1, 2, dtype=torch.float64))["0"].copy()
    found = link_weights(net, torch.zeros(1, 2, dtype=torch.float64))["0"]
    with torch.no_grad():
        net[0].weight.add_(1.0)
    np.testing.assert_array_equal(found, links)


def test_moments_are_of_the_population():
    moments = link_moments({"a": np.array([1.0, 2.0, 6.0]), "b": np.array([4.0])})
    assert moments["a"].mean == pytest.approx(3.0)
    assert moments["a"].variance == pytest.approx((4 + 1 + 9) / 3)
    assert moments["b"] == LinkMoments(4.0, 0.0)


@pytest.mark.parametrize("parameter", ["weight", "bias"])
def test_a_broken_layer_is_named(parameter):
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3))
    with torch.no_grad():
        getattr(net[1], parameter)[0] = float("inf")
    message = "layer 1: expected finite values, received [12] infinite or NaN of 9; training has probably"
    with pytest.raises(ValueError, match=message):
        link_weights(net, torch.zeros(1, 2))
