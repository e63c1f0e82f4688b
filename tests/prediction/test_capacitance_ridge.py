"""The regression of the metric on beta_eff: golden numbers, symmetries and every way out of it."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import BayesianRidge

from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.prediction.capacitance_ridge import _ridge_at_zero

POINTS = [(0.9, 0.50), (0.7, 0.60), (0.6, 0.66), (0.45, 0.72), (0.4, 0.75)]
BETA, ACCURACY = map(np.array, zip(*POINTS, strict=True))

shares = st.floats(0, 1)
capacitances = st.floats(-2, 2).map(lambda b: round(b, 6))  # no subnormal numbers: scaling stays exact
curves = st.lists(st.tuples(capacitances, shares), min_size=1, max_size=8)


def history(points, first=1):
    return [Report(t, {"beta_eff": b, "val_accuracy": y}) for t, (b, y) in enumerate(points, first)]


def log_evidence(x, y, noise_precision, slope_precision):
    """Log density of y (less a constant) with the slope integrated out, and sklearn's flat gamma priors."""
    x, y = x - x.mean(), y - y.mean()
    covariance = np.eye(len(x)) / noise_precision + np.outer(x, x) / slope_precision
    log_det = np.linalg.slogdet(covariance)[1]
    fit = -0.5 * (log_det + y @ np.linalg.solve(covariance, y))
    return fit + sum(1e-6 * (math.log(p) - p) for p in (noise_precision, slope_precision))


# Golden numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 1e-4, 1e4, 1e-300, 1e300])
def test_golden_mean_and_spread_at_any_scale_of_beta(scale):
    # Without dividing beta by its largest size the mean would be 0.646 at scale 1e-4.
    prediction = CapacitanceRidge().predict(history((scale * b, y) for b, y in POINTS))
    assert prediction.mean == pytest.approx(0.94814, abs=5e-6)
    assert prediction.std == pytest.approx(0.01011, abs=5e-6)
    assert prediction.fallback is None
    assert prediction.predictor == "capacitance_ridge"
    assert prediction.epochs == (1, 2, 3, 4, 5)


def test_spread_is_noise_and_slope_and_offset():
    # Written out from the fitted ridge's attributes; the ridge's own return_std lacks the offset.
    x = (BETA / 0.9)[:, None]
    unit = ACCURACY.std()  # the ridge is not scale-free in the metric either
    ridge = BayesianRidge().fit(x, ACCURACY / unit)
    noise, slope = 1 / ridge.alpha_, x.mean() ** 2 * ridge.sigma_[0, 0]
    prediction = CapacitanceRidge().predict(history(POINTS))
    assert prediction.mean == pytest.approx(unit * ridge.predict([[0.0]])[0], rel=1e-12)
    assert prediction.std == pytest.approx(unit * math.sqrt(noise + slope + noise / 5), rel=1e-12)
    assert prediction.std > unit * ridge.predict([[0.0]], return_std=True)[1][0]


