"""Values of the proxies: literal second implementations, closed forms, invariants."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from neurocap_search.zero_cost import (
    ZERO_COST_PROXIES,
    grad_norm,
    jacob_cov,
    multiply_adds,
    number_of_convolutions,
    nwot,
    parameters,
    snip,
    synflow,
    zico,
)
from search_spaces import CellSpace, MlpSpace
from tests.zero_cost.zero_cost_references import REFERENCES, batch, small_convolutional

CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"
CONVOLUTIONAL = {"space": "cell", "cell": CELL}
FULLY_CONNECTED = {
    "space": "mlp",
    "widths": [6, 5],
    "activation": "relu",
    "normalisation": "batch",
    "dropout": 0.5,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", REFERENCES)
def test_a_proxy_is_what_its_authors_compute(name, seed):
    network, (inputs, labels) = small_convolutional(seed), batch(seed)
    found = ZERO_COST_PROXIES[name](network, inputs, labels)
    assert found == pytest.approx(REFERENCES[name](network, inputs, labels), rel=1e-9)
    assert found.reason is None


@pytest.mark.parametrize("name", REFERENCES)
def test_a_proxy_is_what_its_authors_compute_on_a_cell_in_float32(name):
    torch.manual_seed(0)
    backbone = CellSpace(channels=4, cells_per_stage=1).build_backbone(CONVOLUTIONAL, (2, 8, 8))
    network = nn.Sequential(backbone, nn.Linear(backbone.out_features, 3))
    inputs, labels = torch.randn(8, 2, 8, 8), torch.arange(8) % 3
    found = ZERO_COST_PROXIES[name](network, inputs, labels)
    assert found == pytest.approx(REFERENCES[name](network, inputs, labels), rel=1e-3)


@pytest.mark.parametrize("name", REFERENCES)
def test_shared_weights_count_once(name):
    torch.manual_seed(0)
    shared = nn.Linear(4, 4)
    network = nn.Sequential(nn.Linear(9, 4), nn.ReLU(), shared, nn.ReLU(), shared, nn.Linear(4, 3)).double()
    inputs, labels = torch.randn(6, 9).double(), torch.arange(6) % 3
    expected = REFERENCES[name](network, inputs, labels)
    assert ZERO_COST_PROXIES[name](network, inputs, labels) == pytest.approx(expected, rel=1e-9)


def linear(*sizes, seed=0):
    torch.manual_seed(seed)
    layers = [nn.Linear(n, m, bias=False) for n, m in pairwise(sizes)]
    return nn.Sequential(*layers).double()


def test_gradients_of_a_linear_classifier_in_closed_form():
    network, (inputs, labels) = linear(72, 3), batch()
    x, weight = inputs.flatten(1), network[0].weight.detach()
    gradient = (torch.softmax(x @ weight.T, 1) - torch.eye(3)[labels]).T @ x / len(x)
    assert grad_norm(network, x, labels) == pytest.approx(math.sqrt(float((gradient**2).sum())))
    assert snip(network, x, labels) == pytest.approx(float((weight * gradient).abs().sum()))


def test_flow_through_a_linear_network_is_that_of_its_matrices_once_a_layer():
    network = linear(4, 6, 5, 2)
    product = torch.linalg.multi_dot([layer.weight.detach().abs() for layer in reversed(network)])
    assert synflow(network, torch.zeros(1, 4)) == pytest.approx(math.log(3 * float(product.sum())))


def test_jacobians_of_a_linear_network_are_all_alike():
    inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    eigenvalues = np.array([5.0, 0, 0, 0, 0]) + 1e-5  # of a correlation matrix of ones
    expected = -(np.log(eigenvalues) + 1 / eigenvalues).sum()
    assert jacob_cov(linear(4, 3, 2), inputs) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.LeakyReLU(), nn.PReLU(), nn.RReLU()],
    ids=lambda module: type(module).__name__,
)
def test_every_kind_of_relu_has_the_same_codes(activation):
    network, inputs = linear(4, 6, 2), torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()
    first, second = network
    expected = nwot(nn.Sequential(first, nn.ReLU(), second), inputs)
    assert nwot(nn.Sequential(first, activation.double(), second), inputs) == expected != 0


@pytest.mark.parametrize(
    "relu", [functional.relu, torch.relu, torch.Tensor.relu_, lambda z: functional.relu(input=z)]
)
def test_a_relu_that_is_no_module_counts_once(relu):
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 9)

        def forward(self, x):
            return relu(self.layer(x))

    torch.manual_seed(0)
    network, inputs = Functional(), torch.randn(5, 4)
    assert nwot(network, inputs) == nwot(nn.Sequential(network.layer, nn.ReLU()), inputs)


def test_sizes_counted_by_hand():
    network = small_convolutional()
    inputs, _ = batch()
    assert parameters(network) == (2 * 4 * 9) + (4 + 4) + (4 * 3 * 9 + 3) + (12 * 5 + 5) + (5 * 3 + 3)
    assert multiply_adds(network, inputs) == 36 * 72 + 4 * 108 + 60 + 15
    assert number_of_convolutions(network) == 2
    assert number_of_convolutions(linear(2, 2)) == 0
    assert number_of_convolutions(nn.ConvTranspose1d(1, 1, 3)) == 1


@pytest.mark.parametrize(
    ("space", "architecture"),
    [(CellSpace(channels=4, cells_per_stage=1), CONVOLUTIONAL), (MlpSpace(), FULLY_CONNECTED)],
)
def test_sizes_are_the_costs_of_the_search_spaces(space, architecture):
    cost = space.cost(architecture, (3, 8, 8), 10)
    network = space.build(architecture, (3, 8, 8), 10)
    assert parameters(network) == cost.parameters
    assert multiply_adds(network, torch.zeros(2, 3, 8, 8)) == cost.multiply_adds


def test_only_the_trainable_weights_of_a_candidate_count():
    network = MlpSpace().build(FULLY_CONNECTED, (2, 6, 6), 3).double()
    inputs, labels = batch()
    frozen = grad_norm(network, inputs, labels)
    assert frozen < grad_norm(network.requires_grad_(), inputs, labels)
    for weight in network.head.parameters():
        weight.requires_grad_(False)
    for parameter in network.parameters():
        if parameter.ndim < 2:
            parameter.requires_grad_(False)
    assert grad_norm(network, inputs, labels) == frozen


def test_flow_passes_over_every_normalisation():
    torch.manual_seed(0)
    layers = nn.Linear(4, 6), nn.Linear(6, 2)
    inputs = torch.zeros(1, 4)
    expected = synflow(nn.Sequential(*layers), inputs)
    for normalisation in (nn.BatchNorm1d(6), nn.LayerNorm(6), nn.GroupNorm(2, 6), nn.RMSNorm(6)):
        assert synflow(nn.Sequential(layers[0], normalisation, layers[1]), inputs) == expected


seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=8, deadline=None, database=None)


@few
@given(seeds)
def test_the_order_of_the_samples_does_not_matter(seed):
    network, (inputs, labels) = small_convolutional(seed), batch(seed)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    for name in ("grad_norm", "snip", "synflow", "jacob_cov", "nwot"):
        proxy = ZERO_COST_PROXIES[name]
        assert proxy(network, inputs[order], labels[order]) == pytest.approx(
            proxy(network, inputs, labels), rel=1e-6
        ), name


@few
@given(seeds)
def test_zico_does_not_ask_which_batch_came_first_nor_for_the_scale_of_the_gradient(seed):
    network, (inputs, labels) = linear(72, 3, seed=seed), batch(seed)
    x = inputs.flatten(1)
    expected = zico(network, x, labels)
    assert zico(network, x.roll(4, 0), labels.roll(4, 0)) == pytest.approx(expected, rel=1e-9)
    with torch.no_grad():
        network[0].weight /= 3  # the same logits: three times the gradient
    assert zico(network, 3 * x, labels) == pytest.approx(expected, rel=1e-6)


@few
@given(seeds)
def test_flow_asks_neither_for_signs_nor_for_the_values_of_the_inputs(seed):
    network, (inputs, _) = small_convolutional(seed), batch(seed)
    expected = synflow(network, inputs)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 2 * torch.randint(2, parameter.shape) - 1
    assert synflow(network, inputs[:3] + 1) == expected


@few
@given(seeds, st.floats(0.01, 100))
def test_codes_do_not_ask_for_the_scale_of_the_inputs(seed, scale):
    network, (inputs, _) = linear(72, 30, seed=seed), batch(seed)
    network.append(nn.ReLU())
    assert nwot(network, scale * inputs.flatten(1)) == nwot(network, inputs.flatten(1))


@few
@given(seeds)
def test_the_order_of_hidden_units_does_not_matter(seed):
    network, (inputs, labels) = small_convolutional(seed), batch(seed)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    expected = {name: proxy(network, inputs, labels) for name, proxy in ZERO_COST_PROXIES.items()}
    with torch.no_grad():
        network[6].weight.copy_(network[6].weight[order])
        network[6].bias.copy_(network[6].bias[order])
        network[8].weight.copy_(network[8].weight[:, order])
    for name, proxy in ZERO_COST_PROXIES.items():
        assert proxy(network, inputs, labels) == pytest.approx(expected[name], rel=1e-6), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [6, 8, 50])
def test_to_zico_rounding_is_no_variation(dtype, size):
    # The same sample throughout, in batches of different sizes, whose means are rounded differently.
    network = linear(72, 3).to(dtype)
    sample = torch.randn(1, 72, generator=torch.Generator().manual_seed(0), dtype=dtype)
    score = zico(network, sample.repeat(size, 1), torch.zeros(size, dtype=torch.int64), batches=3)
    assert math.isnan(score)
    assert score.reason == "no weight has a gradient that varies from batch to batch"


def test_zico_counts_what_varies_by_a_hundred_roundings():
    network = nn.Linear(1, 2, bias=False)
    nn.init.zeros_(network.weight)
    step = 100 * torch.finfo(torch.float32).eps
    # Gradients (-1, 1) and (-1 - step, 1 + step): their mean size over half a step, twice.
    score = zico(network, torch.tensor([[2.0], [2 + 2 * step]]), torch.tensor([0, 0]))
    assert score == pytest.approx(math.log(2 * (1 + step / 2) / (step / 2)), rel=1e-6)


def test_zico_over_three_batches_counts_each():
    network, (inputs, labels) = linear(72, 3), batch(size=9)
    x = inputs.flatten(1)
    parts = [slice(0, 3), slice(3, 6), slice(6, 9)]
    gradients = []
    for part in parts:
        softmax = torch.softmax(x[part] @ network[0].weight.detach().T, 1)
        gradients.append(((softmax - torch.eye(3)[labels[part]]).T @ x[part] / 3).numpy())
    expected = math.log((np.abs(gradients).mean(0) / np.std(gradients, axis=0)).sum())
    assert zico(network, x, labels, batches=3) == pytest.approx(expected)
