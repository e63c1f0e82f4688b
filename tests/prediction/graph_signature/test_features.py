"""Signatures from reports: the order of the numbers, what is missing, and what the training loop reports."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurocap_search.network_science import GraphSignature
from neurocap_search.prediction import Report
from neurocap_search.prediction.graph_signature import (
    EIGENVECTOR_CENTRALITY,
    STRENGTH_AND_FLUCTUATION,
    WEIGHTED_DEGREE,
    SignatureFeatures,
)
from neurocap_search.training.graph_measures import GraphMeasures

numbers = st.floats(allow_nan=True, allow_infinity=True)
trials = st.lists(
    st.tuples(st.integers(1, 9), st.dictionaries(st.sampled_from("abc"), numbers)), max_size=9
).map(lambda reports: [Report(t, metrics) for t, metrics in reports])


def test_the_signature_is_that_of_the_graphs_measured_one_by_one() -> None:
    # The way through the reports of a training must end at the signature of the paper's graph.
    torch.manual_seed(0)
    network, sample = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), torch.zeros(1, 4)
    measures, direct, reports = GraphMeasures(network, sample), GraphSignature(), []
    for epoch in range(1, 6):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        reports.append(Report(epoch, measures.measure()))
        direct.update(network, sample)
    np.testing.assert_allclose(SignatureFeatures().of(reports), direct.compute(), rtol=1e-3, atol=1e-3)


def test_the_names_are_those_that_a_training_reports() -> None:
    reported = GraphMeasures(nn.Linear(2, 1), torch.zeros(1, 2)).measure()
    assert {*WEIGHTED_DEGREE, *EIGENVECTOR_CENTRALITY, *STRENGTH_AND_FLUCTUATION} == set(reported)


def test_epochs_come_one_after_another_whatever_the_order_of_the_reports() -> None:
    features = SignatureFeatures(("b", "a"), epochs=3)
    history = [Report(3, {"a": 5.0}), Report(1, {"a": 1.0, "b": 2.0}), Report(4, {"a": 9.0, "b": 9.0})]
    np.testing.assert_array_equal(features.of(history), [2, 1, math.nan, math.nan, math.nan, 5])


@given(history=trials, epochs=st.integers(1, 6))
@settings(deadline=None)
def test_a_shorter_signature_is_the_beginning_of_a_longer_one(history: list[Report], epochs: int) -> None:
    features = SignatureFeatures(("a", "b"), epochs=6)
    longer, shorter = features.of(history, 6), features.of(history, epochs)
    np.testing.assert_array_equal(longer[: 2 * epochs], shorter)
    assert not np.isinf(longer).any()


@given(histories=st.lists(trials, max_size=4))
@settings(deadline=None)
def test_a_matrix_has_a_row_for_each_trial(histories: list[list[Report]]) -> None:
    features = SignatureFeatures(("a", "c"), epochs=4)
    matrix = features.matrix(histories)
    assert matrix.shape == (len(histories), 8)
    for row, history in zip(matrix, histories, strict=True):
        np.testing.assert_array_equal(row, features.of(history, 4))


@pytest.mark.parametrize(("epochs", "seen"), [([], 0), ([1, 2], 2), ([2, 4, 7], 4), ([1, 2, 3, 4, 5, 6], 5)])
def test_the_last_epoch_seen_is_at_most_that_of_the_signature(epochs: list[int], seen: int) -> None:
    assert SignatureFeatures().seen([Report(t) for t in epochs]) == seen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ()}, r"^names: received \(\); give one or more names, each once$"),
        ({"names": "degree_mean"}, r"^names: received 'degree_mean'; give one or more"),
        ({"names": ("a", "a")}, r"^names: received \('a', 'a'\); give one or more names, each once$"),
        ({"epochs": 0}, r"^epochs: expected at least 1, received 0$"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SignatureFeatures(**arguments)
