import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from neurocap_search.network_science import NeuralCapacitanceProbe
from neurocap_search.network_science.layers.layer_tap import LayerTap, evaluation_mode, trace_layers

NETWORKS = ["resnet18", "mobilenet_v3_small", "densenet121", "squeezenet1_1", "vit_b_16", "swin_t"]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_layer_of_a_network_passes_and_the_output_is_the_same(name):
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(num_classes=7)
    x = torch.randn(1, 3, 224, 224)
    calls = trace_layers(network, x)
    expected = {
        key.removesuffix(".weight").removesuffix("_weight")
        for key, parameter in network.named_parameters()
        if key.endswith("weight") and parameter.ndim in (2, 4)
    }
    assert {call.operator.name for call in calls} == expected
    network.eval()
    with torch.no_grad():
        plain = network(x)
        with LayerTap(network, lambda operator, z: operator(z)):
            tapped = network(x)
    torch.testing.assert_close(tapped, plain, rtol=1e-4, atol=1e-5)


def test_layers_without_a_module_are_found_too():
    probe = NeuralCapacitanceProbe(3, 2, width=4)
    names = [call.operator.name for call in trace_layers(probe, torch.randn(1, 3))]
    assert names == ["weights.0", "weights.1", "weights.2", "weights.3"]


def test_weights_of_another_network_and_computed_weights_pass_unseen():
    class Foreign(nn.Module):
        def forward(self, x):
            return functional.linear(x, torch.ones(2, 3))

    assert trace_layers(Foreign(), torch.zeros(1, 3)) == []
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    assert trace_layers(normed, torch.zeros(1, 3)) == []


def test_in_place_activations_do_not_change_what_is_kept():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
    first, second = trace_layers(network, torch.randn(5, 3))
    assert bool((first.output < 0).any())
    assert torch.equal(second.input, torch.relu(first.output))


def test_modes_are_restored_module_by_module_even_after_an_error():
    network = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3), nn.Linear(3, 2))
    network[1].eval()
    with evaluation_mode(network):
        assert not any(module.training for module in network.modules())
    with pytest.raises(RuntimeError, match="running_mean"):
        trace_layers(network, torch.zeros(2, 5))
    assert [module.training for module in network.modules()] == [True, True, False, True]


@pytest.mark.parametrize("options", [{}, {"need_weights": False}, {"average_attn_weights": False}])
def test_self_attention_gives_what_pytorch_gives(options):
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(12, 3, batch_first=True).eval()
    x = torch.randn(2, 5, 12)
    seen = []

    def layer(operator, z):
        seen.append(operator.name)
        return operator(z)

    with torch.no_grad():
        expected = attention(x, x, x, **options)
        with LayerTap(attention, layer):
            received = attention(x, x, x, **options)
    assert seen == ["in_proj", "out_proj"]
    torch.testing.assert_close(received[0], expected[0])
    assert (received[1] is None) == (expected[1] is None)
    if expected[1] is not None:
        torch.testing.assert_close(received[1], expected[1])


def test_attention_between_two_inputs_runs_as_it_is():
    attention, x = nn.MultiheadAttention(4, 2).eval(), torch.randn(3, 1, 4)
    with torch.no_grad(), LayerTap(attention, lambda operator, z: torch.zeros(())):
        output, _ = attention(x, x + 1, x)
    torch.testing.assert_close(output, attention(x, x + 1, x)[0].detach())