@settings(max_examples=300, deadline=None)
@given(
    points=st.lists(st.tuples(st.floats(-1, 1), st.floats(-1e3, 1e3)), min_size=3, max_size=40),
    unit=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_mean_and_spread_are_those_of_scikit_learn(points, unit):
    x, y = np.array(points).T
    assume(np.ptp(x) > 1e-3)
    y = y * unit
    assume(y.std() > 1e-6 * max(1e-300, np.abs(y).max()))
    scale = y.std()
    ridge = BayesianRidge().fit(x[:, None], y / scale)
    std = math.sqrt(1 / ridge.alpha_ * (1 + 1 / len(x)) + x.mean() ** 2 * ridge.sigma_[0, 0])
    mean_at_zero, std_at_zero = _ridge_at_zero(list(x), list(y))
    assert mean_at_zero / scale == pytest.approx(ridge.intercept_, rel=1e-9, abs=1e-9)
    assert std_at_zero / scale == pytest.approx(std, rel=1e-9)


def test_the_signals_are_the_metric_and_beta_eff():
    assert CapacitanceRidge(metric="acc", capacitance="b").signals == ("acc", "b")


def test_without_a_unit_the_spread_is_nearly_the_same_for_an_accuracy():
    # The golden number of the formula applied to the accuracies as they are.
    x = (BETA / 0.9)[:, None]
    ridge = BayesianRidge().fit(x, ACCURACY)
    noise, slope = 1 / ridge.alpha_, x.mean() ** 2 * ridge.sigma_[0, 0]
    assert ridge.intercept_ == pytest.approx(0.94814, abs=5e-5)
    assert math.sqrt(noise + slope + noise / 5) == pytest.approx(0.01020, abs=5e-6)


def test_mean_and_spread_are_those_of_the_largest_evidence():
    # A second road to the same numbers: maximise the evidence numerically, then use the closed form.
    x = BETA / 0.9
    best = minimize(
        lambda p: -log_evidence(x, ACCURACY, *np.exp(p)),
        [math.log(1e4), 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 2000},
    )
    a, m = np.exp(best.x)
    xc, yc = x - x.mean(), ACCURACY - ACCURACY.mean()
    variance = 1 / (a * xc @ xc + m)
    mean = ACCURACY.mean() - a * variance * (xc @ yc) * x.mean()
    std = math.sqrt(1 / a + x.mean() ** 2 * variance + 1 / (5 * a))
    prediction = CapacitanceRidge().predict(history(POINTS))
    # scikit-learn stops its fixed-point iteration at a change of 1e-3.
    assert prediction.mean == pytest.approx(mean, abs=1e-4)
    assert prediction.std == pytest.approx(std, rel=1e-2)


def test_points_on_a_line_are_extrapolated_to_the_intercept():
    prediction = CapacitanceRidge().predict(history((b, 0.95 - 0.5 * b) for b in (0.9, 0.7, 0.5, 0.3)))
    assert prediction.mean == pytest.approx(0.95, abs=1e-3)
    assert prediction.std < 0.005


# Symmetries ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(curve=curves, power=st.integers(-200, 200))
def test_scaling_beta_changes_nothing(curve, power):
    # Powers of two, so that rounding cannot hide or fake a difference.
    scaled = [(b * 2.0**power, y) for b, y in curve]
    assert CapacitanceRidge().predict(history(scaled)) == CapacitanceRidge().predict(history(curve))


@settings(deadline=None)
@given(scale=st.floats(1e-12, 1e12))
def test_scaling_beta_by_any_factor_keeps_the_golden_mean(scale):
    prediction = CapacitanceRidge().predict(history((scale * b, y) for b, y in POINTS))
    assert prediction.mean == pytest.approx(0.94814, abs=5e-6)


@settings(deadline=None)
@given(curve=curves)
def test_the_sign_of_beta_does_not_matter(curve):
    mirrored = [(-b, y) for b, y in curve]
    assert CapacitanceRidge().predict(history(mirrored)) == CapacitanceRidge().predict(history(curve))


@settings(deadline=None)
@given(curve=curves, bounds=st.sampled_from([None, (0.0, 1.0), (0.2, 0.6)]))
def test_min_mirrors_max(curve, bounds):
    mirrored_bounds = bounds and (-bounds[1], -bounds[0])
    larger = CapacitanceRidge(mode="max", bounds=bounds).predict(history(curve))
    smaller = CapacitanceRidge(mode="min", bounds=mirrored_bounds).predict(history((b, -y) for b, y in curve))
    assert smaller.mean == -larger.mean
    assert (smaller.std, smaller.epochs, smaller.fallback) == (larger.std, larger.epochs, larger.fallback)


@settings(deadline=None)
@given(curve=curves)
def test_every_answer_is_finite_and_names_its_kind(curve):
    prediction = CapacitanceRidge(bounds=(0, 1)).predict(history(curve))
    assert 0 <= prediction.mean <= 1
    assert prediction.std is None or (math.isfinite(prediction.std) and prediction.std >= 0)
    if prediction.fallback is not None:
        assert prediction.mean == max(y for _, y in curve)


@settings(deadline=None)
@given(curve=curves)
def test_no_prediction_lies_below_what_was_already_seen(curve):
    assert CapacitanceRidge().predict(history(curve)).mean >= max(y for _, y in curve)


@settings(max_examples=30, deadline=None)
@given(shift=st.floats(-10, 10))
def test_shifting_the_metric_shifts_the_prediction(shift):
    prediction = CapacitanceRidge().predict(history((b, y + shift) for b, y in POINTS))
    assert prediction.mean - shift == pytest.approx(0.94814, abs=5e-6)
    assert prediction.std == pytest.approx(0.01011, abs=5e-6)


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_the_unit_of_the_metric_does_not_matter(scale):
    # A loss of 7000 or 0.0007 must be extrapolated as one of 0.7.
    prediction = CapacitanceRidge().predict(history((b, scale * y) for b, y in POINTS))
    assert prediction.mean / scale == pytest.approx(0.94814, abs=5e-6)
    assert prediction.std / scale == pytest.approx(0.01011, abs=5e-6)


def test_predicting_and_fitting_keep_no_state():
    # The same object serves all trials: what it saw of one must not leak into another.
    predictor = CapacitanceRidge()
    first = predictor.predict(history(POINTS))
    predictor.predict(history([(1.0, 0.1), (2.0, 0.2), (3.0, 0.3)]))
    assert predictor.fit([history(POINTS)], [0.9]) is predictor
    assert predictor.predict(history(POINTS)) == first


# Fallbacks -----------------------------------------------------------------------------------------

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("points", "best", "why"),
    [
        ([(0.9, 0.5)], 0.5, "1 of 3 usable beta_eff values"),
        ([(0.9, 0.7), (0.7, 0.6)], 0.7, "2 of 3 usable beta_eff values"),
        ([(NAN, 0.5), (NAN, 0.7), (NAN, 0.6)], 0.7, "0 of 3 usable beta_eff values"),
        ([(0.9, 0.5), (INF, 0.7), (-INF, 0.6), (0.4, 0.65)], 0.7, "2 of 3 usable beta_eff values"),
        ([(None, 0.5), (0.8, 0.6), (0.7, 0.7)], 0.7, "2 of 3 usable beta_eff values"),
        ([(0.9, NAN), (0.8, 0.6), (0.7, 0.7)], 0.7, "2 of 3 usable beta_eff values"),
        ([(0.5, 0.5), (0.5, 0.7), (0.5, 0.6)], 0.7, "beta_eff does not change"),
        ([(0.0, 0.5), (0.0, 0.7), (0.0, 0.6)], 0.7, "beta_eff does not change"),
        ([(-3.0, 0.5), (-3.0 * (1 + 1e-13), 0.7), (-3.0, 0.6)], 0.7, "beta_eff does not change"),
        ([(0.4, 0.5), (0.6, 0.6), (0.9, 0.7)], 0.7, "val_accuracy does not improve as beta_eff goes to 0"),
        ([(0.9, 0.8), (0.6, 0.7), (0.4, 0.6)], 0.8, "val_accuracy does not improve as beta_eff goes to 0"),
        # beta_eff crosses 0 between the worst epoch and the best: the line at 0 lies between them
        (
            [(-0.9, 0.5), (0.8, 0.6), (0.05, 0.9)],
            0.9,
            "the extrapolation is worse than what was already seen",
        ),
        ([(-0.5, 0.5), (0.5, 0.5), (1.0, 0.9)], 0.9, "val_accuracy does not improve as beta_eff goes to 0"),
    ],
)
def test_without_a_regression_the_best_value_seen_is_the_answer(points, best, why):
    prediction = CapacitanceRidge().predict(history(points))
    seen = [(y, t) for t, (_, y) in enumerate(points, 1) if math.isfinite(y)]
    assert prediction.mean == best
    assert prediction.fallback == why
    assert prediction.epochs == tuple(t for _, t in seen)
    values = [y for y, _ in seen]
    assert prediction.std == (None if len(values) == 1 else pytest.approx(np.std(values, ddof=1)))


