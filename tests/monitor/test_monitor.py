"""What the monitor measures, on which layers, and that it leaves the model as it was."""

import copy
import math
import pickle
import threading
from itertools import pairwise

import optuna
import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from neurocap_search.monitor import CapacitanceMonitor
from neurocap_search.network_science import (
    NeuralCapacitanceProbe,
    head_capacitance,
    layer_fluctuation,
    node_strength,
)

IMAGES = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 3


def perceptron(depth=4, inputs=64):
    sizes = [inputs, *[16] * (depth - 1), 3]
    layers = [part for n, m in pairwise(sizes) for part in (nn.Linear(n, m), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


class Own(nn.Module):
    """Convolutions in one module, the head in another, as people write it."""

    def __init__(self, head):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5)
        )
        self.head = head

    def forward(self, images):
        return self.head(self.body(images).mean((2, 3)))


class Functional(nn.Module):
    """A perceptron whose flattening and activations are no modules."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(64, 16), nn.Linear(16, 16)
        self.third, self.last = nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, images):
        z = images.flatten(1)
        for layer in (self.first, self.second, self.third):
            z = torch.relu(layer(z))
        return self.last(z)


class Text(nn.Module):
    """A small transformer classifier; its features are behind a layer normalisation."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.classifier = nn.Linear(16, 3)

    def forward(self, tokens, mask=None):
        return self.classifier(self.encoder(self.embedding(tokens), src_key_padding_mask=mask).mean(1))


class Tokens(nn.Module):
    """The last linear layer sees every position; the average comes after."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(8, 3)

    def forward(self, images):
        return self.last(images[:, 0]).mean(1)


def seeded(make):
    torch.manual_seed(0)
    return make()


def measured(model, inputs=IMAGES, labels=LABELS, **arguments):
    with CapacitanceMonitor(model, **arguments) as monitor:
        return monitor, monitor.measure(inputs, labels)


# What is measured ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "layers", "features"),
    [
        (lambda: nn.Sequential(nn.Flatten(), *perceptron()), "1, 3, 5, 7", lambda m: IMAGES.flatten(1)),
        (
            lambda: nn.Sequential(nn.Flatten(), perceptron()),
            "1.0, 1.2, 1.4, 1.6",
            lambda m: IMAGES.flatten(1),
        ),
        (lambda: Own(perceptron(5, 4)), "head.0, head.2, head.4, head.6, head.8", lambda m: pooled(m)),
        (Functional, "first, second, third, last", lambda m: IMAGES.flatten(1)),
    ],
)
def test_a_deep_head_of_ones_own_is_measured(make, layers, features):
    model = seeded(make)
    monitor, numbers = measured(model)
    assert monitor.source == f"the model's own head of {layers.count(',') + 1} layers: {layers}"
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    chain = [part for layer in linear for part in (layer, nn.ReLU())][:-1]
    with torch.no_grad():
        expected = head_capacitance(nn.Sequential(*chain), features(model.eval()), LABELS)
    assert numbers["beta_eff"] == pytest.approx(expected.value, rel=1e-9)
    assert numbers["beta_numerator"] == pytest.approx(expected.numerator, rel=1e-9)
    assert numbers["beta_denominator"] == pytest.approx(expected.denominator, rel=1e-9)


def pooled(model):
    return model.body(IMAGES).mean((2, 3))


def test_layers_beside_the_head_are_no_part_of_it():
    model = seeded(
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), *perceptron(4, 4))
    )
    assert measured(model)[0].source == "the model's own head of 4 layers: 3, 5, 7, 9"


def test_the_longest_chain_is_the_head():
    model = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), perceptron(4, 16)))
    assert measured(model)[0].source == "the model's own head of 5 layers: 1, 3.0, 3.2, 3.4, 3.6"


class Wrapping(nn.Module):
    """Holds, as trainers' modules do, what cannot be copied."""

    def __init__(self):
        super().__init__()
        self.network, self.lock = perceptron(), threading.Lock()

    def forward(self, images):
        return self.network(images.flatten(1))


