import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from neurocap_search.network_science import (
    HeadFactors,
    head_factors,
    line_graph,
    line_graph_capacitance,
    neural_capacitance,
)

GENERIC = (3, 5, 4, 6, 4)


def squared_error_factors(weights, activation, features, targets):
    """Factors of a linear output with half the squared error: e_L = a_L - t."""
    shape = head_factors(weights, activation, features, torch.zeros(len(features), dtype=torch.long))
    errors = [shape.outputs[-1] @ weights[-1].T - targets]
    for gain, weight in zip(reversed(shape.gains), reversed(weights[1:]), strict=True):
        errors.insert(0, gain * (errors[0] @ weight))
    return HeadFactors(shape.outputs, shape.gains, tuple(errors))


def scaled(factors, c):
    return HeadFactors(factors.outputs, factors.gains, tuple(c * e for e in factors.errors))


@settings(max_examples=200, deadline=None, database=None)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=3, max_size=7),
    activation=st.sampled_from([torch.relu, torch.tanh, functional.gelu]),
    batch=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_closed_form_equals_the_explicit_line_graph(random_head, sizes, activation, batch, seed):
    weights, features, labels = random_head(sizes, batch, seed)
    factors = head_factors(weights, activation, features, labels)
    P = line_graph(factors)
    closed, explicit = neural_capacitance(factors, rtol=1e-3), line_graph_capacitance(P, rtol=1e-3)
    # Some sums cancel exactly; what is left of them is noise, small beside the uncancelled sum.
    uncancelled = line_graph_capacitance(abs(P))
    for part in ("numerator", "denominator"):
        reference, noise = getattr(explicit, part), 1e-13 * getattr(uncancelled, part)
        assert getattr(closed, part) == pytest.approx(reference, rel=1e-10, abs=noise)
    if closed.reason is None:
        assert closed.value == pytest.approx(explicit.value, rel=1e-10)


@pytest.mark.parametrize("depth", [4, 5, 6])
def test_deep_heads_have_a_value(random_head, depth):
    head = random_head((8, *[16] * (depth - 1), 5), batch=32)
    result = neural_capacitance(head_factors(head[0], torch.relu, *head[1:]))
    assert result.reason is None
    assert result.value == result.numerator / result.denominator != 0.0


def test_squared_error_needs_only_three_layers(random_head):
    for sizes, generic in (((3, 5, 4), False), ((3, 5, 6, 4), True)):
        weights, features, _ = random_head(sizes, batch=9)
        factors = squared_error_factors(weights, torch.relu, features, torch.ones(9, 4).double())
        result = neural_capacitance(factors)
        assert abs(result.denominator) > 1e-3
        assert (result.reason is None) == generic
        if generic:
            assert result.value == pytest.approx(line_graph_capacitance(line_graph(factors)).value, rel=1e-10)


@pytest.mark.parametrize("c", [-1.0, 0.25, 3.0, 1e-6, 1e-200, 1e-300])
def test_value_is_homogeneous_in_the_errors(random_head, c):
    """Sign, learning rate and loss scale: beta_eff follows linearly, N with the square."""
    weights, features, labels = random_head(GENERIC, batch=9)
    factors = head_factors(weights, torch.relu, features, labels)
    base, result = neural_capacitance(factors), neural_capacitance(scaled(factors, c))
    assert result.reason is None
    assert result.value == pytest.approx(c * base.value, rel=1e-12, abs=0.0)
    assert result.numerator == pytest.approx(c * (c * base.numerator), rel=1e-12, abs=0.0)
    assert result.denominator == pytest.approx(c * base.denominator, rel=1e-12, abs=0.0)


@pytest.mark.parametrize("learning_rate", [1e-12, 1e-3, 10.0])
def test_learning_rate_does_not_decide_degeneracy(random_head, learning_rate):
    weights, features, labels = random_head(GENERIC, batch=9)
    P = line_graph(head_factors(weights, torch.relu, features, labels))
    base, result = line_graph_capacitance(P), line_graph_capacitance(learning_rate * P)
    assert result.reason is base.reason is None
    assert result.value == pytest.approx(learning_rate * base.value, rel=1e-12)


def test_order_of_hidden_neurons_and_of_samples_is_irrelevant(random_head):
    weights, features, labels = random_head(GENERIC, batch=9)
    base = neural_capacitance(head_factors(weights, torch.tanh, features, labels))
    for layer in range(len(weights) - 1):
        order = torch.randperm(len(weights[layer]), generator=torch.Generator().manual_seed(layer))
        weights[layer], weights[layer + 1] = weights[layer][order], weights[layer + 1][:, order]
    result = neural_capacitance(head_factors(weights, torch.tanh, features.flip(0), labels.flip(0)))
    assert result.value == pytest.approx(base.value, rel=1e-11)