def test_the_best_value_seen_is_the_smallest_where_smaller_is_better():
    prediction = CapacitanceRidge(mode="min").predict(history([(0.9, 0.5), (0.8, 0.3)]))
    assert prediction.mean == 0.3


@pytest.mark.parametrize("value", [0.1, 0.3, 0.7])
def test_a_constant_metric_is_its_own_final_value(value):
    prediction = CapacitanceRidge().predict(history((b, value) for b in (0.9, 0.7, 0.4)))
    assert prediction.mean == pytest.approx(value, rel=1e-12)


def test_the_reason_names_the_given_metric():
    # The name in the reason is the reports' name, so that a reader finds the column.
    points = [Report(t, {"cap": t / 9, "loss": 1 / t}) for t in range(1, 5)]
    prediction = CapacitanceRidge(metric="loss", capacitance="cap", mode="min").predict(points)
    assert prediction.fallback == "loss does not improve as beta_eff goes to 0"
    assert prediction.mean == 0.25


@pytest.mark.parametrize("min_points", [3, 5, 6])
def test_min_points_is_the_fewest_to_extrapolate_from(min_points):
    prediction = CapacitanceRidge(min_points=min_points).predict(history(POINTS))
    assert prediction.fallback == (None if min_points <= 5 else "5 of 6 usable beta_eff values")


