"""Splits that are the same for all, and the interval of Nadeau and Bengio."""

import numpy as np
import pytest
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score

from neurocap_search.prediction.graph_signature import RepeatedSplits

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
Y = X @ [1.0, 0.5, 0.0] + RNG.normal(size=50)
LABELS = np.median(Y) < Y


def test_scores_are_those_of_scikit_learn() -> None:
    splits = RepeatedSplits.stratified(LABELS, folds=5, repeats=3, seed=4)
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=4)
    expected = cross_val_score(Ridge(), X, Y, cv=list(cv.split(X, LABELS)))
    np.testing.assert_allclose(splits.scores(Ridge(), X, Y, {"r2": r2_score})["r2"], expected)


def test_every_network_is_tested_once_a_repetition_and_classes_keep_their_shares() -> None:
    splits = RepeatedSplits.stratified(LABELS, folds=5, repeats=2).splits
    for repetition in (splits[:5], splits[5:]):
        assert sorted(np.concatenate([tested for _, tested in repetition])) == list(range(50))
    for learned, tested in splits:
        assert not set(learned) & set(tested)
        assert LABELS[tested].sum() == 5


def test_a_model_is_left_as_it_was() -> None:
    model = DummyClassifier()
    RepeatedSplits.stratified(LABELS).scores(model, X, LABELS, {"right": lambda y, p: (y == p).mean()})
    assert not hasattr(model, "classes_")


def test_the_interval_is_that_of_the_paper_by_hand() -> None:
    splits = RepeatedSplits.stratified(LABELS, folds=5, repeats=2)
    scores = np.arange(10.0)
    mean, low, high = splits.mean(scores)
    variance = sum((score - 4.5) ** 2 for score in scores) / 9
    reach = stats.t(9).isf(0.025) * (variance * (1 / 10 + 10 / 40)) ** 0.5
    assert (mean, low, high) == pytest.approx((4.5, 4.5 - reach, 4.5 + reach))


def test_the_interval_covers_what_the_naive_one_does_not() -> None:
    # Many populations in which a useless model is right in half of the cases: 0.5 must mostly be inside.
    inside = {"corrected": 0, "naive": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(40, 2)), rng.normal(size=40)
        splits = RepeatedSplits.stratified(rng.random(40) > 0.5, repeats=5, seed=seed)
        signs = {"right": lambda true, p: float((np.sign(true) == np.sign(p)).mean())}
        scores = splits.scores(Ridge(), x, y, signs)["right"]
        _, low, high = splits.mean(scores)
        reach = 1.96 * scores.std(ddof=1) / len(scores) ** 0.5
        inside["corrected"] += low < 0.5 < high
        inside["naive"] += abs(scores.mean() - 0.5) < reach
    assert inside["corrected"] >= 0.85 * 60
    assert inside["naive"] < inside["corrected"]
