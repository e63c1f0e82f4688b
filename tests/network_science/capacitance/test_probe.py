import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from neurocap_search.network_science import NeuralCapacitanceProbe, head_factors, neural_capacitance


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(7)
    features = torch.randn(32, 20, generator=generator).relu()
    return features, torch.randint(5, (32,), generator=generator)


def test_same_seed_same_head_and_global_generator_untouched():
    state = torch.random.get_rng_state()
    first, second = NeuralCapacitanceProbe(20, 5, seed=3), NeuralCapacitanceProbe(20, 5, seed=3)
    other = NeuralCapacitanceProbe(20, 5, seed=4)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.weights, second.weights, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first.weights, other.weights, strict=True))


def test_weights_are_he_normal_and_the_whole_state(batch):
    probe = NeuralCapacitanceProbe(400, 10, width=300, depth=5)
    assert [tuple(w.shape) for w in probe.weights] == [(300, 400), *[(300, 300)] * 3, (10, 300)]
    for weight in probe.weights:
        assert weight.dtype == torch.float32
        assert float(weight.std()) == pytest.approx(math.sqrt(2 / weight.shape[1]), rel=0.05)
    assert list(probe.state_dict()) == [f"weights.{n}" for n in range(5)]
    assert list(probe.buffers()) == []
    copy = NeuralCapacitanceProbe(400, 10, width=300, depth=5, seed=1)
    copy.load_state_dict(probe.state_dict())
    features = torch.ones(2, 400)
    assert torch.equal(copy(features), probe(features))


def test_forward_is_normalisation_then_relu_layers(batch):
    probe = NeuralCapacitanceProbe(20, 5)
    layers = [nn.Linear(w.shape[1], w.shape[0], bias=False) for w in probe.weights]
    for layer, weight in zip(layers, probe.weights, strict=True):
        layer.weight = weight
    norm = nn.RMSNorm(20, eps=1e-6, elementwise_affine=False)
    a, b, c, d = layers
    reference = nn.Sequential(norm, a, nn.ReLU(), b, nn.ReLU(), c, nn.ReLU(), d)
    torch.testing.assert_close(probe(batch[0]), reference(batch[0]))
    torch.testing.assert_close(probe(7 * batch[0]), probe(batch[0]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_probe_teaches_only_the_network_beneath(batch, frozen):
    probe = NeuralCapacitanceProbe(20, 5, frozen=frozen)
    features = batch[0].clone().requires_grad_()
    functional.cross_entropy(probe(features), batch[1]).backward()
    assert features.grad is not None
    assert float(features.grad.abs().sum()) > 0
    assert all(w.requires_grad is not frozen for w in probe.parameters())
    assert all((w.grad is None) == frozen for w in probe.parameters())


def test_measure_is_the_capacitance_of_the_normalised_features(batch):
    probe = NeuralCapacitanceProbe(20, 5)
    z = functional.rms_norm(batch[0].double(), (20,), eps=1e-6)
    expected = neural_capacitance(head_factors(list(probe.weights), torch.relu, z, batch[1]))
    assert expected.reason is None
    assert probe.measure(*batch) == expected


@pytest.mark.parametrize("training", [True, False])
def test_measure_leaves_no_trace(batch, training):
    probe = NeuralCapacitanceProbe(20, 5, frozen=False).train(training)
    functional.cross_entropy(probe(batch[0]), batch[1]).backward()
    features = batch[0].clone().requires_grad_()
    gradients = [w.grad.clone() for w in probe.parameters()]
    state, values = torch.random.get_rng_state(), [w.detach().clone() for w in probe.parameters()]
    probe.measure(features, batch[1])
    assert probe.training is training
    assert features.grad is None
    assert torch.equal(torch.random.get_rng_state(), state)
    for weight, value, gradient in zip(probe.parameters(), values, gradients, strict=True):
        assert torch.equal(weight, value)
        assert torch.equal(weight.grad, gradient)


def test_measure_does_not_depend_on_the_surrounding_mode(batch):
    probe = NeuralCapacitanceProbe(20, 5)
    expected = probe.measure(*batch)
    with torch.no_grad():
        assert probe.measure(*batch) == expected
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        features, labels = (t.clone() for t in batch)
        assert probe.measure(features, labels) == expected


def test_float32_and_float64_features_agree(batch):
    probe = NeuralCapacitanceProbe(20, 5)
    assert probe.measure(batch[0].double(), batch[1].int()) == probe.measure(*batch)
    rounded, exact = probe(batch[0]), probe.double()(batch[0].double())
    assert (rounded.dtype, exact.dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(rounded.double(), exact, rtol=1e-4, atol=1e-5)


def test_features_of_lower_precision_are_accepted(batch):
    probe = NeuralCapacitanceProbe(20, 5)
    assert probe(batch[0].bfloat16()).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert probe(batch[0]).dtype == torch.bfloat16
    assert probe.measure(batch[0].bfloat16(), batch[1]).reason is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_measure_moves_features_and_labels_to_the_probe(batch):
    expected = NeuralCapacitanceProbe(20, 5).measure(*batch)
    probe = NeuralCapacitanceProbe(20, 5).cuda()
    assert probe(batch[0]).is_cuda
    assert probe.measure(*batch).value == pytest.approx(expected.value, rel=1e-10)


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        (
            (8, 3),
            {"depth": 3},
            r"depth: expected 4 or more weight layers, received 3; .*sum to zero.*0 or 0/0",
        ),
        ((0, 3), {}, r"in_features: expected 1 or more, received 0"),
        ((8, 1), {}, r"num_classes: expected 2 or more, received 1"),
        ((8, 3), {"width": 0}, r"width: expected 1 or more, received 0"),
    ],
)
def test_sizes_are_checked(sizes, options, message):
    with pytest.raises(ValueError, match=message):
        NeuralCapacitanceProbe(*sizes, **options)


def test_unfit_batches_are_named(batch):
    probe = NeuralCapacitanceProbe(20, 5)
    wrong = r"features: expected shape \(B, 20\), received \(32, 19\); pool or flatten"
    with pytest.raises(ValueError, match=wrong):
        probe(batch[0][:, 1:])
    with pytest.raises(ValueError, match=wrong):
        probe.measure(batch[0][:, 1:], batch[1])
    with pytest.raises(ValueError, match="labels: expected 0 to 4, received 1 to 5"):
        probe.measure(batch[0], batch[1] * 0 + torch.tensor([1, 5]).repeat(16))
    with pytest.raises(ValueError, match="features: expected finite values"):
        probe.measure(batch[0] / 0, batch[1])
