"""beta_eff of whole networks against the explicit line graph of all their weights."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from neurocap_search.network_science import NeuralCapacitanceProbe
from neurocap_search.network_science.capacitance.network import NetworkCapacitance, network_capacitance
from neurocap_search.network_science.capacitance.output_errors import output_errors

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d)


class Flat(nn.Sequential):
    """A chain that ends in class scores."""


class Residual(nn.Module):
    """Two blocks with an identity and a projection shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, padding=1)
        self.a, self.b = nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.Conv2d(2, 2, 1)
        self.c, self.short = nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Conv2d(2, 3, 1, stride=2)
        self.norm = nn.BatchNorm2d(2)
        self.fc1, self.fc2 = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        y = self.b(torch.tanh(self.norm(self.a(x))))
        x = torch.relu(x + y)
        x = torch.tanh(self.c(x) + self.short(x))
        return self.fc2(torch.tanh(self.fc1(x.mean((2, 3)))))


class Dense(nn.Module):
    """Concatenation, grouped convolution, and a layer that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 4, 3, padding=1, groups=2)
        self.c, self.twice = nn.Conv2d(6, 3, 2), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.gelu(self.a(x))
        x = torch.cat([x, functional.avg_pool2d(self.b(x), 3, 1, 1)], 1)
        x = functional.adaptive_max_pool2d(torch.sigmoid(self.c(x)), 1).flatten(1)
        return self.twice(torch.tanh(self.twice(x)))


class Attention(nn.Module):
    """One block of self-attention, with PyTorch's module or the same written out."""

    def __init__(self, *, written_out: bool = False) -> None:
        super().__init__()
        self.embed, self.up, self.head = nn.Linear(2, 4), nn.Linear(4, 3), nn.Linear(3, 3)
        self.attend = WrittenOutAttention() if written_out else nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.embed(x.flatten(2).transpose(1, 2)))
        x = x + self.attend(x, x, x)[0]
        return self.head(functional.gelu(self.up(x.mean(1))))


class WrittenOutAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.in_proj, self.out_proj = nn.Linear(4, 12), nn.Linear(4, 4)

    def forward(self, x: Tensor, *_: Tensor) -> tuple[Tensor]:
        heads = self.in_proj(x).split(2, -1)
        q, k, v = (torch.stack(heads[n : n + 2], 1) for n in (0, 2, 4))
        mixed = torch.softmax(q @ k.mT / 2**0.5, -1) @ v
        return (self.out_proj(torch.cat([mixed[:, 0], mixed[:, 1]], -1)),)


def chain() -> nn.Module:
    return Flat(
        *(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.GELU(), nn.AvgPool2d(2), nn.Dropout(0.5)),
        *(nn.Flatten(), nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3)),
    )


def four_convolutions() -> nn.Module:
    """The reference's K8."""
    layers = [nn.Conv2d(i, o, 3, padding=1, bias=False) for i, o in ((1, 2), (2, 2), (2, 2), (2, 3))]
    relus = [module for layer in layers for module in (layer, nn.Tanh())][:-1]
    return Flat(*relus, nn.AdaptiveAvgPool2d(1), nn.Flatten())


CASES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "chain": (chain, 1),
    "four_convolutions": (four_convolutions, 1),
    "residual": (Residual, 1),
    "dense": (Dense, 2),
    "attention": (lambda: Attention(written_out=True), 2),
}


def drawn(make: Callable[[], nn.Module], channels: int, seed: int = 0) -> tuple[nn.Module, Tensor, Tensor]:
    """A float64 network with all its parameters and statistics drawn, a batch and its labels."""
    torch.manual_seed(seed)
    network = make().double().eval()
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data + 0.3 * torch.rand_like(tensor)
    return network, torch.randn(3, channels, 4, 4).double(), torch.tensor([0, 2, 1])


