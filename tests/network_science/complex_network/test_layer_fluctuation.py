import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurocap_search.network_science.complex_network.layer_fluctuation import layer_fluctuation
from neurocap_search.network_science.complex_network.node_strength import OUTPUT, node_strength

values = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20)


@settings(max_examples=50, deadline=None, database=None)
@given(values)
def test_it_is_the_population_standard_deviation(sample):
    assert layer_fluctuation({"a": sample})["a"] == pytest.approx(statistics.pstdev(sample), abs=1e-9)


@settings(max_examples=50, deadline=None, database=None)
@given(values, st.floats(-100, 100))
def test_a_shift_changes_nothing(sample, shift):
    found = layer_fluctuation({"a": sample, "b": np.add(sample, shift)})
    assert found["b"] == pytest.approx(found["a"], abs=1e-9)


def test_every_position_of_a_convolution_is_a_neuron():
    net = nn.Sequential(nn.Conv1d(1, 1, 2, bias=False))
    nn.init.constant_(net[0].weight, 1.0)
    found = layer_fluctuation(node_strength(net, torch.zeros(1, 1, 4)).strengths)
    assert found["0"] == pytest.approx(statistics.pstdev([2, 3, 3, 2]))  # Borders meet one window, not two.
    assert found[OUTPUT] == 0.0


@pytest.mark.parametrize("sample", [[1.0, math.nan], [math.inf], []])
def test_a_layer_without_a_finite_value_is_named(sample):
    with pytest.raises(ValueError, match=r"layer fc: expected finite strengths, received \d values .* leave"):
        layer_fluctuation({"fc": sample})
