import torch
import torchvision
from torch import nn
from torch.nn import functional

from neurocap_search.network_science.layers.channel_sources import trace_wiring


def layers_of(sources):
    return {layer for channel in sources for layer, _ in channel}


def test_a_chain_is_wired_channel_to_channel():
    network = nn.Sequential(
        *(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 5, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(20, 6)),
    )
    wired = trace_wiring(network, torch.zeros(1, 3, 8, 8))
    assert [len(layer.sources) for layer in wired] == [3, 4, 5]
    for number, layer in enumerate(wired):
        assert layer.sources == tuple(frozenset({(number - 1, c)}) for c in range(len(layer.sources)))
    assert wired[2].input_shape == (1, 20)
    assert wired[0].output_shape == (1, 4, 6, 6)


def test_a_residual_sum_has_the_sources_of_both_branches():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (nn.Conv2d(2, 2, 3, padding=1) for _ in range(3))

        def forward(self, x):
            x = self.a(x)
            y = self.b(torch.relu(x))
            y += x  # in place, as torchvision's blocks do
            return self.c(y)

    wired = trace_wiring(Block(), torch.zeros(1, 2, 4, 4))
    assert wired[2].sources == (frozenset({(0, 0), (1, 0)}), frozenset({(0, 1), (1, 1)}))
    assert wired[1].sources == (frozenset({(0, 0)}), frozenset({(0, 1)}))


def test_concatenation_puts_the_channels_side_by_side():
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 3, 1), nn.Conv2d(6, 1, 1)

        def forward(self, x):
            return self.c(torch.cat([self.a(x), self.b(x), x], dim=1))

    wired = trace_wiring(Fork(), torch.zeros(1, 1, 2, 2))
    sources = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (-1, 0)]
    assert wired[2].sources == tuple(frozenset({source}) for source in sources)


def test_networks_of_torchvision():
    resnet = trace_wiring(torchvision.models.resnet18(), torch.zeros(1, 3, 64, 64))
    assert layers_of(resnet[2].sources) == {1}  # layer1.0.conv2 reads layer1.0.conv1
    assert layers_of(resnet[3].sources) == {0, 2}  # layer1.1.conv1: the stem and the first block
    dense = trace_wiring(torchvision.models.densenet121(), torch.zeros(1, 3, 64, 64))
    assert all(layer.sources for layer in dense)
    assert layers_of(dense[3].sources) == {0, 2}  # the second dense layer: the stem and the first
    assert [len(s) for s in dense[3].sources] == [1] * 96


def test_channels_that_an_operation_mixes_are_not_guessed():
    torch.manual_seed(0)
    network = torchvision.models.VisionTransformer(
        image_size=16, patch_size=8, num_layers=1, num_heads=2, hidden_dim=12, mlp_dim=20, num_classes=5
    )
    unknown = [w.operator.name for w in trace_wiring(network, torch.zeros(1, 3, 16, 16)) if w.sources is None]
    assert unknown == ["encoder.layers.encoder_layer_0.self_attention.out_proj"]


def test_layers_that_the_tap_does_not_see_hand_no_sources_on():
    for unseen in (nn.ConvTranspose2d(2, 2, 1), nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 2, 1))):
        wired = trace_wiring(
            nn.Sequential(nn.Conv2d(1, 2, 1), unseen, nn.Conv2d(2, 1, 1)), torch.zeros(1, 1, 3, 3)
        )
        assert [layer.operator.name for layer in wired] == ["0", "2"]
        assert wired[1].sources is None


def test_reordered_channels_hand_no_sources_on():
    class Reordered(nn.Module):
        def __init__(self, reorder):
            super().__init__()
            self.a, self.b, self.reorder = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 1, 1), reorder

        def forward(self, x):
            return self.b(self.reorder(self.a(x)))

    order = torch.tensor([1, 0, 3, 2])
    for reorder in (
        lambda x: x[:, order],
        lambda x: x.flip(1),
        lambda x: functional.channel_shuffle(x, 2),
        lambda x: x[:, :2].flatten(1).view(1, 4, 2, 1),
    ):
        assert trace_wiring(Reordered(reorder), torch.zeros(1, 1, 2, 2))[1].sources is None
    for keep in (
        lambda x: x[:, :, ...],
        lambda x: x[..., :1],
        lambda x: x.permute(0, 2, 3, 1).roll(1, 2).permute(0, 3, 1, 2),
        lambda x: x.softmax(1) * x.mean((2, 3), keepdim=True),
        lambda x: torch.cat([x, torch.zeros(1, 4, 2, 2)], 3),
        lambda x: torch.cat(x.chunk(2, 2)[::-1], 2),
    ):
        kept = trace_wiring(Reordered(keep), torch.zeros(1, 1, 2, 2))[1].sources
        assert kept == tuple(frozenset({(0, c)}) for c in range(4))


def test_what_is_added_to_reordered_channels_is_not_guessed_either():
    class Sum(nn.Module):
        def __init__(self, other):
            super().__init__()
            self.a, self.b, self.other = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 1, 1), other

        def forward(self, x):
            x = self.a(x)
            return self.b(x + self.other(x))

    def shuffled(x):
        return x.view(1, 2, 2, 8, 8).transpose(1, 2).reshape(1, 4, 8, 8)

    for other in (
        lambda x: x.flip(1),
        lambda x: x.sort(1)[0],
        lambda x: x.topk(4, dim=1)[0],
        lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
        shuffled,
        lambda x: x.roll(1, 1),
        lambda x: x.repeat(1, 2, 1, 1)[:, :4],
        lambda x: functional.pad(x[:, :3], (0, 0, 0, 0, 1, 0)),
    ):
        assert trace_wiring(Sum(other), torch.zeros(1, 1, 8, 8))[1].sources is None
    assert trace_wiring(Sum(torch.sigmoid), torch.zeros(1, 1, 8, 8))[1].sources is not None
    assert trace_wiring(Sum(lambda x: 1.0), torch.zeros(1, 1, 8, 8))[1].sources is not None


def test_tokens_are_not_taken_for_channels():
    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 4, 1), nn.Linear(4, 4)

        def forward(self, x):
            return self.b(self.a(x).flatten(2))  # four positions, four channels: it mixes the positions

    assert trace_wiring(Mixer(), torch.zeros(1, 1, 2, 2))[1].sources is None


def test_a_product_with_another_number_of_channels_hands_no_sources_on():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.gate, self.b = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 1, 1), nn.Conv2d(4, 1, 1)

        def forward(self, x):
            x = self.a(x)
            return self.b(x * torch.sigmoid(self.gate(x)))

    wired = trace_wiring(Gate(), torch.zeros(1, 1, 2, 2))
    assert wired[1].sources == tuple(frozenset({(0, c)}) for c in range(4))
    assert wired[2].sources is None


def test_attention_that_runs_as_it_is_hands_no_sources_on():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.attend, self.b = nn.Linear(4, 4), nn.MultiheadAttention(4, 2), nn.Linear(4, 2)

        def forward(self, x):
            x = self.a(x)
            return self.b(self.attend(x, x, x, attn_mask=torch.zeros(3, 3))[0])

    wired = trace_wiring(Masked(), torch.zeros(3, 1, 4))
    assert [layer.operator.name for layer in wired] == ["a", "b"]
    assert wired[1].sources is None
