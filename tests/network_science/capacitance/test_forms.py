import math

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
from neurocap_search.network_science.capacitance.forms import (
    absolute_capacitance,
    factor_averaged_capacitance,
    gram_capacitance,
    per_sample_capacitance,
)

GENERIC = (3, 5, 4, 6, 4)
COARSE = 1e-3


def mean_of_ratios(factors, **options):
    return per_sample_capacitance(factors, reduction="mean_of_ratios", **options)


def ratio_of_means(factors, **options):
    return per_sample_capacitance(factors, reduction="ratio_of_means", **options)


SIGNED = (gram_capacitance, mean_of_ratios, ratio_of_means, factor_averaged_capacitance)
given_any_head = given(
    sizes=st.lists(st.integers(1, 7), min_size=3, max_size=7),
    activation=st.sampled_from([torch.relu, torch.tanh, functional.gelu]),
    batch=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    shift=st.sampled_from([0.0, 0.5]),
)
many = settings(max_examples=200, deadline=None, database=None)
some = settings(max_examples=60, deadline=None, database=None)  # these build one line graph a sample


def mapped(factors, change):
    """Factors with every tensor changed."""
    outputs, gains, errors = (
        tuple(map(change, nodes)) for nodes in (factors.outputs, factors.gains, factors.errors)
    )
    return HeadFactors(outputs, gains, errors)


def with_errors(factors, change):
    return HeadFactors(factors.outputs, factors.gains, tuple(map(change, factors.errors)))


def drawn(head, activation=torch.tanh, shift=0.0):
    """Factors of a softmax head; a shift of the errors takes away its exact cancellations."""
    weights, features, labels = head
    return with_errors(head_factors(weights, activation, features, labels), lambda e: e + shift)


def samples(factors):
    return [mapped(factors, lambda t, s=s: t[s : s + 1]) for s in range(len(factors.outputs[0]))]


def assert_same(result, explicit, uncancelled):
    """Equal sums, but for noise small beside the sums in which nothing cancels, and so equal values."""
    for part in ("numerator", "denominator"):
        noise = 1e-13 * getattr(uncancelled, part)
        assert getattr(result, part) == pytest.approx(getattr(explicit, part), rel=1e-10, abs=noise)
    if result.reason is None:
        assert result.value == pytest.approx(explicit.numerator / explicit.denominator, rel=1e-10)
    else:
        assert math.isnan(result.value)


@many
@given_any_head
def test_gram_form_equals_the_closed_form_and_the_line_graph(
    random_head, sizes, activation, batch, seed, shift
):
    factors = drawn(random_head(sizes, batch, seed), activation, shift)
    P = line_graph(factors)
    uncancelled = line_graph_capacitance(abs(P))
    result = gram_capacitance(factors, rtol=COARSE)
    assert_same(result, line_graph_capacitance(P), uncancelled)
    closed = neural_capacitance(factors, rtol=COARSE)
    assert_same(result, closed, uncancelled)
    assert (result.reason is None) == (closed.reason is None)


@some
@given_any_head
def test_per_sample_form_equals_the_line_graphs_of_the_samples(
    random_head, sizes, activation, batch, seed, shift
):
    factors = drawn(random_head(sizes, batch, seed), activation, shift)
    graphs = [line_graph(sample) for sample in samples(factors)]
    each = [line_graph_capacitance(P, rtol=COARSE) for P in graphs]
    uncancelled = mean_sums([line_graph_capacitance(abs(P)) for P in graphs])
    pooled, averaged = ratio_of_means(factors, rtol=COARSE), mean_of_ratios(factors, rtol=COARSE)
    assert_same(pooled, mean_sums(each), uncancelled)
    reasons = [capacitance.reason for capacitance in each]
    assert (averaged.reason is None) == (reasons == [None] * batch)
    if averaged.reason is None:
        ratios = [capacitance.value for capacitance in each]
        largest = max(map(abs, ratios))
        assert averaged.value == pytest.approx(sum(ratios) / batch, rel=1e-10, abs=1e-10 * largest)
    for part in ("numerator", "denominator"):
        noise = 1e-13 * getattr(uncancelled, part)
        assert getattr(averaged, part) == pytest.approx(getattr(pooled, part), rel=1e-10, abs=noise)


def mean_sums(each):
    n, d = (sum(getattr(c, part) for c in each) / len(each) for part in ("numerator", "denominator"))
    return type(each[0])(math.nan, n, d, None)


@many
@given_any_head
def test_factor_averaged_form_equals_the_line_graph_of_the_batch_means(
    random_head, sizes, activation, batch, seed, shift
):
    factors = drawn(random_head(sizes, batch, seed), activation, shift)
    P, bound = (
        line_graph(mapped(f, lambda t: t.mean(dim=0, keepdim=True)))
        for f in (factors, mapped(factors, torch.abs))
    )
    result = factor_averaged_capacitance(factors, rtol=COARSE)
    assert_same(result, line_graph_capacitance(P), line_graph_capacitance(abs(bound)))


