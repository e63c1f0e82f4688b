import math

import pytest
import torch
from torch.nn import functional

from neurocap_search.network_science import (
    HeadFactors,
    NeuralCapacitanceProbe,
    head_factors,
    neural_capacitance,
)

GENERIC = (3, 5, 4, 6, 4)


def without_errors(factors):
    return HeadFactors(factors.outputs, factors.gains, tuple(0.0 * e for e in factors.errors))


def head_logits(weights, z):
    for weight in weights[:-1]:
        z = torch.relu(z @ weight.T)
    return z @ weights[-1].T


def test_two_softmax_layers_are_zero_over_zero(random_head):
    weights, features, labels = random_head((6, 8, 5), batch=16)
    result = neural_capacitance(head_factors(weights, torch.relu, features, labels))
    assert math.isnan(result.value)
    assert result.numerator == 0.0
    assert abs(result.denominator) < 1e-12
    assert result.reason is not None
    assert result.reason.startswith(
        "the numerator has no term but zero: softmax with cross-entropy needs four"
    )
    assert result.reason.endswith("this head has 2")


def test_three_softmax_layers_have_no_numerator(random_head):
    weights, features, labels = random_head((6, 8, 7, 5), batch=16)
    result = neural_capacitance(head_factors(weights, torch.relu, features, labels))
    assert math.isnan(result.value)
    assert abs(result.numerator) < 1e-12
    assert abs(result.denominator) > 1e-3
    assert result.reason is not None
    assert result.reason.startswith("the numerator is rounding noise")
    assert "softmax with cross-entropy needs four or more weight layers" in result.reason
    assert result.reason.endswith("this head has 3")


def test_zero_errors_have_their_own_reason(random_head):
    weights, features, labels = random_head(GENERIC, batch=5)
    result = neural_capacitance(without_errors(head_factors(weights, torch.relu, features, labels)))
    assert math.isnan(result.value)
    assert result.reason == "all errors are zero: the head fits every sample exactly"


def test_dead_units_have_their_own_reason(random_head):
    weights, features, labels = random_head(GENERIC, batch=5)
    weights[0] = -weights[0].abs()
    result = neural_capacitance(head_factors(weights, torch.relu, features.abs(), labels))
    assert math.isnan(result.value)
    assert result.reason is not None
    assert result.reason.startswith(
        "the numerator has no term but zero: on every path an output, a gain or an"
    )


def test_cancelling_and_overflowing_sums_have_their_own_reason():
    one = torch.ones(2, 1, dtype=torch.float64)
    sign = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    errors = (one, one, -one, one)  # layer 2 sends to layer 1 what layer 3 takes away, and layer 4 nothing
    result = neural_capacitance(HeadFactors((one, one, one, one), (one, one, sign), errors))
    assert result.numerator == -1.0
    assert result.reason is not None
    assert result.reason.startswith("the denominator is rounding noise (0.0e+00 of its terms): the signed")
    huge = neural_capacitance(HeadFactors((1e300 * one,) * 4, (1e100 * one,) * 3, (one,) * 4))
    assert huge.reason == "the sums overflow float64: normalise the features"


@pytest.mark.parametrize("confident", [False, True])
@pytest.mark.parametrize("batch", [8, 512])
@pytest.mark.parametrize("seed", range(4))
def test_layer_normalised_features_are_degenerate_and_rms_normalised_are_not(
    random_head, seed, batch, confident
):
    weights, features, labels = random_head((128, 64, 64, 64, 10), batch, seed)
    weights, features = [w.float() for w in weights], features.float().relu()
    if confident:  # as late in training: right labels and errors many orders of magnitude below 1
        weights[-1] *= 30
    by_norm = {}
    for norm in (functional.layer_norm, functional.rms_norm):
        z = norm(features, (128,))
        if confident:
            labels = head_logits(weights, z).argmax(1)
        by_norm[norm] = neural_capacitance(head_factors(weights, torch.relu, z, labels))
    degenerate, generic = by_norm[functional.layer_norm], by_norm[functional.rms_norm]
    assert generic.reason is None
    assert math.isfinite(generic.value)
    assert math.isnan(degenerate.value)
    assert degenerate.reason is not None
    assert degenerate.reason.startswith("the numerator is rounding noise")
    assert degenerate.reason.endswith("as after LayerNorm, do this; use RMSNorm instead")
    assert abs(degenerate.denominator) > 0.0


def test_layer_norm_loses_one_term_only_in_a_deeper_head(random_head):
    weights, features, labels = random_head((64, 32, 32, 32, 32, 10), batch=64)
    z = functional.layer_norm(features.float(), (64,))
    assert neural_capacitance(head_factors(weights, torch.relu, z, labels)).reason is None


def test_probe_reports_layer_normalised_features():
    features = torch.rand(32, 20, generator=torch.Generator().manual_seed(0))
    labels, probe = torch.arange(32) % 5, NeuralCapacitanceProbe(20, 5)
    result = probe.measure(functional.layer_norm(features, (20,)), labels)
    assert math.isnan(result.value)
    assert result.reason is not None
    assert "as after LayerNorm" in result.reason
    assert probe.measure(features, labels).reason is None
