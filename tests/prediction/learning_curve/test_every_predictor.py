"""What all predictors of learning curves owe to a policy, whatever they look at."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import Report
from neurocap_search.prediction.learning_curve import (
    TSE,
    TSEE,
    TSEEMA,
    BestSeen,
    CurveEnsemble,
    CurveRegression,
    LastSeen,
    PowerLaw,
    RunningMean,
)
from neurocap_search.pruning import SuccessiveHalvingPolicy

NAN, INF = math.nan, math.inf

MAKERS = {
    "last_seen": lambda mode="max": LastSeen(),
    "best_seen": lambda mode="max": BestSeen(mode=mode),
    "running_mean": lambda mode="max": RunningMean(),
    "tse": lambda mode="max": TSE(mode=mode),
    "tse_e": lambda mode="max": TSEE(mode=mode),
    "tse_ema": lambda mode="max": TSEEMA(mode=mode),
    "calibrated_tse": lambda mode="max": TSE(mode=mode, calibrate_after=5),
    "power_law": lambda mode="max": PowerLaw(mode=mode, final_epoch=9),
    "curve_ensemble": lambda mode="max": CurveEnsemble(mode=mode, final_epoch=9),
    "curve_regression": lambda mode="max": CurveRegression(mode=mode, candidates=2),
}


def trial(values, losses=None, epochs=None):
    losses = [2 - y for y in values] if losses is None else losses
    epochs = range(1, len(values) + 1) if epochs is None else epochs
    rows = zip(epochs, values, losses, strict=True)
    return [Report(t, {"val_accuracy": y, "train_loss": loss}) for t, y, loss in rows]


def curve(end, epochs=9):
    return [end * (1 - 0.6**t) for t in range(1, epochs + 1)]


ENDS = [0.5 + 0.03 * k for k in range(12)]
FINISHED = [trial(curve(end)) for end in ENDS]
FINALS = [history[-1].metrics["val_accuracy"] for history in FINISHED]


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def test_it_answers_before_any_trial_has_finished_and_names_itself(make):
    prediction = make().predict(trial([0.3, 0.4, 0.5, 0.55]))
    assert prediction.predictor == make().name
    assert math.isfinite(prediction.mean)
    assert prediction.epochs[-1] == 4


def test_a_single_epoch_is_enough_to_answer(make):
    for predictor in (make(), make().fit(FINISHED, FINALS)):
        prediction = predictor.predict(trial([0.3]))
        assert math.isfinite(prediction.mean)
        assert prediction.epochs == (1,)


def test_with_finished_trials_it_orders_trials_as_their_curves(make):
    predictor = make().fit(FINISHED, FINALS)
    means = [predictor.predict(trial(curve(end, 4))).mean for end in (0.55, 0.65, 0.75)]
    assert means == sorted(means)
    assert means[0] < means[2]


def test_the_smaller_is_better_where_the_mode_says_so(make):
    # The metric is mirrored, the training losses stay: a small loss is good either way.
    whole = [*FINISHED, trial(curve(0.7, 4))]
    mirrored = [
        [Report(r.epoch, {**r.metrics, "val_accuracy": -r.metrics["val_accuracy"]}) for r in history]
        for history in whole
    ]
    larger = make().fit(FINISHED, FINALS).predict(trial(curve(0.7, 4)))
    smaller = make("min").fit(mirrored[:-1], [-final for final in FINALS]).predict(mirrored[-1])
    # Support vectors are found to a tolerance of a thousandth of the standardised finals only.
    assert smaller.mean == pytest.approx(-larger.mean, rel=1e-4)
    assert (smaller.std is None) == (larger.std is None)
    assert smaller.std is None or smaller.std == pytest.approx(larger.std, rel=1e-2)


def test_fitting_returns_the_predictor_and_forgets_what_was_fitted_before(make):
    predictor = make()
    assert predictor.fit(FINISHED[::-1], FINALS) is predictor
    young = trial(curve(0.7, 4))
    assert predictor.fit(FINISHED, FINALS).predict(young) == make().fit(FINISHED, FINALS).predict(young)
    assert predictor.fit([], []).predict(young) == make().predict(young)


def test_the_same_again_is_bit_identical(make):
    young = trial([0.3, 0.45, 0.5, 0.53])
    assert make().fit(FINISHED, FINALS).predict(young) == make().fit(FINISHED, FINALS).predict(young)


def test_what_cannot_be_learnt_from_is_left_out(make):
    odd = [[], trial([NAN, NAN]), trial(curve(0.7)), [Report(1)]]
    young = trial(curve(0.7, 4))
    taught = make().fit([*FINISHED, *odd[:1]], [*FINALS, 0.5]).predict(young)
    assert taught == make().fit(FINISHED, FINALS).predict(young)
    assert math.isfinite(make().fit(odd, [0.5, 0.5, NAN, 0.5]).predict(young).mean)


def test_it_looks_at_the_metric_and_at_nothing_it_does_not_name(make):
    predictor = make()
    assert predictor.signals[0] == "val_accuracy"
    young = trial(curve(0.7, 4))
    more = [Report(r.epoch, {**r.metrics, "noise": 17.0 * r.epoch}) for r in young]
    assert predictor.predict(more) == predictor.predict(young)


def test_it_says_whether_finished_trials_change_its_answer(make):
    predictor = make()
    young = trial(curve(0.7, 4))
    before = predictor.predict(young)
    assert (predictor.fit(FINISHED, FINALS).predict(young) != before) is predictor.learns


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(sorted(MAKERS)),
    st.lists(st.one_of(st.floats(0, 1), st.just(NAN), st.just(INF)), min_size=1, max_size=6),
    st.lists(st.integers(1, 4), min_size=6, max_size=6),
)
def test_holes_and_skipped_epochs_leave_a_finite_answer(name, values, gaps):
    epochs = [sum(gaps[: k + 1]) for k in range(len(values))]
    history = trial([0.4, *values], losses=[1.0] * (len(values) + 1), epochs=[1, *[1 + t for t in epochs]])
    for predictor in (MAKERS[name](), MAKERS[name]().fit(FINISHED, FINALS)):
        prediction = predictor.predict(history)
        assert math.isfinite(prediction.mean)
        assert prediction.std is None or (math.isfinite(prediction.std) and prediction.std >= 0)
        assert set(prediction.epochs) <= {report.epoch for report in history}


def test_without_a_finite_metric_nor_a_loss_there_is_no_answer(make):
    with pytest.raises(ValueError, match=r"^No report has a finite 'val_accuracy'; received 2 reports\.$"):
        make().predict([Report(1, {"val_accuracy": NAN}), Report(2)])


def test_successive_halving_prunes_by_it_from_the_first_trials_on(make):
    policy = SuccessiveHalvingPolicy(
        metric="val_accuracy", max_t=9, grace_period=3, reduction_factor=3, predictor=make()
    )
    stopped = {}
    for end in (0.9, 0.85, 0.8, 0.3):
        decisions = [policy.on_report(str(end), report) for report in trial(curve(end, 3))]
        stopped[end] = decisions[-1].pruned
    assert stopped == {0.9: False, 0.85: True, 0.8: True, 0.3: True}


@pytest.mark.parametrize("kind", [BestSeen, TSE, PowerLaw, CurveEnsemble, CurveRegression])
def test_an_unknown_mode_is_refused(kind):
    final = {"final_epoch": 9} if kind in (PowerLaw, CurveEnsemble) else {}
    with pytest.raises(ValueError, match=r"^mode must be 'max' or 'min', received 'best'\.$"):
        kind(mode="best", **final)


@pytest.mark.parametrize("kind", [TSE, PowerLaw, CurveEnsemble, CurveRegression])
def test_bounds_out_of_order_are_refused(kind):
    final = {"final_epoch": 9} if kind in (PowerLaw, CurveEnsemble) else {}
    with pytest.raises(
        ValueError, match=r"^bounds must be \(low, high\) with low < high, received \(1, 0\)\.$"
    ):
        kind(bounds=(1, 0), **final)
