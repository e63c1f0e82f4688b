"""The regression on curves against scikit-learn put together by hand."""

import math

import numpy as np
import pytest
from sklearn.model_selection import KFold
from sklearn.svm import NuSVR

from neurocap_search.prediction import Report
from neurocap_search.prediction.learning_curve import CurveRegression
from neurocap_search.prediction.learning_curve.curve_features import curve_features
from neurocap_search.prediction.learning_curve.support_vector_regression import fit_regression
from neurocap_search.prediction.seen_curve import SeenCurve

rng = np.random.default_rng(11)
ENDS = rng.uniform(0.4, 0.9, size=20)
SPEEDS = rng.uniform(0.4, 0.7, size=20)


def trial(end, speed, parameters=None, epochs=range(1, 7)):
    more = {} if parameters is None else {"parameters": parameters}
    return [Report(t, {"val_accuracy": end * (1 - speed**t), **more}) for t in epochs]


FINISHED = [trial(*pair) for pair in zip(ENDS, SPEEDS, strict=True)]
FINALS = [history[-1].metrics["val_accuracy"] for history in FINISHED]


def by_hand(x_train, y_train, x):
    """Standardise, fit, predict, and undo it, without pipelines."""
    center, width = x_train.mean(axis=0), x_train.std(axis=0)
    y_center, y_width = y_train.mean(), y_train.std()
    model = NuSVR().fit((x_train - center) / width, (y_train - y_center) / y_width)
    return model.predict((x - center) / width) * y_width + y_center


def features(history, epoch):
    y = np.array([report.metrics["val_accuracy"] for report in history[:epoch]])
    first = np.array([y[t + 1] - y[t] for t in range(epoch - 1)])
    second = np.array([first[t + 1] - first[t] for t in range(epoch - 2)])
    return np.concatenate([y, first, second])


@pytest.mark.parametrize("epoch", [1, 2, 3, 5])
def test_mean_and_spread_are_those_of_scikit_learn_by_hand(epoch):
    x = np.stack([features(history, epoch) for history in FINISHED])
    y = np.array(FINALS)
    new = trial(0.77, 0.5)[:epoch]
    prediction = CurveRegression(seed=3, candidates=0).fit(FINISHED, FINALS).predict(new)
    assert prediction.mean == pytest.approx(by_hand(x, y, features(new, epoch)[None])[0], rel=1e-9)
    residuals = []
    for train, test in KFold(5, shuffle=True, random_state=3).split(x):
        residuals.extend(y[test] - by_hand(x[train], y[train], x[test]))
    assert prediction.std == pytest.approx(np.sqrt(np.mean(np.square(residuals))), rel=1e-9)
    assert prediction.fallback is None
    assert prediction.epochs == tuple(range(1, epoch + 1))


def test_skipped_epochs_lie_on_the_line_between_their_neighbours():
    found = curve_features(SeenCurve((2, 4), (0.2, 0.6)), range(1, 6))
    np.testing.assert_allclose(found, [0.2, 0.2, 0.4, 0.6, 0.6, 0, 0.2, 0.2, 0, 0.2, 0, -0.2], atol=1e-15)


def test_a_trial_that_skips_epochs_is_compared_with_the_others_at_its_own():
    sparse = CurveRegression(candidates=0).fit(FINISHED, FINALS).predict(trial(0.77, 0.5, epochs=[1, 3, 4]))
    without = [[report for report in history if report.epoch != 2] for history in FINISHED]
    assert sparse == CurveRegression(candidates=0).fit(without, FINALS).predict(
        trial(0.77, 0.5, epochs=[1, 3, 4])
    )
    assert sparse.epochs == (1, 3, 4)
    assert sparse.mean == pytest.approx(trial(0.77, 0.5)[-1].metrics["val_accuracy"], abs=0.06)


@pytest.mark.parametrize("count", [0, 9])
def test_with_too_few_finished_trials_the_best_value_seen_is_the_answer(count):
    seen = [Report(1, {"val_accuracy": 0.6}), Report(2, {"val_accuracy": 0.5})]
    prediction = CurveRegression(bounds=(0, 0.55)).fit(FINISHED[:count], FINALS[:count]).predict(seen)
    assert prediction.fallback == f"{count} of 10 finished trials to learn from"
    assert (prediction.mean, prediction.std) == (0.55, None)


