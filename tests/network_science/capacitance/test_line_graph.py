import math

import numpy as np
import torch
from scipy.sparse import csr_array

from neurocap_search.network_science import head_factors, line_graph, line_graph_capacitance


def test_entries_lie_exactly_on_the_edges_that_follow_one_another(random_head):
    weights, features, labels = random_head((2, 3, 4, 2), batch=6)
    P = line_graph(head_factors(weights, torch.tanh, features, labels)).toarray()
    edges = [
        (layer, target, source)
        for layer, weight in enumerate(weights)
        for target in range(weight.shape[0])
        for source in range(weight.shape[1])
    ]
    follows = [[q[0] == p[0] + 1 and q[2] == p[1] for q in edges] for p in edges]
    np.testing.assert_array_equal(P != 0, follows)


def test_line_graph_is_nilpotent(random_head):
    weights, features, labels = random_head((2, 3, 4, 2), batch=6)
    P = line_graph(head_factors(weights, torch.relu, features, labels))
    assert isinstance(P, csr_array)
    assert abs(P @ P).sum() > 0
    assert abs(P @ P @ P).sum() == 0


def test_value_is_the_degree_weighted_mean_of_the_degrees():
    P = csr_array(np.array([[0.0, 1.0, 2.0], [0.0, 0.0, -3.0], [0.5, 0.0, 0.0]]))
    dense = P.toarray()
    result = line_graph_capacitance(P)
    assert result.numerator == dense.sum(0) @ dense.sum(1)
    assert result.denominator == dense.sum()
    assert result.value == result.numerator / result.denominator
    assert result.reason is None


def test_empty_and_cancelling_line_graphs_have_no_value():
    empty = line_graph_capacitance(csr_array((3, 3)))
    assert math.isnan(empty.value)
    assert empty.reason is not None
    assert empty.reason.startswith(
        "the numerator has no term but zero: on every path an output, a gain or an"
    )
    cancelling = line_graph_capacitance(csr_array(np.array([[1.0, 1.0], [-1.0, -1.0]])))
    assert math.isnan(cancelling.value)
    assert cancelling.reason is not None
    assert cancelling.reason.startswith(
        "the numerator is rounding noise (0.0e+00 of its terms): features that"
    )