def test_unusable_reports_are_left_out():
    # A hole in beta_eff or in the metric costs that point only, and its epoch is not claimed.
    holes = [(NAN, 0.9), *POINTS[:2], (0.5, NAN), *POINTS[2:]]
    prediction = CapacitanceRidge().predict(history(holes))
    whole = CapacitanceRidge().predict(history(POINTS))
    assert (prediction.mean, prediction.std) == (whole.mean, whole.std)
    assert prediction.epochs == (2, 3, 5, 6, 7)


def test_what_was_reported_within_the_first_epoch_is_left_out():
    early = [Report(share, {"beta_eff": 2.0, "val_accuracy": 0.05}) for share in (0.25, 0.5)]
    assert CapacitanceRidge().predict([*early, *history(POINTS)]) == CapacitanceRidge().predict(
        history(POINTS)
    )
    few = CapacitanceRidge().predict([*early, *history(POINTS[:2])])
    assert few.fallback == "2 of 3 usable beta_eff values"


# Clipping ------------------------------------------------------------------------------------------

STEEP = [(0.9, 0.3), (0.6, 0.6), (0.4, 0.8)]  # the line meets beta_eff = 0 at 1.2


@pytest.mark.parametrize(
    ("points", "bounds", "mean"),
    [
        (STEEP, (0, 1), 1.0),
        (STEEP, (0, 0.7), 0.7),
        (STEEP, (1.5, 2), 1.5),
        (POINTS, (0, 1), pytest.approx(0.94814, abs=5e-6)),
        ([(0.9, 0.8), (0.7, 0.6)], (0, 0.75), 0.75),  # the best value seen is clipped too
    ],
)
def test_the_mean_stays_within_bounds(points, bounds, mean):
    assert CapacitanceRidge(bounds=bounds).predict(history(points)).mean == mean


def test_the_best_value_seen_is_clipped_before_it_is_compared():
    # The line ends at 1.2; the best value seen, 0.8, counts as 1.5 under these bounds.
    prediction = CapacitanceRidge(bounds=(1.5, 2)).predict(history(STEEP))
    assert prediction.fallback == "the extrapolation is worse than what was already seen"


def test_without_bounds_nothing_is_clipped():
    assert CapacitanceRidge().predict(history(STEEP)).mean == pytest.approx(1.2, abs=0.01)


# Errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reports", "count"),
    [
        ([], 0),
        ([Report(1)], 1),
        (history([(0.9, NAN), (0.8, INF), (0.7, -INF)]), 3),
    ],
)
def test_no_finite_metric_is_an_error(reports, count):
    with pytest.raises(
        ValueError, match=rf"^No report has a finite 'val_accuracy'; received {count} reports\.$"
    ):
        CapacitanceRidge().predict(reports)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "maximum"}, r"^mode must be 'max' or 'min', received 'maximum'\.$"),
        ({"mode": None}, r"^mode must be 'max' or 'min', received None\.$"),
        ({"bounds": (1, 0)}, r"^bounds must be \(low, high\) with low < high, received \(1, 0\)\.$"),
        ({"bounds": (0, 0)}, r"^bounds must be \(low, high\) with low < high, received \(0, 0\)\.$"),
        ({"bounds": (0, NAN)}, r"^bounds must be \(low, high\) with low < high, received \(0, nan\)\.$"),
        ({"min_points": 2}, r"^min_points must be at least 3 to leave a residual, received 2\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CapacitanceRidge(**arguments)