def explicit_line_graph(
    network: nn.Module, inputs: Tensor, targets: Tensor, loss: str
) -> tuple[np.ndarray, set[tuple[str, str]]]:
    """P entry by entry: for each weight q of a layer m a pass back with q = 1 and all others of m = 0."""
    layers = {name: m for name, m in network.named_modules() if isinstance(m, WEIGHTED)}
    runs: list[tuple[str, Tensor, Tensor]] = []  # name, input, output, with the network cut at the outputs
    names = {module: name for name, module in layers.items()}

    def cut(module, args, output):
        leaf = output.detach().requires_grad_()
        runs.append((names[module], args[0], leaf))
        return leaf * 1.0

    handles = [module.register_forward_hook(cut) for module in layers.values()]
    outputs = network(inputs)
    for handle in handles:
        handle.remove()
    errors = true_errors(runs, layers, outputs, output_errors(outputs.detach(), targets, loss))
    first = dict(zip(layers, np.cumsum([0, *(m.weight.numel() for m in layers.values())]), strict=False))
    size = sum(module.weight.numel() for module in layers.values())
    P, pairs = np.zeros((size, size)), set()
    for (name_m, z_m, _), e_m in zip(runs, errors, strict=True):
        for q in range(layers[name_m].weight.numel()):
            one = torch.zeros_like(layers[name_m].weight).flatten()
            one[q] = 1.0
            back = input_gradient(layers[name_m], one.view_as(layers[name_m].weight), z_m, e_m)
            for name_l, z_l, leaf in runs:
                if not z_m.requires_grad:
                    continue
                (e_l,) = torch.autograd.grad(z_m, leaf, back, retain_graph=True, allow_unused=True)
                if e_l is None:
                    continue
                pairs.add((name_l, name_m))
                column = weight_gradient(layers[name_l], z_l, e_l).flatten() / -len(inputs)
                rows = slice(first[name_l], first[name_l] + len(column))
                P[rows, first[name_m] + q] += column.numpy()
    return P, pairs


def true_errors(runs, layers, outputs, seed):
    """Back-propagation by hand over the cut network: from the last layer that ran to the first."""
    errors = [torch.zeros_like(leaf) for _, _, leaf in runs]

    def send(end: Tensor, back: Tensor) -> None:
        leaves = [leaf for _, _, leaf in runs]
        for n, e in enumerate(torch.autograd.grad(end, leaves, back, retain_graph=True, allow_unused=True)):
            if e is not None:
                errors[n] = errors[n] + e

    send(outputs, seed)
    for n in reversed(range(len(runs))):
        name, z, _ = runs[n]
        if z.requires_grad:
            send(z, input_gradient(layers[name], layers[name].weight.detach(), z, errors[n]))
    return errors


def input_gradient(module, weight, z, e):
    z = z.detach().requires_grad_()
    return torch.autograd.grad(functional_call(module, {"weight": weight}, (z,)), z, e)[0]


def weight_gradient(module, z, e):
    weight = module.weight.detach().requires_grad_()
    return torch.autograd.grad(functional_call(module, {"weight": weight}, (z.detach(),)), weight, e)[0]


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("case", CASES)
def test_the_sums_are_those_of_the_explicit_line_graph(case: str, loss: str) -> None:
    network, inputs, targets = drawn(*CASES[case])
    P, pairs = explicit_line_graph(network, inputs, targets, loss)
    result = network_capacitance(network, inputs, targets, loss=loss)
    assert set(result.pairs) == pairs
    assert result.denominator == pytest.approx(P.sum(), rel=1e-10)
    assert result.numerator == pytest.approx((P @ P).sum(), rel=1e-10)
    assert result.reason is None
    assert result.value == pytest.approx((P @ P).sum() / P.sum(), rel=1e-10)
    assert math.fsum(result.numerators.values()) == result.numerator
    assert math.fsum(result.denominators.values()) == result.denominator


def test_the_line_graph_turns_weights_into_the_descent_direction() -> None:
    """P w = -dC/dw for every layer that another follows: the explicit P is the right one."""
    network, inputs, targets = drawn(*CASES["residual"])
    P, _ = explicit_line_graph(network, inputs, targets, "cross_entropy")
    functional.cross_entropy(network(inputs), targets).backward()
    layers = [module for module in network.modules() if isinstance(module, WEIGHTED)]
    w = np.concatenate([module.weight.detach().numpy().ravel() for module in layers])
    descent = -np.concatenate([module.weight.grad.numpy().ravel() for module in layers])
    followed = slice(0, -layers[-1].weight.numel())
    np.testing.assert_allclose((P @ w)[followed], descent[followed], rtol=1e-9, atol=1e-12)


def test_a_head_measured_as_a_network_is_the_head() -> None:
    torch.manual_seed(0)
    probe, x, y = NeuralCapacitanceProbe(20, 5).double(), torch.randn(32, 20).double(), torch.arange(32) % 5
    expected, result = probe.measure(x, y), network_capacitance(probe, x, y)
    assert result.value == pytest.approx(expected.value, rel=1e-12)
    assert result.numerator == pytest.approx(expected.numerator, rel=1e-12)
    assert list(result.cancelled) == ["weights.2 -> weights.3"]
    assert "sum to zero over the classes" in result.cancelled["weights.2 -> weights.3"]
    assert result.left_out == {}


@pytest.mark.parametrize("case", ["chain", "residual"])
def test_batches_add_up_to_the_value_of_all_samples(case: str) -> None:
    network, inputs, targets = drawn(*CASES[case])
    whole, metric = network_capacitance(network, inputs, targets), NetworkCapacitance()
    for part in (slice(0, 2), slice(2, 3)):
        metric.update(network, inputs[part], targets[part])
    result = metric.compute()
    assert result.value == pytest.approx(whole.value, rel=1e-12)
    assert result.numerators == pytest.approx(whole.numerators)
    metric.reset()
    with pytest.raises(ValueError, match="no batch was added; call update before compute"):
        metric.compute()