def test_of_modules_around_the_same_layers_the_innermost_is_the_head():
    monitor, _ = measured(seeded(Wrapping))
    assert monitor.source == "the model's own head of 4 layers: network.0, network.2, network.4, network.6"


class Scaling(Functional):
    """What its first layer receives is not what it receives itself."""

    def forward(self, images):
        return super().forward(2 * images - 1)


def test_a_head_that_would_do_something_else_on_the_features_is_not_measured():
    assert measured(seeded(Scaling))[0].source == "a frozen random probe on the 16 features before layer last"


class Overwriting(nn.Module):
    """Its features are gone after the last layer."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 3)

    def forward(self, images):
        features = images.flatten(1) * 1.0
        logits = self.last(features)
        features.zero_()
        return logits


def test_features_that_are_overwritten_later_are_measured_as_the_layer_saw_them():
    expected = NeuralCapacitanceProbe(64, 3).measure(IMAGES.flatten(1), LABELS)
    assert measured(seeded(Overwriting))[1]["beta_eff"] == pytest.approx(expected.value, rel=1e-9)


def test_a_probe_that_is_the_models_head_is_measured_as_it_measures_itself():
    model = seeded(lambda: Own(NeuralCapacitanceProbe(4, 3, width=8, frozen=False)))
    monitor, numbers = measured(model)
    with torch.no_grad():
        expected = model.head.measure(pooled(model.eval()), LABELS)
    assert numbers["beta_eff"] == pytest.approx(expected.value, rel=1e-9)
    assert monitor.source == "the model's own head of 1 layers: head"


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Own(perceptron(3, 4)), "head.4"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), "1"),
        (lambda: Own(nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), *perceptron(3, 8))), "head.6"),
        (lambda: Own(Skipping()), "head.last"),
    ],
)
def test_any_other_model_gets_a_probe(make, name):
    model = seeded(make)
    monitor, numbers = measured(model, width=16, seed=3)
    layer = model.get_submodule(name)
    assert monitor.source == f"a frozen random probe on the {layer.in_features} features before layer {name}"
    features = []
    handle = layer.register_forward_pre_hook(lambda module, args: features.append(args[0].detach()))
    model.eval()(IMAGES)
    handle.remove()
    probe = NeuralCapacitanceProbe(layer.in_features, 3, width=16, seed=3)
    assert numbers["beta_eff"] == pytest.approx(probe.measure(features[0], LABELS).value, rel=1e-9)


class Skipping(nn.Module):
    """A perceptron with a skip connection: no chain."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.last = nn.Linear(4, 3)

    def forward(self, z):
        for layer in self.hidden:
            z = z + torch.relu(layer(z))
        return self.last(z)


def test_features_of_positions_are_averaged():
    model = seeded(Tokens)
    monitor, numbers = measured(model)
    expected = NeuralCapacitanceProbe(8, 3).measure(IMAGES[:, 0].mean(1), LABELS)
    assert numbers["beta_eff"] == pytest.approx(expected.value, rel=1e-9)
    assert monitor.source == "a frozen random probe on the 8 features before layer last"


def test_features_behind_layer_normalisation_are_rectified_lest_beta_eff_be_noise():
    tokens = torch.randint(0, 20, (12, 5), generator=torch.Generator().manual_seed(0))
    monitor, numbers = measured(seeded(Text), tokens)
    assert "rectified, because they sum to zero in each sample" in monitor.source
    assert math.isfinite(numbers["beta_eff"])
    assert abs(numbers["beta_eff"]) > 1e-4


def test_a_resnet_is_measured():
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model = seeded(lambda: resnet18(num_classes=10))
    monitor, numbers = measured(model, images, torch.arange(6))
    assert monitor.source == "a frozen random probe on the 512 features before layer fc"
    strengths = node_strength(model, images[:1]).strengths
    every = torch.cat([torch.from_numpy(values).flatten() for values in strengths.values()])
    assert numbers["strength_mean"] == pytest.approx(every.mean().item())
    assert numbers["strength_std"] == pytest.approx(every.std(correction=0).item())
    fluctuations = list(layer_fluctuation(strengths).values())
    assert numbers["fluctuation_mean"] == pytest.approx(sum(fluctuations) / len(fluctuations))
    assert math.isfinite(numbers["beta_eff"])
    assert numbers["measure_seconds"] > 0


