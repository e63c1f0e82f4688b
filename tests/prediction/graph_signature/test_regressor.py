"""The regressor of signatures: against scikit-learn by hand, its ways out, and in a policy."""

import math

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from neurocap_search.prediction import Report
from neurocap_search.prediction.graph_signature import SignatureFeatures, SignatureRegressor
from neurocap_search.pruning import SuccessiveHalvingPolicy

DEGREE = SignatureFeatures(("degree_mean",), epochs=3)


def trial(rate: float, epochs: int = 8) -> list[Report]:
    """A network whose degree tells its accuracy in epoch 8, and whose accuracy tells nothing before."""
    accuracies = [0.1 + 0.01 * t for t in range(1, 8)] + [final(rate)]
    return [
        Report(t, {"degree_mean": 1 + rate * t, "val_accuracy": accuracies[t - 1]})
        for t in range(1, epochs + 1)
    ]


def final(rate: float) -> float:
    return 0.2 + 0.6 * rate


RATES = np.random.default_rng(0).random(40)
TRIALS, FINALS = [trial(rate) for rate in RATES], [final(rate) for rate in RATES]


def learned(**arguments) -> SignatureRegressor:
    return SignatureRegressor(DEGREE, **arguments).fit(TRIALS, FINALS)


def ridge_by_hand(X: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    places = np.linspace(0, 1, len(X))
    X, x = (
        np.transpose(
            [np.interp(column, np.sort(known), places) for column, known in zip(Z.T, X.T, strict=True)]
        )
        for Z in (X, x)
    )
    mean, std, unit = X.mean(axis=0), X.std(axis=0), y.std()
    model = Ridge().fit((X - mean) / std, (y - y.mean()) / unit)
    return y.mean() + unit * model.predict((x - mean) / std)


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_mean_and_spread_are_those_of_ridge_by_hand(seen: int) -> None:
    X, y = np.array([[1 + rate * t for t in range(1, seen + 1)] for rate in RATES]), np.array(FINALS)
    prediction = learned(kind="linear").predict(trial(0.35, seen))
    x = np.array([[1 + 0.35 * t for t in range(1, seen + 1)]])
    assert prediction.mean == pytest.approx(ridge_by_hand(X, y, x)[0], rel=1e-9)
    errors = np.concatenate(
        [
            ridge_by_hand(X[fold], y[fold], X[rest]) - y[rest]
            for fold, rest in KFold(5, shuffle=True, random_state=0).split(X)
        ]
    )
    assert prediction.std == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-9)
    assert prediction.predictor == "graph_signature"
    assert prediction.epochs == tuple(range(1, seen + 1))
    assert prediction.fallback is None


@pytest.mark.parametrize("kind", ["svm", "forest", "linear"])
def test_the_graph_tells_what_the_accuracy_does_not(kind: str) -> None:
    regressor = learned(kind=kind)
    predicted = [regressor.predict(trial(rate, 3)).mean for rate in (0.1, 0.5, 0.9)]
    assert predicted == pytest.approx([final(0.1), final(0.5), final(0.9)], abs=0.05)
    assert learned(kind=kind).predict(trial(0.5, 3)) == regressor.predict(trial(0.5, 3))


def test_epochs_after_the_signature_are_not_looked_at() -> None:
    assert learned().predict(trial(0.4, 8)) == learned().predict(trial(0.4, 3))


def test_a_trial_that_ended_early_teaches_only_what_it_saw() -> None:
    regressor = SignatureRegressor(DEGREE, min_trials=30).fit(
        [t[:2] for t in TRIALS[:20]] + TRIALS[20:], FINALS
    )
    assert regressor.predict(trial(0.4, 2)).fallback is None
    assert regressor.predict(trial(0.4, 3)).fallback == "20 of 30 finished trials"


def test_learning_again_forgets_what_was_learned() -> None:
    regressor = learned(kind="linear")
    before = regressor.predict(trial(0.5)).mean
    after = regressor.fit(TRIALS, [1 - y for y in FINALS]).predict(trial(0.5)).mean
    assert after == pytest.approx(1 - before)