def test_attention_is_taken_apart_into_its_layers() -> None:
    written_out, inputs, targets = drawn(*CASES["attention"])
    expected = network_capacitance(written_out, inputs, targets)
    network = Attention().double()
    renamed = {key.replace("in_proj.", "in_proj_"): value for key, value in written_out.state_dict().items()}
    network.load_state_dict(renamed)
    result = network_capacitance(network, inputs, targets)
    assert result.value == pytest.approx(expected.value, rel=1e-12)
    assert result.pairs == expected.pairs
    assert ("attend.in_proj", "attend.out_proj") in result.pairs


def test_attention_with_a_mask_is_left_out_and_named() -> None:
    class Masked(Attention):
        def forward(self, x: Tensor) -> Tensor:
            x = torch.tanh(self.embed(x.flatten(2).transpose(1, 2)))
            mask = torch.zeros(len(x[0]), len(x[0]), dtype=x.dtype)
            return self.head(torch.tanh(self.up(x.mean(1) + self.attend(x, x, x, attn_mask=mask)[0].mean(1))))

    network, inputs, targets = drawn(Masked, 2)
    result = network_capacitance(network, inputs, targets)
    assert set(result.left_out) == {"attend.in_proj_weight", "attend.out_proj.weight"}
    assert result.pairs == (("embed", "up"), ("up", "head"))


def test_layer_normalisation_at_its_start_leaves_no_numerator() -> None:
    """It takes away what all features share, and an all-ones layer gives all features the same."""
    torch.manual_seed(0)
    network = torchvision.models.VisionTransformer(
        image_size=16, patch_size=8, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16, num_classes=5
    )
    nn.init.normal_(network.heads[0].weight)
    result = network_capacitance(network, torch.randn(2, 3, 16, 16), torch.tensor([0, 1]))
    assert math.isnan(result.value)
    assert "the numerator has no term but zero" in result.reason
    assert "encoder_layer_0.self_attention.in_proj and 8 more, the inputs cancel" in result.reason
    assert "layer normalisation" in result.reason
    assert "class_token" in result.left_out


@pytest.mark.parametrize(
    "name", ["squeezenet1_1", "resnet18", "mobilenet_v2", "densenet121", "shufflenet_v2_x0_5"]
)
def test_networks_of_torchvision_have_a_value(name: str) -> None:
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(num_classes=10).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    result = network_capacitance(network, torch.randn(2, 3, 64, 64), torch.tensor([1, 3]))
    assert result.reason is None
    assert result.left_out == {}
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("case", CASES)
def test_single_precision_agrees_with_double(case: str) -> None:
    network, inputs, targets = drawn(*CASES[case])
    exact = network_capacitance(network, inputs, targets)
    rounded = network_capacitance(network.float(), inputs.float(), targets)
    assert rounded.value == pytest.approx(exact.value, rel=2e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("case", CASES)
def test_the_graphics_card_agrees_with_the_processor(case: str) -> None:
    network, inputs, targets = drawn(*CASES[case])
    expected = network_capacitance(network, inputs, targets)
    result = network_capacitance(network.cuda(), inputs.cuda(), targets.cuda())
    assert result.value == pytest.approx(expected.value, rel=1e-8)


def test_what_cancels_by_structure_is_zero_and_not_noise_in_single_precision() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 5))
    result = network_capacitance(network, torch.randn(16, 9), torch.arange(16) % 5)
    assert result.numerator == 0.0 != result.denominator
    assert "no term but zero; at 2 -> 4, softmax with cross-entropy makes" in str(result.reason)


def test_what_cancels_is_found_whatever_the_first_sample_is() -> None:
    """A dead or confident first sample must not hide it, nor a lucky one feign it."""
    torch.manual_seed(0)
    network = nn.Sequential(*[nn.Linear(8, 8, bias=False) for _ in range(3)]).insert(1, nn.ReLU())
    for scale in (0.0, 1e5):
        x, y = torch.randn(6, 8), torch.arange(6)
        x[0] *= scale
        for inputs in (x, x.double()):
            result = network_capacitance(network.to(inputs.dtype), inputs, y)
            assert result.numerator == 0.0
            assert "softmax" in str(result.reason)
    wide = nn.Sequential(nn.Linear(3072, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32))
    wide = wide.append(nn.ReLU()).append(nn.Linear(32, 10))
    for _ in range(100):
        x, y = torch.randn(3, 3072), torch.tensor([1, 2, 3])
        assert set(network_capacitance(wide, x, y).cancelled) == {"4 -> 6"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)).to(dtype)
    with pytest.raises(
        ValueError, match=r"layer 0: expected float32 or float64, received .*; half precision"
    ):
        network_capacitance(network, torch.randn(2, 3, dtype=dtype), torch.tensor([0, 1]))


