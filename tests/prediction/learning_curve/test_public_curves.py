"""How well the cheapest rivals and the regression rank real networks, those of arXiv 1705.10823."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import r2_score

from neurocap_search.prediction.learning_curve import BestSeen, CurveRegression, LastSeen
from neurocap_search.traces.curves import read_curves

CURVES = Path(__file__).parents[3] / "../shared/data/curves"

pytestmark = pytest.mark.skipif(
    not CURVES.is_dir(), reason="needs the public curves in ../shared/data/curves"
)


@cache
def split(name):
    """Return number of epochs, 100 curves to learn from and 200 to predict, each with its final accuracy."""
    task = read_curves(CURVES / f"baker2017_{name}.csv.gz")
    whole = [t.reports for t in task.traces if t.failure is None]
    order = np.random.default_rng(0).permutation(len(whole))[:300]
    trials = [(whole[i], whole[i][-1].metrics["val_accuracy"]) for i in order]
    return task.epochs, trials[:100], trials[100:]


def predict(predictor, name, share):
    epochs, finished, new = split(name)
    predictor.fit(*zip(*finished, strict=True))
    return [predictor.predict(history[: round(share * epochs)]) for history, _ in new], [y for _, y in new]


def rank_correlation(predictor, name, share):
    predictions, finals = predict(predictor, name, share)
    return spearmanr([prediction.mean for prediction in predictions], finals)[0]


@pytest.mark.parametrize(
    ("name", "share", "last", "best"),
    [
        ("metaqnn_cifar10", 0.25, 0.97, 0.97),
        ("metaqnn_cifar10", 0.5, 0.99, 0.99),
        ("metaqnn_svhn", 0.25, 0.95, 0.95),
        ("deep_resnets_tinyimagenet", 0.25, 0.63, 0.87),
        ("deep_resnets_tinyimagenet", 0.5, 0.92, 0.97),
    ],
)
def test_rank_correlation_of_values_seen(name, share, last, best):
    assert rank_correlation(LastSeen(), name, share) == pytest.approx(last, abs=0.06)
    assert rank_correlation(BestSeen(), name, share) == pytest.approx(best, abs=0.06)


def test_the_spread_of_the_last_value_covers_what_it_should():
    # Learnt on 100 curves: about two thirds of 200 others end within one root mean square error.
    predictions, finals = predict(LastSeen(), "metaqnn_cifar10", 0.25)
    inside = [abs(p.mean - y) < p.std for p, y in zip(predictions, finals, strict=True)]
    assert 0.55 < np.mean(inside) < 0.85


def test_the_regression_explains_most_of_the_final_accuracy_at_a_quarter_of_the_curve():
    predictions, finals = predict(CurveRegression(bounds=(0, 1)), "metaqnn_cifar10", 0.25)
    means = [prediction.mean for prediction in predictions]
    assert r2_score(finals, means) > 0.8
    assert spearmanr(means, finals)[0] > 0.9
