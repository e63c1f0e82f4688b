"""From standings to the metric: exact cases and coverage."""

import numpy as np
import pytest
from scipy.stats import norm, t

from neurocap_search.prediction.combination import final_metric


def made_up(n=400, noise=0.6, seed=0, growth=lambda u: u + 0.3):
    """Return standings, what is seen, and finals that lie around the standings as they say."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=n) * np.sqrt(1 - noise**2)
    truth = mean + noise * rng.normal(size=n)
    seen = np.sort(rng.normal(0.5, 0.1, size=n))
    places = (np.arange(n) + 0.5) / n
    finals = growth(np.interp(norm.cdf(truth), places, seen))
    return mean, np.full(n, noise), rng.permutation(seen), finals


def test_below_three_finished_trials_there_is_no_spread():
    mean, std, seen, finals = made_up(50)
    predicted = final_metric(mean, std, seen, np.array([1, 2]), finals[:2])
    assert predicted.std is None
    assert predicted.mean.shape == (50,)
    assert seen.min() <= predicted.mean.min() <= predicted.mean.max() <= seen.max()


@pytest.mark.parametrize("finished", [5, 20, 100])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_intervals_cover_what_they_say(finished, share):
    hits = []
    for seed in range(30):
        mean, std, seen, finals = made_up(seed=seed)
        known = np.random.default_rng(seed).choice(len(mean), finished, replace=False)
        predicted = final_metric(mean, std, seen, known, finals[known])
        others = np.setdiff1d(np.arange(len(mean)), known)
        off = np.abs(finals[others] - predicted.mean[others]) / predicted.std[others]
        hits.append((off < norm.ppf(0.5 + share / 2)).mean())
    assert np.mean(hits) == pytest.approx(share, abs=0.06)


def test_growth_is_learned_from_finished_trials():
    mean, std, seen, finals = made_up(noise=0.1, growth=lambda u: 2 * u + 1)
    known = np.arange(200)
    predicted = final_metric(mean, std, seen, known, finals[known])
    assert np.corrcoef(predicted.mean[200:], finals[200:])[0, 1] > 0.98
    assert predicted.mean[200:].mean() == pytest.approx(finals[200:].mean(), abs=0.02)


def test_a_better_standing_is_a_better_metric():
    mean, std, seen, finals = made_up()
    predicted = final_metric(mean, std, seen, np.arange(10), finals[:10])
    order = np.argsort(mean)
    assert (np.diff(predicted.mean[order]) >= -1e-12).all()


def test_values_that_are_all_the_same_are_survived():
    predicted = final_metric(np.zeros(5), np.ones(5), np.full(5, 0.5), np.arange(4), np.full(4, 0.7))
    np.testing.assert_allclose(predicted.mean, 0.7)
    assert np.isfinite(predicted.std).all()


def test_slope_and_spread_are_those_of_the_formula():
    rng = np.random.default_rng(4)
    mean, seen = np.sort(rng.normal(size=40)), np.sort(rng.random(40))
    std, finished = np.full(40, 0.6), np.array([5, 12, 20, 30, 36])
    finals = 0.3 + 0.4 * seen[finished] + rng.normal(0, 0.02, 5)
    found = final_metric(mean, std, seen, finished, finals)

    def quantile(z):
        return np.quantile(seen, norm.cdf(z), method="hazen")

    x, y = quantile(mean)[finished], finals
    spread = (quantile(mean + std) - quantile(mean - std)) / 2
    v = np.mean(spread[finished] ** 2)
    slope = (np.cov(x, y, bias=True)[0, 1] * 5 + v / 0.5**2) / (np.var(x) * 5 + v / 0.5**2)
    expected = y.mean() + slope * (quantile(mean) - x.mean())
    np.testing.assert_allclose(found.mean, expected)
    off = np.sum(((y - expected[finished]) / (slope * spread[finished])) ** 2)
    scale = np.sqrt((4 + off) / (4 + 5 - 2) * (1 + 1 / 5))
    widened = t.ppf(0.9, 4 + 5 - 2) / norm.ppf(0.9)
    np.testing.assert_allclose(found.std, slope * spread * scale * widened)


@pytest.mark.parametrize("bounds", [None, (0.0, np.inf), (-np.inf, 1.0)])
def test_without_two_bounds_the_scale_is_straight(bounds):
    mean, std, seen, finals = made_up(50)
    known = np.arange(6)
    found = final_metric(mean, std, seen, known, finals[known], bounds)
    np.testing.assert_equal(found, final_metric(mean, std, seen, known, finals[known]))


def test_between_bounds_it_is_the_same_on_the_logarithm_of_the_odds():
    mean, std, seen, finals = made_up(50)
    known, low, high = np.arange(6), -1.0, 3.0

    def odds(values):
        return np.log((values - low) / (high - values))

    found = final_metric(mean, std, seen, known, finals[known], (low, high))
    expected = final_metric(mean, std, odds(seen), known, odds(finals[known]))
    np.testing.assert_allclose(odds(found.mean), expected.mean)
    ends = [low + (high - low) / (1 + np.exp(-(expected.mean + s * expected.std))) for s in (-1, 1)]
    np.testing.assert_allclose(found.std, (ends[1] - ends[0]) / 2)


def test_nobody_is_predicted_to_reach_a_bound():
    seen = np.linspace(0.1, 0.9, 20)
    mean, known = norm.ppf((np.arange(20) + 0.5) / 20), np.array([2, 6, 10])
    straight = final_metric(mean, np.full(20, 0.5), seen, known, np.array([0.9, 0.95, 1.0]))
    bent = final_metric(mean, np.full(20, 0.5), seen, known, np.array([0.9, 0.95, 1.0]), (0.0, 1.0))
    assert straight.mean.max() > 1.2
    assert 0.95 < bent.mean.max() < 1
    assert (np.diff(bent.mean) >= 0).all()
    assert np.isfinite(bent.std).all()
    assert final_metric(mean, np.full(20, 0.5), seen, known[:2], seen[:2], (0.0, 1.0)).std is None
