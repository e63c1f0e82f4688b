"""Sums of training losses against NumPy, and the way to the metric's unit against SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from neurocap_search.prediction import Report
from neurocap_search.prediction.learning_curve import TSE, TSEE, TSEEMA
from neurocap_search.prediction.learning_curve.calibration import calibrate

NAN = math.nan
losses = st.lists(st.floats(0, 10), min_size=1, max_size=12)


def trial(values, epochs=None, accuracy=0.4):
    epochs = range(1, len(values) + 1) if epochs is None else epochs
    rows = zip(epochs, values, strict=True)
    return [Report(t, {"train_loss": y, "val_accuracy": accuracy + 0.01 * t}) for t, y in rows]


@given(losses, st.integers(1, 15), st.floats(0.1, 1))
def test_the_three_sums_are_the_papers(values, window, decay):
    fading = decay ** np.arange(len(values))[::-1]
    assert TSE().predict(trial(values)).mean == pytest.approx(-np.sum(values))
    assert TSEE(window=window).predict(trial(values)).mean == pytest.approx(-np.sum(values[-window:]))
    assert TSEEMA(decay=decay).predict(trial(values)).mean == pytest.approx(-fading @ values)


@given(losses)
def test_special_cases_agree(values):
    history = trial(values)
    assert TSEE().predict(history).mean == pytest.approx(-values[-1])
    assert TSEE(window=len(values)).predict(history).mean == pytest.approx(TSE().predict(history).mean)
    assert TSEEMA(decay=1).predict(history).mean == pytest.approx(TSE().predict(history).mean)


def test_an_ordering_score_has_no_spread_and_is_signed_like_the_metric():
    assert TSE().predict(trial([2.0, 1.0])).mean == -3
    smaller = TSE(mode="min").predict(trial([2.0, 1.0]))
    assert (smaller.mean, smaller.std, smaller.fallback) == (3, None, None)
    assert not TSE().learns
    assert TSE(calibrate_after=3).learns


def test_an_epoch_without_a_report_counts_as_the_mean_of_the_others():
    sparse = trial([3.0, 1.0], epochs=[2, 4])
    assert TSE().predict(sparse).mean == pytest.approx(-8)
    assert TSEE(window=2).predict(sparse).mean == pytest.approx(-2)
    weights = 0.5 ** np.array([3, 2, 1, 0])
    seen = 3 * weights[1] + 1 * weights[3]
    expected = seen * weights.sum() / (weights[1] + weights[3])
    assert TSEEMA(decay=0.5).predict(sparse).mean == pytest.approx(-expected)


@pytest.mark.parametrize(
    "history",
    [trial([1.0, NAN]), trial([math.inf, 1.0]), [Report(1, {"val_accuracy": 0.42})]],
    ids=["nan", "inf", "none"],
)
def test_without_usable_losses_the_best_metric_seen_is_the_answer(history):
    prediction = TSE().predict(history)
    assert prediction.mean == max(report.metrics["val_accuracy"] for report in history)
    assert prediction.fallback == "no finite train_loss"


ESTIMATORS = {
    "tse": TSE,
    "tse_e": TSEE,
    "tse_e over 3": lambda **more: TSEE(window=3, **more),
    "tse_ema": lambda **more: TSEEMA(decay=0.5, **more),
}
EVERY = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)


@EVERY
@pytest.mark.parametrize("loss", [9.0, NAN], ids=["large", "nan"])
def test_what_was_reported_within_the_first_epoch_is_left_out(make, loss):
    early, whole = trial([loss, loss], epochs=[0.25, 0.5]), trial([1.0, 0.5])
    for count in (1, 2):
        assert make().predict([*early, *whole[:count]]) == make().predict(whole[:count])
    finished = [[*early, *history] for history in FINISHED]
    taught = make(calibrate_after=8).fit(finished, FINALS).predict([*early, *whole])
    assert taught == make(calibrate_after=8).fit(FINISHED, FINALS).predict(whole)
    assert taught.fallback is None


@EVERY
def test_within_the_first_epoch_there_is_no_score(make):
    early = [Report(0.25, {"train_loss": 1.0, "val_accuracy": 0.4})]
    assert math.isnan(make().score(early))
    with pytest.raises(ValueError, match=r"^No report has a finite 'val_accuracy'; received 1 reports\.$"):
        make().predict(early)


@pytest.mark.parametrize(
    "speed", [TSE(), TSEE(window=4), *(TSEEMA(decay=decay) for decay in (1e-9, 0.5, 0.999, 1 - 1e-12, 1))]
)
@given(epochs=st.integers(1, 300))
def test_the_weights_of_all_epochs_add_up_to_the_closed_form(speed, epochs):
    total = math.fsum(speed.weight(age) for age in range(epochs))
    assert speed.whole(epochs) == pytest.approx(total, rel=1e-13)


@EVERY
def test_epochs_that_are_not_reported_take_no_time(make, monkeypatch):
    # Where time is counted in samples there are millions of them.
    speed, asked = make(), []
    weight = speed.weight
    monkeypatch.setattr(speed, "weight", lambda age: asked.append(age) or weight(age))
    assert speed.score(trial([2.0], epochs=[3_000_000])) == pytest.approx(2 * speed.whole(3_000_000))
    assert asked == [0]


def test_a_loss_outside_the_window_does_not_matter():
    assert TSEE(window=1).predict(trial([NAN, 1.0])).mean == -1


rng = np.random.default_rng(7)
FINISHED = [trial(list(rng.uniform(0.5, 2) * np.array([1.0, 0.7, 0.5, 0.4]))) for _ in range(8)]
FINALS = [float(1 - 0.2 * h[-1].metrics["train_loss"] + 0.02 * rng.normal()) for h in FINISHED]


def test_calibrated_it_is_the_prediction_of_linear_regression_at_the_same_epoch():
    prediction = TSE(calibrate_after=8).fit(FINISHED, FINALS).predict(trial([1.5, 1.0]))
    x = np.array([-sum(r.metrics["train_loss"] for r in h[:2]) for h in FINISHED])
    line = stats.linregress(x, FINALS)
    residual = np.array(FINALS) - line.intercept - line.slope * x
    s = np.sqrt(residual @ residual / 6)
    spread = s * np.sqrt(1 + 1 / 8 + (-2.5 - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2))
    assert prediction.mean == pytest.approx(line.intercept - 2.5 * line.slope)
    assert prediction.std == pytest.approx(spread)
    assert prediction.fallback is None


def test_until_enough_have_finished_nobody_is_compared_across_two_units():
    predictor = TSE(calibrate_after=9).fit(FINISHED, FINALS)
    prediction = predictor.predict(trial([1.5, 1.0]))
    assert prediction.fallback == "8 of 9 finished trials to tell val_accuracy from train_loss"
    assert prediction.mean == pytest.approx(0.42)


def test_a_line_that_would_turn_the_order_round_is_not_used():
    prediction = TSE(calibrate_after=8).fit(FINISHED, [-final for final in FINALS]).predict(trial([1.5]))
    assert prediction.fallback == "val_accuracy of the finished trials does not follow their train_loss"


def test_finished_trials_without_losses_cannot_give_a_line():
    bare = [[Report(1, {"val_accuracy": 0.5})] for _ in FINALS]
    assert TSE(calibrate_after=8).fit(bare, FINALS).predict(trial([1.5])).fallback is not None


def test_a_calibrated_mean_stays_within_bounds():
    predictor = TSE(calibrate_after=8, bounds=(0, 1)).fit(FINISHED, FINALS)
    assert predictor.predict(trial([1e-3])).mean == 1
    assert predictor.predict(trial([99.0])).mean == 0


@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=3, max_size=9, unique=True))
def test_a_line_keeps_the_order_of_the_scores(scores):
    finals = [math.tanh(score) for score in scores]
    line = calibrate(scores, finals)
    assert line is not None
    assert sorted(scores) == sorted(scores, key=lambda score: line.predict(score)[0])


def test_equal_scores_give_no_line():
    assert calibrate([1.0, 1.0, 1.0], [0.1, 0.2, 0.3]) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TSE(calibrate_after=2), r"^calibrate_after must be at least 3, received 2\.$"),
        (lambda: TSEE(window=0), r"^window must be at least 1, received 0\.$"),
        (lambda: TSEEMA(decay=0), r"^decay must be above 0 and at most 1, received 0\.$"),
        (lambda: TSEEMA(decay=1.1), r"^decay must be above 0 and at most 1, received 1\.1\.$"),
    ],
    ids=["calibrate_after", "window", "no decay", "growth"],
)
def test_wrong_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
