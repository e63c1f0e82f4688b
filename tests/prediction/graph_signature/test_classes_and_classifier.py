"""Classes of accuracy, and the classifier against scikit-learn put together by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from neurocap_search.prediction import Report
from neurocap_search.prediction.graph_signature import (
    SignatureClassifier,
    SignatureFeatures,
    accuracy_classes,
    make_classifier,
)

DEGREE = SignatureFeatures(("degree_mean", "degree_std"), epochs=2)

shares = st.integers(0, 1000).map(lambda right: right / 1000)


def population(count: int = 40, seed: int = 0) -> tuple[list[list[Report]], np.ndarray]:
    """Networks whose final accuracy grows with the degree of the second epoch."""
    rng = np.random.default_rng(seed)
    values = rng.lognormal(size=(count, 2, 2))
    histories = [
        [Report(t, {"degree_mean": mean, "degree_std": std}) for t, (mean, std) in enumerate(trial, 1)]
        for trial in values
    ]
    return histories, np.tanh(values[:, 1, 0] / 3)


# Classes -------------------------------------------------------------------------------------------


@given(finals=st.lists(shares, min_size=2, max_size=60, unique=True), classes=st.integers(2, 4))
def test_equal_frequencies_are_those_of_pandas(finals: list[float], classes: int) -> None:
    assume(len(finals) >= classes)
    labels, cuts = accuracy_classes(finals, classes)
    expected, edges = pd.qcut(finals, classes, labels=False, retbins=True)
    np.testing.assert_allclose(cuts, edges[1:-1])
    assert len(cuts) == classes - 1
    unequal = ~np.isclose(np.array(finals)[:, None], cuts, rtol=0, atol=1e-15).any(axis=1)
    np.testing.assert_array_equal(labels[unequal], expected[unequal])


def test_a_value_at_the_cut_belongs_to_the_lower_class() -> None:
    labels, cuts = accuracy_classes([0.1, 0.5, 0.7], cuts=[0.5])
    assert labels.tolist() == [0, 0, 1]
    assert cuts.tolist() == [0.5]


@pytest.mark.parametrize(
    ("finals", "arguments", "message"),
    [
        ([], {}, r"^finals: expected finite numbers in a list, received \[\]; drop the others$"),
        ([0.1, np.nan], {}, r"^finals: expected finite numbers in a list, received \[0\.1, nan\]"),
        ([0.1, 0.2], {"classes": 1}, r"^classes: expected at least 2, received 1$"),
        (
            [0.1, 0.2],
            {"cuts": [0.2, 0.1]},
            r"^cuts: expected one or more numbers that rise, received \[0\.2, ",
        ),
        ([0.1, 0.2], {"cuts": []}, r"^cuts: expected one or more numbers that rise, received \[\]$"),
        (
            [0.1, 0.1, 0.1],
            {},
            r"^finals: classes cut at \[0\.1\] have \[3, 0\] members; give other cuts, fewer classes or more",
        ),
    ],
)
def test_finals_that_have_no_classes_are_refused(finals: list[float], arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        accuracy_classes(finals, **arguments)


# Models --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "model"), [("svm", SVC()), ("linear", LogisticRegression(max_iter=5000))])
def test_a_model_is_what_it_is_by_hand(kind: str, model: SVC | LogisticRegression) -> None:
    rng = np.random.default_rng(1)
    X = rng.lognormal(sigma=3, size=(61, 4)) * rng.choice([-1, 1], size=(61, 4))
    y = X[:, 0] > np.median(X[:, 0])
    holes = X.copy()
    holes[[3, 10, 20, 40], range(4)] = np.nan  # one in each column: its median is like no other value
    missing = np.isnan(holes)
    filled = np.where(missing, np.nanmedian(holes, axis=0), holes)
    columns = np.hstack([(rankdata(filled, axis=0) - 1) / 60, missing])
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    by_hand = model.fit(columns, y).decision_function(columns)
    np.testing.assert_allclose(
        make_classifier(kind).fit(holes, y).decision_function(holes), by_hand, rtol=1e-6
    )


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^kind: received 'tree'; use 'svm', 'forest' or 'linear'$"):
        make_classifier("tree")


# The classifier ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["svm", "forest", "linear"])
def test_high_and_low_networks_are_told_apart(kind: str) -> None:
    histories, finals = population(120)
    classifier = SignatureClassifier(DEGREE, kind=kind).fit(histories[:80], finals[:80])
    high = finals[80:] > classifier.cuts_[0]
    assert (classifier.predict(histories[80:]) == high).mean() > 0.85
    again = SignatureClassifier(DEGREE, kind=kind).fit(histories[:80], finals[:80])
    np.testing.assert_array_equal(again.predict(histories), classifier.predict(histories))


def test_the_classifier_is_the_model_on_the_matrix() -> None:
    histories, finals = population()
    model = make_classifier("svm").fit(DEGREE.matrix(histories), accuracy_classes(finals, 3)[0])
    classifier = SignatureClassifier(DEGREE, classes=3).fit(histories, finals)
    np.testing.assert_array_equal(classifier.predict(histories), model.predict(DEGREE.matrix(histories)))


def test_given_cuts_are_kept() -> None:
    histories, finals = population()
    classifier = SignatureClassifier(DEGREE, cuts=[0.3]).fit(histories, finals)
    assert classifier.cuts_.tolist() == [0.3]


def test_predicting_before_learning_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"^classifier: received predict\(\) before fit\(\); fit it on"):
        SignatureClassifier().predict([[]])
