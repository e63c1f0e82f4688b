"""Families of curves against the paper's formulas, their fit against SciPy, and what is made of them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

from neurocap_search.prediction import Report
from neurocap_search.prediction.learning_curve import CurveEnsemble, PowerLaw
from neurocap_search.prediction.learning_curve.families import FAMILIES, POW3, Family
from neurocap_search.prediction.learning_curve.mixture import Mixture, shares
from neurocap_search.prediction.learning_curve.posterior import fit_family

NAMES = [family.name for family in FAMILIES]
BY_NAME = {family.name: family for family in FAMILIES}
EPOCHS = np.arange(1.0, 21.0)
log, exp = math.log, math.exp

# Table 1 of the paper, written out with its own parameters for one epoch t.
TABLE = {
    "vapor pressure": lambda t, a, b, c: exp(a + b / t + c * log(t)),
    "pow3": lambda t, c, a, alpha: c - a * t**-alpha,
    "log log linear": lambda t, a, b: log(a * log(t) + b),
    "hill3": lambda t, y, eta, kappa: y * t**eta / (kappa**eta + t**eta),
    "log power": lambda t, a, b, c: a / (1 + (t / exp(b)) ** c),
    "pow4": lambda t, c, a, b, alpha: c - (a * t + b) ** -alpha,
    "mmf": lambda t, alpha, beta, kappa, delta: alpha - (alpha - beta) / (1 + (kappa * t) ** delta),
    "exp4": lambda t, c, a, b, alpha: c - exp(-a * t**alpha + b),
    "janoschek": lambda t, alpha, beta, kappa, delta: alpha - (alpha - beta) * exp(-kappa * t**delta),
    "weibull": lambda t, alpha, beta, kappa, delta: alpha - (alpha - beta) * exp(-((kappa * t) ** delta)),
    "ilog2": lambda t, c, a: c - a / log(t + 1),
}
# The same curves by our parameters: the logarithm of what must be positive, a rise instead of a start.
OURS = {
    "vapor pressure": ((-0.6, -0.5, 0.04), (-0.6, -0.5, 0.04)),
    "pow3": ((0.8, 0.5, 0.7), (0.8, log(0.5), log(0.7))),
    "log log linear": ((0.3, 1.2), (log(0.3), log(1.2))),
    "hill3": ((0.8, 0.6, 2.5), (0.8, log(0.6), log(2.5))),
    "log power": ((0.77, 2.98, -0.51), (0.77, 2.98, log(0.51))),
    "pow4": ((0.8, 2.0, 1.5, 0.6), (0.8, log(2.0), log(1.5), log(0.6))),
    "mmf": ((0.7, 0.1, 0.2, 1.5), (0.7, log(0.6), log(0.2), log(1.5))),
    "exp4": ((0.7, 0.8, -0.8, 0.3), (0.7, log(0.8), -0.8, log(0.3))),
    "janoschek": ((0.73, 0.07, 0.355, 0.46), (0.73, log(0.66), log(0.355), log(0.46))),
    "weibull": ((0.7, 0.1, 0.05, 0.9), (0.7, log(0.6), log(0.05), log(0.9))),
    "ilog2": ((0.78, 0.43), (0.78, log(0.43))),
}


def history(values, epochs=None):
    epochs = range(1, len(values) + 1) if epochs is None else epochs
    return [Report(t, {"val_accuracy": float(y)}) for t, y in zip(epochs, values, strict=True)]


# Families ------------------------------------------------------------------------------------------


def test_there_are_the_eleven_of_the_paper():
    assert list(TABLE) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_family_is_the_papers_formula(name):
    theirs, ours = OURS[name]
    expected = [TABLE[name](t, *theirs) for t in EPOCHS]
    np.testing.assert_allclose(BY_NAME[name].curve(EPOCHS, *ours), expected, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_a_family_rises_under_its_prior_mean_and_stays_near_an_accuracy(family):
    values = family.curve(np.arange(1.0, 201.0), *family.center)
    assert np.all(np.diff(values) > 0)
    assert -0.2 < values[0] < values[-1] < 1.1


# Posterior -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_a_curve_of_the_family_is_found_again_and_continued(family):
    truth = np.array(family.center) + 0.3 * np.array(family.width)
    fit = fit_family(family, EPOCHS, family.curve(EPOCHS, *truth))
    mean, std = fit.at(60)
    assert mean == pytest.approx(family.curve(np.array([60.0]), *truth)[0], abs=0.03)
    assert 0 < std < 0.1
    assert fit.noise < 0.01


@pytest.mark.parametrize("name", ["pow3", "ilog2", "hill3"])
def test_the_parameters_are_the_most_probable_ones(name):
    # A second road: minimise the negative log posterior by Nelder-Mead at the same noise.
    family = BY_NAME[name]
    rng = np.random.default_rng(3)
    values = 0.8 - 0.5 * EPOCHS**-0.8 + 0.01 * rng.normal(size=len(EPOCHS))
    fit = fit_family(family, EPOCHS, values)

    def objective(p):
        misfit = (values - family.curve(EPOCHS, *p)) / fit.noise
        return 0.5 * misfit @ misfit + 0.5 * np.sum(((p - family.center) / family.width) ** 2)

    best = minimize(objective, family.center, method="Nelder-Mead", options={"xatol": 1e-8, "maxiter": 9000})
    assert objective(fit.mode) == pytest.approx(best.fun, abs=0.02)
    np.testing.assert_allclose(fit.mode, best.x, atol=0.02)


def test_the_spread_of_a_family_linear_in_its_data_is_the_textbooks():
    # Many points with little noise: Laplace's covariance is that of non-linear least squares.
    rng = np.random.default_rng(5)
    values = 0.8 - 0.5 * EPOCHS**-0.7 + 0.02 * rng.normal(size=len(EPOCHS))
    fit = fit_family(POW3, EPOCHS, values)
    step = 1e-5 * np.eye(3)
    jacobian = np.stack(
        [(POW3.curve(EPOCHS, *(fit.mode + s)) - POW3.curve(EPOCHS, *(fit.mode - s))) / 2e-5 for s in step],
        axis=1,
    )
    precision = jacobian.T @ jacobian / fit.noise**2 + np.diag(1 / np.square(POW3.width))
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(precision), rtol=0.02, atol=1e-6)


def straight(center, width):
    """Return a family that is linear in its parameters: everything about it is known exactly."""
    return Family("straight", lambda t, a, b: a + b * t, center, width)


def test_mean_and_spread_of_a_linear_family_are_those_of_bayesian_linear_regression():
    family = straight((0.3, 0.0), (0.5, 0.05))
    values = 0.4 + 0.01 * EPOCHS + 0.02 * np.random.default_rng(2).normal(size=len(EPOCHS))
    fit = fit_family(family, EPOCHS, values)
    x, new = np.stack([np.ones_like(EPOCHS), EPOCHS], axis=1), np.array([1.0, 40.0])
    covariance = np.linalg.inv(x.T @ x / fit.noise**2 + np.diag(1 / np.square(family.width)))
    mode = covariance @ (x.T @ values / fit.noise**2 + np.array(family.center) / np.square(family.width))
    mean, std = fit.at(40)
    assert mean == pytest.approx(new @ mode, rel=1e-4)
    assert std == pytest.approx(np.sqrt(new @ covariance @ new + fit.noise**2), rel=1e-3)


@pytest.mark.parametrize(
    ("center", "width"), [((-1.0, 0.1), (0.6, 0.08)), ((0.4, 0.01), (0.3, 0.0003))], ids=["off", "narrow"]
)
def test_evidence_tells_two_priors_apart_by_as_much_as_the_exact_marginal_likelihood(center, width):
    values = 0.4 + 0.01 * EPOCHS + 0.02 * np.random.default_rng(2).normal(size=len(EPOCHS))
    x = np.stack([np.ones_like(EPOCHS), EPOCHS], axis=1)
    families = straight((0.4, 0.0), (0.3, 0.05)), straight(center, width)
    fits = [fit_family(family, EPOCHS, values) for family in families]
    exact = [
        multivariate_normal.logpdf(
            values,
            x @ family.center,
            fits[0].noise ** 2 * np.eye(len(x)) + x @ np.diag(np.square(family.width)) @ x.T,
        )
        for family in families
    ]
    found = fits[0].log_evidence - fits[1].log_evidence
    assert abs(found) > 2
    assert found == pytest.approx(exact[0] - exact[1], rel=0.03)


def test_a_family_that_fits_has_more_evidence():
    values = POW3.curve(EPOCHS, 0.9, log(0.8), log(1.2))
    evidence = {family.name: fit_family(family, EPOCHS, values).log_evidence for family in FAMILIES}
    assert evidence["pow3"] > evidence["log log linear"] + 3


# Mixture -------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 1), st.floats(0.01, 1)), min_size=1, max_size=6))
def test_mean_spread_and_tail_of_a_mixture(parts):
    evidence, means, stds = (np.array(column) for column in zip(*parts, strict=True))
    weights = np.exp(evidence) / np.exp(evidence).sum()
    mixture = Mixture(shares(evidence), list(means), list(stds))
    mean = weights @ means
    assert mixture.mean == pytest.approx(mean)
    assert mixture.std == pytest.approx(np.sqrt(weights @ (stds**2 + means**2) - mean**2), rel=1e-6)
    assert mixture.above(0.5) == pytest.approx(weights @ norm.sf(0.5, means, stds))


# Predictors ----------------------------------------------------------------------------------------

RISING = [0.9 - 0.5 / t for t in range(1, 9)]
KINDS = pytest.mark.parametrize("kind", [PowerLaw, CurveEnsemble])


def test_a_power_law_is_continued():
    prediction = PowerLaw(final_epoch=100, bounds=(0, 1)).predict(history(RISING))
    assert prediction.mean == pytest.approx(0.895, abs=0.02)
    assert abs(prediction.mean - 0.895) < 2 * prediction.std


@KINDS
@settings(max_examples=6, deadline=None)
@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-10, 10))
def test_without_bounds_the_unit_of_the_metric_does_not_matter(kind, scale, shift):
    plain = kind(final_epoch=20).predict(history(RISING))
    other = kind(final_epoch=20).predict(history([scale * (y + shift) for y in RISING]))
    assert other.mean / scale - shift == pytest.approx(plain.mean, abs=1e-3)
    assert other.std / scale == pytest.approx(plain.std, rel=0.02)


@KINDS
@settings(max_examples=8, deadline=None)
@given(values=st.lists(st.floats(0, 1), min_size=3, max_size=6))
def test_any_three_points_give_an_answer_within_bounds(kind, values):
    prediction = kind(final_epoch=50, bounds=(0, 1)).predict(history(values))
    assert 0 <= prediction.mean <= 1
    assert 0 < prediction.std < math.inf
    assert prediction.fallback is None


@KINDS
def test_bounds_are_mirrored_where_smaller_is_better(kind):
    larger = kind(final_epoch=20, bounds=(0, 1)).predict(history(RISING))
    smaller = kind(final_epoch=20, bounds=(0, 1), mode="min").predict(history([1 - y for y in RISING]))
    assert smaller.mean == pytest.approx(1 - larger.mean, rel=1e-6)
    assert smaller.std == pytest.approx(larger.std, rel=1e-6)


@KINDS
@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("bounds", [(-99, math.inf), (-math.inf, 99), (-math.inf, math.inf)])
def test_an_infinite_bound_says_nothing_of_the_scale(kind, mode, bounds):
    seen = history([y if mode == "max" else -y for y in RISING])
    free = kind(final_epoch=20, mode=mode).predict(seen)
    assert kind(final_epoch=20, mode=mode, bounds=bounds).predict(seen) == free


@KINDS
@pytest.mark.parametrize(
    ("mode", "bounds"), [("max", (-math.inf, 0.9)), ("min", (-0.9, math.inf)), ("min", (-math.inf, 0))]
)
def test_a_finite_bound_beside_an_infinite_one_still_holds(kind, mode, bounds):
    # Nearly straight: without the bound each would go on far beyond 0.9.
    sign = 1 if mode == "max" else -1
    seen = history([sign * y for y in (0.1, 0.3, 0.5, 0.7, 0.85)])
    prediction = kind(final_epoch=200, mode=mode, bounds=bounds).predict(seen)
    free = kind(final_epoch=200, mode=mode).predict(seen)
    assert abs(free.mean) > 0.9
    assert bounds[0] <= prediction.mean <= bounds[1]
    assert 0 < prediction.std < math.inf
    assert prediction.mean == pytest.approx(free.mean if 0 in bounds else sign * 0.9, abs=0.02)


@pytest.mark.parametrize(("mode", "bounds"), [("max", (-math.inf, 0.9)), ("min", (-0.9, math.inf))])
def test_each_family_by_itself_stays_within_half_open_bounds(mode, bounds):
    # So those beyond the bound disagree less with those within.
    seen = history([y if mode == "max" else -y for y in (0.1, 0.3, 0.5, 0.7, 0.85)])
    free = CurveEnsemble(final_epoch=200, mode=mode).predict(seen)
    prediction = CurveEnsemble(final_epoch=200, mode=mode, bounds=bounds).predict(seen)
    assert prediction.std < 0.9 * free.std


@KINDS
@pytest.mark.parametrize(("mode", "bounds"), [("max", (0.5, math.inf)), ("min", (-math.inf, -0.5))])
def test_the_worse_end_holds_too(kind, mode, bounds):
    sign = 1 if mode == "max" else -1
    seen = history([sign * y for y in (0.3, 0.2, 0.1, 0.05)])
    prediction = kind(final_epoch=9, mode=mode, bounds=bounds).predict(seen)
    assert prediction.mean == pytest.approx(sign * 0.5, rel=1e-12)


@KINDS
def test_a_constant_curve_stays_where_it_is(kind):
    prediction = kind(final_epoch=30).predict(history([0.5] * 20))
    assert prediction.mean == pytest.approx(0.5, abs=0.01)


@KINDS
def test_with_fewer_points_the_best_value_seen_is_the_answer(kind):
    prediction = kind(final_epoch=9, bounds=(0, 0.6)).predict(history([0.7, 0.5]))
    assert prediction.fallback == "2 of 3 usable val_accuracy values"
    assert prediction.mean == 0.6
    assert prediction.std is None


@KINDS
def test_epochs_that_were_skipped_are_known_to_be_missing(kind):
    sparse = history(RISING[::2], epochs=[1, 3, 5, 7])
    close = kind(final_epoch=50, bounds=(0, 1)).predict(history(RISING)).mean
    assert kind(final_epoch=50, bounds=(0, 1)).predict(sparse).mean == pytest.approx(close, abs=0.05)


@KINDS
def test_more_epochs_make_it_surer(kind):
    stds = [kind(final_epoch=40, bounds=(0, 1)).predict(history(RISING[:n])).std for n in (3, 8)]
    assert stds[1] < stds[0]


@pytest.mark.parametrize("mode", ["max", "min"])
def test_the_probability_of_beating_the_best_falls_as_the_best_gets_better(mode):
    sign = 1 if mode == "max" else -1
    ensemble = CurveEnsemble(final_epoch=30, mode=mode)
    seen = history([sign * y for y in RISING])
    probabilities = [ensemble.probability_better(seen, than=sign * best) for best in (0.5, 0.88, 1.5)]
    assert probabilities[0] > 0.95
    assert 0.02 < probabilities[1] < 0.98
    assert probabilities[2] < 0.05


def test_a_probability_needs_points():
    with pytest.raises(
        ValueError, match=r"^number of usable val_accuracy values must be at least 3, received 1\.$"
    ):
        CurveEnsemble(final_epoch=9).probability_better(history([0.5]), than=0.9)


@KINDS
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"final_epoch": 0}, r"^final_epoch must be at least 1, received 0\.$"),
        ({"final_epoch": 9, "min_points": 1}, r"^min_points must be at least 2, received 1\.$"),
    ],
)
def test_wrong_arguments_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)