@pytest.mark.parametrize("kind", ["mapping", "tuple"])
def test_models_with_several_arguments_are_measured_without_strengths(kind):
    tokens, mask = torch.ones(12, 5).long(), torch.zeros(12, 5, dtype=torch.bool)
    inputs = {"tokens": tokens, "mask": mask} if kind == "mapping" else (tokens, mask)
    model = seeded(Text)
    _, numbers = measured(model, inputs)
    alone = measured(model, tokens)[1]
    assert numbers["beta_eff"] == pytest.approx(alone["beta_eff"], nan_ok=True)
    assert math.isnan(numbers["strength_mean"])


def test_what_is_measured_stays_the_same_while_the_model_trains():
    model = seeded(lambda: nn.Sequential(nn.Flatten(), *perceptron()))
    monitor = CapacitanceMonitor(model)
    assert monitor.source == "nothing was measured yet"
    first = monitor.measure(IMAGES, LABELS)
    source = monitor.source
    with torch.no_grad():
        model[-1].weight.mul_(2)
    assert monitor.measure(IMAGES, LABELS)["beta_eff"] != first["beta_eff"]
    with torch.no_grad():
        model[-1].weight.zero_()
    assert math.isnan(monitor.measure(IMAGES, LABELS)["beta_eff"])
    assert monitor.reason is not None
    assert monitor.source == source


def test_a_compiled_model_is_measured():
    model = seeded(lambda: Own(nn.Linear(4, 3)))
    compiled = torch.compile(model, backend="eager")
    monitor, numbers = measured(compiled)
    assert numbers["beta_eff"] == measured(model)[1]["beta_eff"]
    assert monitor.source.endswith("before layer head")  # the compiled model calls it _orig_mod.head


def test_a_diverged_model_gives_nan_and_the_reason():
    model = seeded(lambda: Own(nn.Linear(4, 3)))
    monitor = CapacitanceMonitor(model)
    monitor.measure(IMAGES, LABELS)
    assert monitor.reason is None
    with torch.no_grad():
        model.body[0].weight[0, 0] = math.nan
    numbers = monitor.measure(IMAGES, LABELS)
    assert math.isnan(numbers["beta_eff"])
    assert math.isnan(numbers["strength_mean"])
    assert "infinite or NaN" in monitor.reason


def test_one_output_counts_as_two_classes():
    model = seeded(lambda: Own(nn.Linear(4, 1)))
    assert math.isfinite(measured(model, labels=LABELS % 2)[1]["beta_eff"])


# The model is left alone -----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: Own(nn.Linear(4, 3)), lambda: Own(perceptron(4, 4)), Functional])
def test_training_goes_on_as_if_nothing_had_been_measured(make):
    assert_equal(train(make, measure=True), train(make, measure=False))


def train(make, measure):
    model = seeded(make)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        nn.functional.cross_entropy(model(IMAGES), LABELS).backward()
        gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        if measure:
            measured(model)
        assert_equal({name: p.grad for name, p in model.named_parameters()}, gradients)
        optimizer.step()
        optimizer.zero_grad()
        torch.rand(1)
    return {**model.state_dict(), "random": torch.rand(5)}


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0)