class Overwriting(nn.Module):
    """A network that overwrites in place what its layers have read, and its input."""

    def __init__(self, *, in_place: bool) -> None:
        super().__init__()
        self.a, self.s, self.b, self.d = (nn.Linear(5, 5) for _ in range(4))
        self.in_place = in_place

    def forward(self, x: Tensor) -> Tensor:
        x = x.mul_(0.5) if self.in_place else x * 0.5
        h = self.a(x)
        k = self.s(h)
        h = functional.relu(h, inplace=self.in_place)
        return self.d(torch.tanh(self.b(h) + k))


def test_activations_overwritten_in_place_are_what_the_layers_read() -> None:
    torch.manual_seed(0)
    plain, overwriting = Overwriting(in_place=False).double(), Overwriting(in_place=True).double()
    overwriting.load_state_dict(plain.state_dict())
    x, y = torch.randn(4, 5).double(), torch.tensor([0, 1, 2, 3])
    before = x.clone()
    expected = network_capacitance(plain, x, y, loss="squared_error")
    result = network_capacitance(overwriting, x, y, loss="squared_error")
    assert result.denominator == pytest.approx(expected.denominator, rel=1e-12)
    assert result.numerator == pytest.approx(expected.numerator, rel=1e-12)
    assert torch.equal(x, before)


def test_dropout_called_as_a_function_does_nothing() -> None:
    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(5, 5) for _ in range(4))

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = functional.dropout(torch.tanh(layer(x)), 0.5)
            return x

    torch.manual_seed(0)
    network, x, y = Dropping().double(), torch.randn(4, 5).double(), torch.tensor([0, 1, 2, 3])
    state = torch.get_rng_state()
    first, second = (network_capacitance(network, x, y, loss="squared_error") for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)


def test_overflow_has_its_reason() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(*[nn.Linear(64, 64, bias=False) for _ in range(6)])
    for parameter in network.parameters():
        parameter.data = torch.randn(64, 64) * (2 / 64) ** 0.5 * 1e5
    result = network_capacitance(network, torch.randn(4, 64), torch.arange(4))
    assert math.isnan(result.value)
    assert "overflows: normalise the inputs or use float64" in str(result.reason)


def test_outputs_that_are_no_tensor_and_recurrent_layers_are_named() -> None:
    class Two(nn.Linear):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return super().forward(x), x

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.lstm, self.b = nn.Linear(3, 3), nn.LSTM(3, 3, batch_first=True), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.lstm(self.a(x))[0][:, -1])

    with pytest.raises(ValueError, match=r"outputs: expected a tensor .* received tuple; wrap the network"):
        network_capacitance(Two(3, 3), torch.randn(2, 3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="a derivative in forward mode, received one without"):
        network_capacitance(Recurrent(), torch.randn(2, 4, 3), torch.tensor([0, 1]))


def test_order_of_hidden_channels_is_irrelevant() -> None:
    network, inputs, targets = drawn(*CASES["four_convolutions"])
    expected = network_capacitance(network, inputs, targets)
    first, second = network[0], network[2]
    first.weight.data, second.weight.data = first.weight.data.flip(0), second.weight.data.flip(1)
    assert network_capacitance(network, inputs, targets).value == pytest.approx(expected.value, rel=1e-10)


def test_what_is_broken_is_named() -> None:
    network, inputs, targets = drawn(*CASES["chain"])
    with pytest.raises(
        ValueError, match=r"layer 0: expected finite values, received 1 .* of 48 in its input"
    ):
        network_capacitance(network, broken(inputs), targets)
    network[4].weight.data[0, 0, 0, 0] = torch.inf
    with pytest.raises(ValueError, match=r"layer 4: .* in its weights; .*lower the learning rate"):
        network_capacitance(network, inputs, targets)
    with pytest.raises(ValueError, match=r"outputs: expected shape \(B, n_L\), received \(3, 1, 4, 4\)"):
        network_capacitance(nn.Conv2d(1, 1, 1).double(), inputs, targets)
    with pytest.raises(ValueError, match="it ran no linear or convolution layer"):
        network_capacitance(nn.Flatten(), inputs, targets)
    with pytest.raises(ValueError, match="loss: expected one of cross_entropy"):
        network_capacitance(chain().double(), inputs, targets, loss="hinge")


def broken(inputs: Tensor) -> Tensor:
    inputs = inputs.clone()
    inputs.view(-1)[0] = torch.nan
    return inputs
