"""beta_eff of modules under every option, against explicit line graphs made in numpy."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurocap_search.network_science import NeuralCapacitanceProbe
from neurocap_search.network_science.capacitance.closed_form import Capacitance, neural_capacitance
from neurocap_search.network_science.capacitance.head import NeuralCapacitance, head_capacitance
from neurocap_search.network_science.capacitance.line_graph import line_graph, line_graph_capacitance
from neurocap_search.network_science.capacitance.module_factors import module_factors
from neurocap_search.network_science.capacitance.options import CapacitanceOptions
from tests.network_science.capacitance import dense_reference as dense

MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}
LOSSES = ["cross_entropy", "squared_error", "binary_cross_entropy", "elementwise_softmax"]


def drawn(sizes, activation, bias, batch, seed):
    """A head, a batch and labels, and the same head in numpy."""
    generator = torch.Generator().manual_seed(seed)
    layers = [nn.Linear(n, m, bias=bias, dtype=torch.float64) for n, m in pairwise(sizes)]
    for layer in layers:
        for parameter in layer.parameters():
            parameter.data.normal_(generator=generator)
    modules = [module for layer in layers for module in (layer, MODULES[activation]())][:-1]
    features = torch.randn(batch, sizes[0], generator=generator, dtype=torch.float64)
    labels = torch.randint(sizes[-1], (batch,), generator=generator)
    return nn.Sequential(*modules), features, labels


def in_numpy(head, features, labels, activation, loss):
    layers = [module for module in head if isinstance(module, nn.Linear)]
    weights = [layer.weight.detach().numpy() for layer in layers]
    biases = [None if layer.bias is None else layer.bias.detach().numpy() for layer in layers]
    return dense.run(weights, biases, activation, features.numpy(), labels.numpy(), loss)


def assert_sums(result, P, scale=1.0):
    """N and D equal those of P, but for noise small beside the sums in which nothing cancels."""
    (n, d), (n_bound, d_bound) = dense.sums(P), dense.sums(abs(P))
    assert result.numerator == pytest.approx(scale**2 * n, rel=1e-10, abs=1e-12 * scale**2 * n_bound)
    assert result.denominator == pytest.approx(scale * d, rel=1e-10, abs=1e-12 * abs(scale) * d_bound)
    if result.reason is None:
        assert result.value == pytest.approx(scale * n / d, rel=1e-10)


given_any_head = given(
    sizes=st.lists(st.integers(1, 7), min_size=3, max_size=7),
    activation=st.sampled_from(sorted(MODULES)),
    bias=st.booleans(),
    bias_edges=st.booleans(),
    batch=st.integers(1, 9),
    loss=st.sampled_from(LOSSES),
    seed=st.integers(0, 2**32 - 1),
)


@settings(max_examples=80, deadline=None, database=None)
@given_any_head
def test_any_head_equals_its_explicit_line_graph(sizes, activation, bias, bias_edges, batch, loss, seed):
    head, x, y = drawn(sizes, activation, bias, batch, seed)
    P = dense.line_graph(in_numpy(head, x, y, activation, loss), bias_edges=bias_edges)
    options = CapacitanceOptions(loss=loss, bias_edges=bias_edges)
    metric = NeuralCapacitance(options, rtol=1e-3)
    metric.update(head, x, y)
    assert_sums(metric.compute(), P)
    sparse = line_graph_capacitance(line_graph(module_factors(head, x, y, loss=loss, bias_edges=bias_edges)))
    assert sparse.denominator == pytest.approx(P.sum(), rel=1e-10, abs=1e-12 * abs(P).sum())


@settings(max_examples=40, deadline=None, database=None)
@given_any_head
def test_other_interactions_equal_their_explicit_line_graphs(
    sizes, activation, bias, bias_edges, batch, loss, seed
):
    head, x, y = drawn(sizes, activation, bias, batch, seed)
    net = in_numpy(head, x, y, activation, loss)
    for options, graph in (
        ({"interaction": "weighted"}, {"weighted": True}),
        ({"errors": "activation"}, {"errors": "activation"}),
        ({"sign": "absolute"}, {"absolute": True}),
    ):
        P = dense.line_graph(net, bias_edges=bias_edges, **graph)
        metric = NeuralCapacitance(CapacitanceOptions(loss=loss, bias_edges=bias_edges, **options), rtol=1e-3)
        metric.update(head, x, y)
        assert_sums(metric.compute(), P)


def test_weighted_rows_are_the_descent_direction() -> None:
    head, x, y = drawn((3, 4, 5, 3), "tanh", True, 6, 0)
    net = in_numpy(head, x, y, "tanh", "cross_entropy")
    nn.functional.cross_entropy(head(x), y).backward()
    descent = np.concatenate([-layer.weight.grad.numpy().ravel() for layer in (head[0], head[2])])
    P = dense.line_graph(net, weighted=True)
    np.testing.assert_allclose(P.sum(1)[: len(descent)], descent, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("averaging", "bias_edges"),
    [(a, b) for a in ("ratio_of_means", "mean_of_ratios", "factors") for b in (0, 1)],
)
def test_averages_equal_explicit_line_graphs(averaging: str, bias_edges: bool) -> None:
    head, x, y = drawn((3, 5, 4, 6, 4), "tanh", True, 7, 3)
    net = in_numpy(head, x, y, "tanh", "squared_error")
    each = [dense.sums(dense.line_graph(net, bias_edges=bool(bias_edges), samples=[s])) for s in range(7)]
    net.Z, net.U, net.E = ([part.mean(0, keepdims=True) for part in parts] for parts in (net.Z, net.U, net.E))
    n, d = dense.sums(dense.line_graph(net, bias_edges=bool(bias_edges)))
    expected = {
        "ratio_of_means": sum(n for n, _ in each) / sum(d for _, d in each),
        "mean_of_ratios": float(np.mean([n / d for n, d in each])),
        "factors": n / d,
    }[averaging]
    options = CapacitanceOptions(averaging=averaging, bias_edges=bool(bias_edges), loss="squared_error")
    assert head_capacitance(head, x, y, options).value == pytest.approx(expected, rel=1e-10)


ACCUMULATED = [
    {},
    {"interaction": "weighted"},
    {"sign": "absolute"},
    {"averaging": "ratio_of_means"},
    {"averaging": "mean_of_ratios"},
    {"averaging": "factors"},
    {"interaction": "hessian_blocks"},
    {"interaction": "hessian"},
    {"bias_edges": True, "errors": "activation"},
]


@pytest.mark.parametrize("choices", ACCUMULATED)
def test_batches_add_up_to_the_value_of_all_samples(choices) -> None:
    head, x, y = drawn((3, 5, 4, 6, 4), "tanh", True, 9, 5)
    options = CapacitanceOptions(loss="squared_error", **choices)
    whole, metric = head_capacitance(head, x, y, options), NeuralCapacitance(options)
    for part in (slice(0, 2), slice(2, 8), slice(8, 9)):
        metric.update(head, x[part], y[part])
    assert whole.reason is None
    assert metric.compute().value == pytest.approx(whole.value, rel=1e-9)
    assert metric.compute().numerator == pytest.approx(whole.numerator, rel=1e-9)
    metric.reset()
    with pytest.raises(ValueError, match="no batch was added; call update before compute"):
        metric.compute()


def test_the_last_batch_alone_counts_where_asked_for() -> None:
    head, x, y = drawn((3, 5, 4, 6, 4), "relu", False, 9, 5)
    metric = NeuralCapacitance(CapacitanceOptions(averaging="last_batch"))
    metric.update(head, x[:4], y[:4])
    metric.update(head, x[4:], y[4:])
    assert metric.compute() == head_capacitance(head, x[4:], y[4:])


def test_batches_of_very_different_errors_add_up() -> None:
    """The first batch sets the scale; a batch without any error must not break it."""
    head, x, y = drawn((3, 5, 4, 6, 4), "tanh", False, 4, 5)
    perfect = head(x).detach()
    options = CapacitanceOptions(loss="squared_error")
    metric = NeuralCapacitance(options)
    metric.update(head, x, perfect)
    assert "fits every sample exactly" in str(metric.compute().reason)
    metric.update(head, x, y)
    assert metric.compute().value == pytest.approx(head_capacitance(head, x, y, options).value / 2, rel=1e-12)


def test_a_later_batch_of_larger_errors_keeps_the_scale_of_the_first() -> None:
    head, x, y = drawn((3, 5, 4, 6, 4), "tanh", False, 4, 5)
    targets = torch.nn.functional.one_hot(y, 4) * torch.tensor([[1.0], [1.0], [1e6], [1e6]]).double()
    options = CapacitanceOptions(loss="squared_error")
    metric = NeuralCapacitance(options)
    for part in (slice(0, 2), slice(2, 4)):
        metric.update(head, x[part], targets[part])
    assert metric.compute().value == pytest.approx(
        head_capacitance(head, x, targets, options).value, rel=1e-9
    )


@pytest.mark.parametrize("interaction", ["factor", "weighted", "hessian"])
def test_sign_and_learning_rate_scale_the_value(interaction: str) -> None:
    head, x, y = drawn((3, 5, 4, 6, 4), "tanh", False, 9, 5)

    def result(**choices: object) -> Capacitance:
        return head_capacitance(head, x, y, CapacitanceOptions(interaction=interaction, **choices))  # type: ignore[arg-type]

    plain = result()
    for c, choices in ((-1.0, {"sign": "ascent"}), (0.1, {"learning_rate": 0.1})):
        scaled = result(**choices)
        assert scaled.value == pytest.approx(c * plain.value, rel=1e-12)
        assert scaled.numerator == pytest.approx(c**2 * plain.numerator, rel=1e-12)
        assert scaled.denominator == pytest.approx(c * plain.denominator, rel=1e-12)


def test_zero_for_undefined_where_asked_for() -> None:
    head, x, y = drawn((3, 5, 4), "tanh", False, 9, 5)
    missing, zero = (head_capacitance(head, x, y, CapacitanceOptions(undefined=u)) for u in ("nan", "zero"))
    assert math.isnan(missing.value)
    assert zero.value == 0.0
    assert zero.reason == missing.reason is not None


def test_normalisation_and_dropout_count_as_in_evaluation_mode() -> None:
    torch.manual_seed(0)
    head = nn.Sequential(
        *(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.5)),
        *(nn.Linear(8, 6), nn.GELU(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 4)),
    )
    x, y = torch.randn(16, 5), torch.arange(16) % 4
    for _ in range(3):
        head(x)  # moves the running statistics
    before = {key: value.clone() for key, value in head.state_dict().items()}
    result = head_capacitance(head, x, y)
    norm = head[1]
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double()
    shift = norm.bias.detach().double() - scale * norm.running_mean.double()
    # Normalisation in evaluation mode is scale * a + shift, whose scale multiplies the gain.
    factors = module_factors(head, x, y)
    a = x.double() @ head[0].weight.detach().double().T + head[0].bias.detach().double()
    torch.testing.assert_close(factors.gains[0], ((scale * a + shift) > 0) * scale)
    assert result == neural_capacitance(factors)
    assert head.training
    assert head[3].training
    assert all(torch.equal(value, before[key]) for key, value in head.state_dict().items())
    assert all(parameter.grad is None for parameter in head.parameters())


def test_a_probe_is_measured_as_it_measures_itself() -> None:
    torch.manual_seed(0)
    probe, x, y = NeuralCapacitanceProbe(20, 5), torch.randn(32, 20), torch.arange(32) % 5
    assert head_capacitance(probe, x, y).value == pytest.approx(probe.measure(x, y).value, rel=1e-12)


def test_single_precision_heads_agree_with_double() -> None:
    head, x, y = drawn((6, 16, 16, 16, 5), "relu", True, 32, 1)
    exact = head_capacitance(head, x, y)
    assert head_capacitance(head.float(), x.float(), y).value == pytest.approx(exact.value, rel=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("choices", ACCUMULATED)
def test_the_graphics_card_agrees_with_the_processor(choices) -> None:
    head, x, y = drawn((3, 5, 4, 6, 4), "tanh", True, 9, 5)
    options = CapacitanceOptions(loss="squared_error", **choices)
    expected = head_capacitance(head, x, y, options)
    assert head_capacitance(head.cuda(), x, y, options).value == pytest.approx(expected.value, rel=1e-9)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([nn.Linear(3, 2)], "head: expected two or more linear layers, received 1; .* add a hidden layer"),
        (
            [nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)],
            r"between layers 0 and 2: expected an elementwise function, received one that mixes .*layer norm",
        ),
        ([nn.Linear(3, 4), nn.Softmax(1), nn.Linear(4, 2)], "between layers 0 and 2: .* mixes nodes"),
        ([nn.Linear(3, 4), nn.MaxPool1d(2), nn.Linear(2, 2)], "between layers 0 and 2: .* plain chain"),
    ],
)
def test_heads_that_are_no_chain_are_refused(modules: list[nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        head_capacitance(nn.Sequential(*modules), torch.eye(3), torch.tensor([0, 1, 0]))


def test_skip_connections_are_refused_and_broken_weights_named() -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            y = torch.relu(self.a(x))
            return self.c(y + torch.relu(self.b(y)))

    with pytest.raises(
        ValueError, match=r"between layers b and c: .*skip connection; use network_capacitance"
    ):
        head_capacitance(Skip(), torch.eye(3), torch.tensor([0, 1, 0]))
    head, x, y = drawn((3, 5, 4, 6, 4), "tanh", True, 9, 5)
    head[2].weight.data[0, 0] = torch.nan
    for interaction in ("factor", "hessian"):
        with pytest.raises(ValueError, match="layer 2: expected finite values, received 1"):
            head_capacitance(head, x, y, CapacitanceOptions(interaction=interaction))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"interaction": "all"}, "interaction: expected one of factor, weighted, .* received 'all'"),
        ({"learning_rate": 0.0}, "learning_rate: expected a positive number or None, received 0.0"),
        ({"sign": "absolute", "averaging": "factors"}, "sign: absolute values .* use factor and samples"),
        ({"interaction": "weighted", "averaging": "factors"}, "averaging: 'factors' is defined for"),
        ({"interaction": "hessian", "bias_edges": True}, "the Hessian knows neither bias_edges nor errors"),
    ],
)
def test_options_that_exclude_each_other_are_named(choices: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CapacitanceOptions(**choices)  # type: ignore[arg-type]