def test_finished_trials_that_say_nothing_of_the_epoch_do_not_count():
    late = [trial(0.6, 0.5, epochs=[5, 6]) for _ in range(10)]
    prediction = CurveRegression(candidates=0).fit(late, [0.6] * 10).predict(trial(0.7, 0.5)[:2])
    assert prediction.fallback == "0 of 10 finished trials to learn from"


def with_sizes():
    """Return trials whose curves are alike and whose ends depend on the size alone."""
    sizes = np.linspace(1, 3, 20)
    histories = [[Report(1, {"val_accuracy": 0.3, "parameters": size})] for size in sizes]
    return histories, list(0.2 + 0.2 * sizes)


def test_what_the_reports_say_of_the_network_is_learnt_from():
    regression = CurveRegression(candidates=0).fit(*with_sizes())
    small, large = (
        regression.predict([Report(1, {"val_accuracy": 0.3, "parameters": size})]).mean for size in (1.2, 2.8)
    )
    assert large - small == pytest.approx(0.32, abs=0.06)


@pytest.mark.parametrize("metrics", [{}, {"parameters": math.nan}], ids=["none", "nan"])
def test_a_feature_that_is_missing_is_left_out(metrics):
    histories, finals = with_sizes()
    young = [Report(1, {"val_accuracy": 0.3, **metrics})]
    blind = CurveRegression(features=(), candidates=0).fit(histories, finals).predict(young)
    assert CurveRegression(candidates=0).fit(histories, finals).predict(young) == blind
    histories[4] = [Report(1, {"val_accuracy": 0.3, **metrics})]
    told = [Report(1, {"val_accuracy": 0.3, "parameters": 2.0})]
    assert CurveRegression(candidates=0).fit(histories, finals).predict(told) == blind


def test_settings_can_be_chosen_by_cross_validation_and_again_the_same():
    # Ends in proportion to what was seen: scikit-learn's own settings are too stiff at the ends.
    ends = np.linspace(0.5, 0.95, 10)
    finished, young = [trial(end, 0.5) for end in ends], trial(0.93, 0.5)[:2]
    predictions = [CurveRegression(candidates=20).fit(finished, ends).predict(young) for _ in "ab"]
    plain = CurveRegression(candidates=0).fit(finished, ends).predict(young)
    assert predictions[0] == predictions[1]
    assert predictions[0].std < 0.5 * plain.std
    assert abs(predictions[0].mean - 0.93) < abs(plain.mean - 0.93)


def test_on_noise_the_spread_is_nearly_the_error_of_a_new_trial():
    # Folds with a say in the choice of the settings they are predicted with make it a tenth too narrow.
    said, true = [], []
    for seed in range(30):
        noise = np.random.default_rng(seed)
        x, y, new = noise.normal(size=(10, 3)), noise.normal(size=10), noise.normal(size=(500, 3))
        fitted = fit_regression(x, y / np.sqrt(np.mean(y**2)), candidates=20, seed=seed)
        said.append(fitted.std**2)
        true.append(1 + np.mean(fitted.model.predict(new) ** 2))
    assert 0.94 < math.sqrt(np.mean(said) / np.mean(true)) < 1.02


def test_the_mean_stays_within_bounds():
    regression = CurveRegression(bounds=(0, 0.5), candidates=0).fit(FINISHED, FINALS)
    assert regression.predict(trial(0.9, 0.5)[:3]).mean == 0.5


def test_one_number_of_epochs_is_fitted_once_until_another_trial_has_finished(monkeypatch):
    from neurocap_search.prediction.learning_curve import support_vector_regression as module

    calls = []
    fit_regression = module.fit_regression
    monkeypatch.setattr(module, "fit_regression", lambda *a, **k: calls.append(a) or fit_regression(*a, **k))
    regression = CurveRegression(candidates=0).fit(FINISHED, FINALS)
    for end in (0.5, 0.6):
        regression.predict(trial(end, 0.5)[:2])
    assert len(calls) == 1
    regression.fit(FINISHED, FINALS).predict(trial(0.5, 0.5)[:2])
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_trials": 4}, r"^min_trials must be at least 5, received 4\.$"),
        ({"candidates": -1}, r"^candidates must be at least 0, received -1\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CurveRegression(**arguments)