@some
@given_any_head
def test_absolute_form_equals_the_mean_of_the_absolute_line_graphs(
    random_head, sizes, activation, batch, seed, shift
):
    factors = drawn(random_head(sizes, batch, seed), activation, shift)
    explicit = line_graph_capacitance(sum(abs(line_graph(sample)) for sample in samples(factors)) / batch)
    result = absolute_capacitance(factors)
    assert_same(result, explicit, explicit)
    assert (result.reason is None) == (explicit.reason is None)
    assert result.reason is not None or result.value > 0.0


@pytest.mark.parametrize("form", SIGNED)
@pytest.mark.parametrize("sizes", [(5, 6, 4), (5, 6, 7, 4)])
def test_softmax_heads_of_two_and_three_layers_are_degenerate(random_head, form, sizes):
    result = form(drawn(random_head(sizes, 9)))
    assert math.isnan(result.value)
    assert "four or more weight layers" in result.reason


def test_absolute_form_needs_three_layers_and_no_more(random_head):
    two, three = (drawn(random_head(sizes, 9), torch.relu) for sizes in ((5, 6, 4), (5, 6, 7, 4)))
    result = absolute_capacitance(two)
    assert math.isnan(result.value)
    assert result.numerator == 0.0 < result.denominator
    assert "three or more" in result.reason
    result = absolute_capacitance(three)
    assert result.reason is None
    assert result.value == result.numerator / result.denominator > 0.0


@pytest.mark.parametrize("form", [*SIGNED, absolute_capacitance])
def test_generic_heads_have_a_value_and_heads_without_error_have_none(random_head, form):
    factors = drawn(random_head(GENERIC, 9))
    assert form(factors).reason is None
    assert math.isfinite(form(factors).value)
    result = form(with_errors(factors, torch.zeros_like))
    assert math.isnan(result.value)
    assert "zero" in result.reason


@pytest.mark.parametrize("form", SIGNED)
def test_features_that_sum_to_zero_in_each_sample_are_degenerate(random_head, form):
    weights, features, labels = random_head(GENERIC, 9)
    result = form(drawn((weights, features - features.mean(dim=1, keepdim=True), labels)))
    assert math.isnan(result.value)
    assert "numerator" in result.reason


@pytest.mark.parametrize("seed", range(5))
def test_features_centred_over_the_batch_are_degenerate_only_in_the_factor_average(random_head, seed):
    weights, features, labels = random_head((8, 5, 4, 6, 4), 9, seed)
    factors = drawn((weights, features - features.mean(dim=0), labels))
    result = factor_averaged_capacitance(factors)
    assert math.isnan(result.value)
    assert "numerator" in result.reason
    assert neural_capacitance(factors).reason is mean_of_ratios(factors).reason is None


def test_one_sample_without_ratio_leaves_no_mean_and_is_named(random_head):
    factors = drawn(random_head(GENERIC, 9))
    factors.errors[-2][4] = 0.0
    factors.errors[-3][4] = 0.0
    result = mean_of_ratios(factors)
    assert math.isnan(result.value)
    assert result.reason.startswith("sample 4: ")
    assert ratio_of_means(factors).reason is None


def test_one_confident_sample_keeps_its_ratio(random_head):
    """Its two errors would underflow in N if all samples shared the batch's scale."""
    factors = drawn(random_head(GENERIC, 2))
    ratios = [neural_capacitance(sample).value for sample in samples(factors)]
    tiny = with_errors(factors, lambda e: e * torch.tensor([[1.0], [1e-200]], dtype=e.dtype))
    result = mean_of_ratios(tiny)
    assert result.reason is None
    assert result.value == pytest.approx(ratios[0] / 2, rel=1e-12)


@pytest.mark.parametrize("form", SIGNED)
def test_one_sample_leaves_nothing_to_average(random_head, form):
    factors = drawn(random_head(GENERIC, 1))
    assert form(factors).value == pytest.approx(neural_capacitance(factors).value, rel=1e-10)


@pytest.mark.parametrize("form", [*SIGNED, absolute_capacitance])
@pytest.mark.parametrize("c", [-1.0, 3.0, 1e-200, 1e-300])
def test_value_is_homogeneous_in_the_errors(random_head, form, c):
    factors = drawn(random_head(GENERIC, 9))
    base, result = form(factors), form(with_errors(factors, lambda e: c * e))
    degree = abs(c) if form is absolute_capacitance else c
    assert result.reason is None
    assert result.value == pytest.approx(degree * base.value, rel=1e-12, abs=0.0)
    assert result.numerator == pytest.approx(c * (c * base.numerator), rel=1e-12, abs=0.0)
    assert result.denominator == pytest.approx(degree * base.denominator, rel=1e-12, abs=0.0)


def test_other_reductions_are_refused(random_head):
    with pytest.raises(ValueError, match="mean_of_ratios"):
        per_sample_capacitance(drawn(random_head(GENERIC, 2)), reduction="mean")


@pytest.mark.parametrize("seed", range(5))
def test_cancellation_over_the_batch_is_seen_where_no_other_term_hides_it(random_head, seed):
    """Three layers without softmax have one term in N, made of the features' batch means only."""
    weights, features, labels = random_head((8, 5, 6, 4), 9, seed)
    factors = drawn((weights, features - features.mean(dim=0), labels), shift=0.5)
    assert math.isnan(factor_averaged_capacitance(factors).value)