def test_a_network_without_numbers_in_one_epoch_is_predicted_all_the_same() -> None:
    broken = [Report(1, {"degree_mean": 1.5}), Report(2, {"degree_mean": math.nan})]
    prediction = learned().predict(broken)
    assert prediction.fallback is None
    assert 0 < prediction.mean < 1


def test_trials_without_a_final_teach_nothing() -> None:
    finals = [math.nan if place % 2 else y for place, y in enumerate(FINALS)]
    halves = SignatureRegressor(DEGREE).fit(TRIALS[::2], FINALS[::2])
    assert SignatureRegressor(DEGREE).fit(TRIALS, finals).predict(trial(0.5)) == halves.predict(trial(0.5))


@pytest.mark.parametrize(
    ("known", "history", "mode", "best", "why"),
    [
        (0, trial(0.5, 2), "max", 0.12, "0 of 10 finished trials"),
        (9, trial(0.5, 2), "max", 0.12, "9 of 10 finished trials"),
        (9, trial(0.5, 2), "min", 0.11, "9 of 10 finished trials"),
        (40, [Report(1, {"val_accuracy": 0.3})], "max", 0.3, "no finite degree_mean in the first 3 epochs"),
        (40, trial(0.5, 7)[3:], "max", 0.17, "no finite degree_mean in the first 3 epochs"),
    ],
)
def test_without_a_regression_the_best_value_seen_is_the_answer(
    known: int, history: list[Report], mode: str, best: float, why: str
) -> None:
    prediction = SignatureRegressor(DEGREE, mode=mode).fit(TRIALS[:known], FINALS[:known]).predict(history)
    assert prediction.mean == pytest.approx(best)
    assert prediction.std is None
    assert prediction.fallback == why
    assert prediction.epochs == tuple(report.epoch for report in history)


def test_the_mean_stays_within_bounds() -> None:
    assert learned(kind="linear", bounds=(0, 0.5)).predict(trial(0.9)).mean == 0.5
    assert SignatureRegressor(DEGREE, bounds=(0.2, 1)).predict(trial(0.9, 1)).mean == 0.2


def test_it_tells_what_it_looks_at_and_that_it_learns() -> None:
    assert SignatureRegressor(DEGREE, metric="acc").signals == ("acc", "degree_mean")
    assert SignatureRegressor(SignatureFeatures(("acc",)), metric="acc").signals == ("acc",)
    assert SignatureRegressor().learns


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "maximum"}, r"^mode must be 'max' or 'min', received 'maximum'\.$"),
        ({"bounds": (1, 0)}, r"^bounds must be \(low, high\) with low < high, received \(1, 0\)\.$"),
        ({"min_trials": 4}, r"^min_trials must be at least 5, the folds, received 4\.$"),
        ({"kind": "tree"}, r"^kind: received 'tree'; use 'svm', 'forest' or 'linear'$"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SignatureRegressor(**arguments)


def test_no_finite_metric_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^No report has a finite 'val_accuracy'; received 1 reports\.$"):
        SignatureRegressor().predict([Report(1, {"val_accuracy": math.nan})])


def test_a_policy_prunes_by_it() -> None:
    policy = SuccessiveHalvingPolicy(
        metric="val_accuracy",
        max_t=8,
        grace_period=3,
        reduction_factor=2,
        predictor=SignatureRegressor(DEGREE),
    )
    for number, reports in enumerate(TRIALS[:12]):
        for report in reports:
            if policy.on_report(str(number), report).pruned:
                break
        else:
            policy.on_complete(str(number), reports[-1])
    decisions = {}
    for name, rate in (("good", 0.99), ("bad", 0.01)):
        for report in trial(rate, 3):
            decisions[name] = policy.on_report(name, report)
    assert not decisions["good"].pruned
    assert decisions["bad"].pruned
    assert decisions["good"].prediction.predictor == "graph_signature"
