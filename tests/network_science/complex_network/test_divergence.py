import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from neurocap_search.network_science.complex_network.divergence import (
    drop_outliers,
    jeffreys_divergence,
    without_infinities,
)

samples = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=2, max_size=30)


def literally(p_sample, q_sample, grid):
    """The sum of the paper's code, with its own kernel density estimate."""

    def density(sample, points):
        width = np.std(sample, ddof=1) * len(sample) ** -0.2
        kernels = np.exp(-0.5 * ((points[:, None] - sample) / width) ** 2)
        return kernels.sum(1) / (len(sample) * width * math.sqrt(2 * math.pi))

    joint = np.concatenate([p_sample, q_sample])
    points = np.linspace(joint.min(), joint.max(), grid)
    p, q = density(np.asarray(p_sample), points), density(np.asarray(q_sample), points)
    return sum(a * math.log(a / b) + b * math.log(b / a) for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0, 3.0])
@pytest.mark.parametrize("grid", [50, 1000])
def test_it_is_the_sum_of_the_paper(shift, grid):
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=200), rng.normal(shift, 1.5, size=150)
    assert jeffreys_divergence(p, q, grid) == pytest.approx(literally(p, q, grid), rel=1e-9)


def test_the_default_grid_has_1000_points_and_scipy_agrees_on_the_density():
    rng = np.random.default_rng(1)
    p, q = rng.normal(size=30), rng.normal(size=40)
    assert jeffreys_divergence(p, q) == jeffreys_divergence(p, q, 1000)
    points = np.linspace(min(p.min(), q.min()), max(p.max(), q.max()), 1000)
    a, b = gaussian_kde(p)(points), gaussian_kde(q)(points)
    expected = np.sum(a * np.log(a / b)) + np.sum(b * np.log(b / a))
    assert jeffreys_divergence(p, q) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=50, deadline=None, database=None)
@given(samples, samples)
def test_it_is_symmetric_never_negative_and_zero_for_equal_samples(p, q):
    assume(len(set(p)) > 1 and len(set(q)) > 1)
    found = jeffreys_divergence(p, q, 50)
    assert found >= 0
    assert found == jeffreys_divergence(q, p, 50)
    assert jeffreys_divergence(p, p, 50) == 0.0


def test_samples_far_apart_diverge_infinitely():
    assert jeffreys_divergence([0.0, 1.0], [1e6, 1e6 + 1]) == math.inf


@pytest.mark.parametrize(
    ("p", "q", "grid", "message"),
    [
        ([1.0], [1.0, 2.0], 10, r"p_sample: expected two or more different values, received 1 value\(s\)"),
        (
            [1.0, 2.0],
            [3.0, 3.0],
            10,
            r"q_sample: expected two or more .* received 2 value\(s\), all equal; a",
        ),
        ([], [3.0, 3.0], 10, r"p_sample: .* received 0 value"),
        (
            [1.0, math.nan],
            [1.0, 2.0],
            10,
            "p_sample: expected finite values, received 1 infinite or NaN of 2; l",
        ),
        ([1.0, 2.0], [1.0, 2.0], 1, "grid: expected at least 2 points, received 1; the paper uses 1000"),
    ],
)
def test_what_has_no_density_is_refused(p, q, grid, message):
    with pytest.raises(ValueError, match=message):
        jeffreys_divergence(p, q, grid)


@settings(max_examples=50, deadline=None, database=None)
@given(samples, st.floats(0.5, 4.0))
def test_outliers_are_those_beyond_m_standard_deviations(sample, m):
    assume(max(sample) > min(sample))
    mean, std = np.mean(sample), np.std(sample)
    assert drop_outliers(sample, m).tolist() == [x for x in sample if abs(x - mean) < m * std]


def test_no_m_and_a_constant_sample_keep_everything():
    assert drop_outliers([[1.0, 2.0], [900.0, 1.0]], None).tolist() == [1.0, 2.0, 900.0, 1.0]
    assert drop_outliers([0.1] * 3, 3.0).tolist() == [0.1] * 3
    assert drop_outliers([], 3.0).tolist() == []


@pytest.mark.parametrize("m", [0.0, -1.0, math.nan])
def test_a_wrong_m_is_refused(m):
    with pytest.raises(ValueError, match="m: expected a number above 0 or None, received"):
        drop_outliers([1.0, 2.0], m)


def test_infinities_become_the_largest_plus_one():
    assert without_infinities([[0.0, math.inf], [7.0, 2.0]]).tolist() == [[0.0, 8.0], [7.0, 2.0]]
    assert without_infinities([math.inf]).tolist() == [1.0]