class Noisy(nn.Module):
    """A model that draws random numbers even in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 3)

    def forward(self, images):
        return self.last(images.flatten(1) + torch.rand(64))


def test_the_random_state_stays_even_if_the_model_draws():
    model = seeded(Noisy)
    state = torch.get_rng_state()
    measured(model)
    assert torch.equal(torch.get_rng_state(), state)


def test_every_module_keeps_its_mode():
    model = seeded(lambda: Own(nn.Linear(4, 3)))
    model.train()
    model.body[1].eval()  # a frozen batch normalisation
    modes = {name: module.training for name, module in model.named_modules()}
    measured(model)
    assert {name: module.training for name, module in model.named_modules()} == modes


def test_no_hook_is_left_not_even_after_an_exception_in_the_model():
    model = seeded(lambda: Own(nn.Linear(4, 3)))
    with CapacitanceMonitor(model) as monitor:
        monitor.measure(IMAGES, LABELS)
        assert not hooks(model)
        pickle.dumps(model)
        copy.deepcopy(model)
        with pytest.raises(ValueError, match="cannot be run"):
            monitor.measure(IMAGES[:, 0, 0], LABELS)
        assert not hooks(model)
        assert model.training
    interrupted = seeded(Interrupted)
    with CapacitanceMonitor(interrupted) as monitor, pytest.raises(KeyboardInterrupt):
        monitor.measure(IMAGES, LABELS)
    assert not hooks(interrupted)
    assert interrupted.training


class Interrupted(nn.Module):
    """The user stops the program in the middle of a forward pass."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 3)

    def forward(self, images):
        self.last(images.flatten(1))
        raise KeyboardInterrupt


def hooks(model):
    return [
        h for m in model.modules() for h in (*m._forward_hooks, *m._forward_pre_hooks, *m._backward_hooks)
    ]


# Refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (IMAGES, LABELS + 1, "labels: expected class indices from 0 to 2, received 3"),
        (IMAGES, LABELS - 1, "labels: expected class indices from 0 to 2, received -1"),
        (IMAGES, LABELS[:5], "received 5 labels for features of shape \\(12, 4\\)"),
        (
            IMAGES,
            LABELS.float(),
            "labels: expected class indices of shape \\(B,\\), received shape \\(12,\\) of",
        ),
        (IMAGES, LABELS > 1, "of torch.bool; give one whole number"),
        (IMAGES, LABELS[:, None], "received shape \\(12, 1\\)"),
        (IMAGES, LABELS[:0], "received shape \\(0,\\)"),
        (IMAGES[:, 0, 0], LABELS, "cannot be run on inputs of shape \\(12, 8\\)"),
        ({"images": IMAGES, "other": 1}, LABELS, "cannot be run on inputs of images shape .* other 1"),
        ((IMAGES, IMAGES), LABELS, "cannot be run on inputs of shape .*, shape"),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_a_wrong_batch_is_refused(inputs, labels, message, again):
    monitor = CapacitanceMonitor(seeded(lambda: Own(nn.Linear(4, 3))))
    if again:
        monitor.measure(IMAGES, LABELS)
    with pytest.raises(ValueError, match=message):
        monitor.measure(inputs, labels)


def test_a_model_without_linear_layers_is_refused():
    with pytest.raises(
        ValueError, match=r"Conv2d: no nn\.Linear runs in it.*NeuralCapacitanceProbe on features"
    ):
        measured(nn.Conv2d(1, 3, 8))


# Reports ---------------------------------------------------------------------------------------------


def test_without_a_trial_the_numbers_are_returned_together():
    monitor, numbers = measured(seeded(lambda: Own(nn.Linear(4, 3))))
    assert monitor.report({"val_accuracy": 0.5}) == {"val_accuracy": 0.5, **numbers}


def test_an_optuna_trial_receives_all_numbers():
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    monitor, numbers = measured(seeded(lambda: Own(nn.Linear(4, 3))))
    monitor.report({"val_accuracy": 0.5, "loss": 2.0}, trial=trial)
    monitor.report({"val_accuracy": 0.6}, trial=trial)
    monitor.report({"val_accuracy": 0.7}, trial=trial, epoch=7)
    assert study.trials[0].intermediate_values == {1: 0.5, 2: 0.6, 7: 0.7}
    kept = trial.user_attrs["neurocap:report:1"]["metrics"]
    assert kept["loss"] == 2.0
    assert kept["beta_eff"] == numbers["beta_eff"]


def test_an_optuna_trial_without_metrics_is_refused():
    monitor, _ = measured(seeded(lambda: Own(nn.Linear(4, 3))))
    with pytest.raises(
        ValueError, match="metrics: expected the number that the study optimises, received none"
    ):
        monitor.report({}, trial=optuna.create_study().ask())
