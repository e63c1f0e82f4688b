"""The four scores against their formulas, written out in loops or maximised by SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import entropy, ortho_group
from sklearn.metrics import mutual_info_score

from neurocap_search.prediction.transferability import h_score, leep, logme, nce

quickly = settings(max_examples=15, deadline=None, database=None)
seeds = st.integers(0, 2**32 - 1)


def draw(seed, samples=60, width=5, classes=3, signal=1.0):
    """Features that tell something of the labels, probabilities and classes of some other network."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=samples - classes)])
    features = rng.normal(size=(samples, width)) + signal * rng.normal(size=(classes, width))[labels]
    probabilities = softmax(features @ rng.normal(size=(width, 4)), axis=1)
    return features, probabilities, probabilities.argmax(1), labels, rng


def leep_by_loops(probabilities, labels):
    samples, sources = probabilities.shape
    joint = {(y, z): 0.0 for y in set(labels) for z in range(sources)}
    for i in range(samples):
        for z in range(sources):
            joint[labels[i], z] += probabilities[i, z] / samples
    marginal = [sum(joint[y, z] for y in set(labels)) for z in range(sources)]
    logs = [
        math.log(sum(joint[labels[i], z] / marginal[z] * probabilities[i, z] for z in range(sources)))
        for i in range(samples)
    ]
    return sum(logs) / samples


def h_score_by_covariances(features, labels):
    means = np.array([features[labels == y].mean(0) for y in labels])
    return np.trace(np.linalg.inv(np.cov(features.T)) @ np.cov(means.T))


def log_evidence(features, y, alpha, beta):
    """The density of y under its normal distribution, dense."""
    covariance = np.eye(len(y)) / beta + features @ features.T / alpha
    return -0.5 * (
        np.linalg.slogdet(covariance)[1] + y @ np.linalg.solve(covariance, y) + len(y) * math.log(2 * math.pi)
    )


def logme_by_optimisation(features, labels):
    def best(y):
        def loss(point):
            return -log_evidence(features, y, *np.exp(point)) / len(y)

        starts = [(0.0, 0.0), (8.0, 2.0)]
        return min(
            minimize(loss, s, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-11}).fun
            for s in starts
        )

    return -np.mean([best((labels == y).astype(float)) for y in set(labels)])


def logme_by_iteration(features, labels):
    """MacKay's fixed point, as the authors iterate, with their floor under the denominators."""
    samples = len(features)
    variances, vectors = np.linalg.eigh(features.T @ features)
    evidences = []
    for label in set(labels):
        y, alpha, beta = (labels == label).astype(float), 1.0, 1.0
        for _ in range(50):
            mean = vectors @ (vectors.T @ features.T @ y * beta / (alpha + beta * variances))
            known = (beta * variances / (alpha + beta * variances)).sum()
            alpha = known / (mean @ mean + 1e-5)
            beta = (samples - known) / (((y - features @ mean) ** 2).sum() + 1e-5)
        evidences.append(log_evidence(features, y, alpha, beta) / samples)
    return np.mean(evidences)


@quickly
@given(seeds)
def test_leep_is_its_formula(seed):
    _, probabilities, _, labels, _ = draw(seed)
    assert leep(probabilities, labels) == pytest.approx(leep_by_loops(probabilities, labels), abs=1e-12)


@quickly
@given(seeds)
def test_nce_is_the_mutual_information_less_the_entropy_of_the_labels(seed):
    _, _, sources, labels, _ = draw(seed)
    expected = mutual_info_score(labels, sources) - entropy(np.bincount(labels))
    assert nce(sources, labels) == pytest.approx(expected, abs=1e-12)


@quickly
@given(seeds)
def test_leep_of_a_network_sure_of_every_sample_is_nce(seed):
    _, _, sources, labels, _ = draw(seed)
    assert leep(np.eye(4)[sources], labels) == pytest.approx(nce(sources, labels), abs=1e-12)


@quickly
@given(seeds)
def test_leep_is_bounded_by_nce_as_in_its_paper(seed):
    _, probabilities, sources, labels, _ = draw(seed)
    assert leep(probabilities, labels) >= nce(sources, labels) + np.log(probabilities.max(1)).mean() - 1e-12


@quickly
@given(seeds)
def test_h_score_is_the_trace_of_its_covariances(seed):
    features, _, _, labels, _ = draw(seed)
    score = h_score(features, labels)
    assert score == pytest.approx(h_score_by_covariances(features, labels), rel=1e-9)
    assert 0 <= score <= 2


def shrunk_h_score_by_covariances(features, labels):
    from sklearn.covariance import LedoitWolf

    fitted = LedoitWolf().fit(features)
    means = np.array([features[labels == y].mean(0) for y in labels])
    between = np.cov(means.T, bias=True)
    return np.trace(np.linalg.inv(fitted.covariance_) @ ((1 - fitted.shrinkage_) * between))


def test_shrunk_h_score_is_its_formula():
    features, _, _, labels, _ = draw(1, samples=30, width=8)
    expected = shrunk_h_score_by_covariances(features, labels)
    assert h_score(features, labels, shrinkage=True) == pytest.approx(expected, rel=1e-10)


def test_two_samples_are_not_shrunk():
    # Nor is their covariance of full rank: the score is the plain one.
    features = [[0.1, 1.0, 2.0], [0.1, 3.0, 5.0]]
    assert h_score(features, [0, 1], shrinkage=True) == pytest.approx(h_score(features, [0, 1])) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_rounding_of_a_constant_feature_leaves_the_shrunk_h_score(dtype):
    # Not the score without it: what the covariance is shrunk to is the mean variance of all features.
    features, _, _, labels, _ = draw(1, samples=30, width=8)
    features = features.astype(dtype)
    exact = np.concatenate([features, np.zeros((30, 1), dtype)], axis=1)
    rounded = np.concatenate([features, np.full((30, 1), 0.1, dtype)], axis=1)
    expected = shrunk_h_score_by_covariances(exact.astype(float), labels)
    assert h_score(rounded, labels, shrinkage=True) == pytest.approx(expected, rel=1e-10)
    assert expected != pytest.approx(h_score(features, labels, shrinkage=True), rel=1e-3)


def test_shrinkage_tells_networks_apart_that_the_plain_h_score_cannot():
    noise, signal = (draw(2, samples=20, width=50, signal=s)[0] for s in (0.0, 3.0))
    labels = draw(2, samples=20, width=50)[3]
    assert h_score(noise, labels) == pytest.approx(2) == h_score(signal, labels)
    assert h_score(noise, labels, shrinkage=True) < h_score(signal, labels, shrinkage=True) - 0.5


@pytest.mark.parametrize(("samples", "width"), [(30, 3), (24, 12), (15, 15), (10, 25)])
def test_logme_is_the_largest_evidence(samples, width):
    features, _, _, labels, _ = draw(0, samples, width)
    assert logme(features, labels) == pytest.approx(logme_by_optimisation(features, labels), abs=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_logme_is_about_what_the_authors_iterate_to_and_never_less(seed):
    features, _, _, labels, _ = draw(seed)
    theirs = logme_by_iteration(features, labels)
    assert theirs - 1e-12 <= logme(features, labels) <= theirs + 1e-3


SCORES = {
    "leep": lambda f, p, s, y: leep(p, y),
    "nce": lambda f, p, s, y: nce(s, y),
    "logme": lambda f, p, s, y: logme(f, y),
    "h_score": lambda f, p, s, y: h_score(f, y),
    "shrunk": lambda f, p, s, y: h_score(f, y, shrinkage=True),
}


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@settings(max_examples=10, deadline=None, database=None)
@given(seed=seeds)
def test_neither_the_order_of_samples_nor_the_names_of_classes_matter(score, seed):
    features, probabilities, sources, labels, rng = draw(seed)
    expected = score(features, probabilities, sources, labels)
    order, names = rng.permutation(len(labels)), rng.permutation(100)
    moved = score(features[order], probabilities[order], names[sources[order]], names[labels[order]])
    assert moved == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("score", [logme, h_score, lambda f, y: h_score(f, y, shrinkage=True)])
@settings(max_examples=10, deadline=None, database=None)
@given(seed=seeds)
def test_turning_the_features_changes_nothing(score, seed):
    features, _, _, labels, rng = draw(seed)
    turned = features @ ortho_group.rvs(5, random_state=rng)
    assert score(turned, labels) == pytest.approx(score(features, labels), rel=1e-9, abs=1e-12)


@settings(max_examples=10, deadline=None, database=None)
@given(seed=seeds)
def test_any_invertible_map_and_shift_leave_the_h_score(seed):
    features, _, _, labels, rng = draw(seed)
    mapped = features @ (rng.normal(size=(5, 5)) + 4 * np.eye(5)) + rng.normal(size=5)
    assert h_score(mapped, labels) == pytest.approx(h_score(features, labels), rel=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dead_and_repeated_features_leave_the_h_score(dtype):
    features, _, _, labels, _ = draw(3)
    features = features.astype(dtype)
    padded = np.concatenate([features, 0.1 + 0 * features, features[:, :1] + features[:, 1:2]], 1)
    assert h_score(padded, labels) == pytest.approx(h_score(features, labels), rel=1e-5)


@pytest.mark.parametrize("value", [0.1, -1e9 / 3, np.float32(0.1)])
def test_of_constant_features_the_h_score_is_0(value):
    labels = np.arange(12) % 3
    flat = np.full((12, 4), value)
    assert h_score(flat, labels) == h_score(flat, labels, shrinkage=True) == 0


def test_features_that_tell_nothing_at_all():
    labels = np.arange(12) % 3
    flat = np.zeros((12, 4))
    assert h_score(flat, labels) == h_score(flat, labels, shrinkage=True) == 0
    third = np.mean(1.0 * (labels == 0))
    assert logme(flat, labels) == pytest.approx(-0.5 * (math.log(2 * math.pi * third) + 1))


def test_an_exact_linear_function_scores_high_but_finite():
    labels = np.arange(30) % 3
    assert 5 < logme(np.eye(3)[labels], labels) < 50


@pytest.mark.parametrize(
    ("score", "first", "labels", "message"),
    [
        (
            leep,
            [[0.5, 0.5]],
            [[1]],
            r"labels: expected shape \(N,\) with N of at least 1, received \(1, 1\); flatten",
        ),
        (nce, [], [], r"source_labels: expected shape \(N,\) .* received \(0,\)"),
        (nce, [1, 2], [0.0, 1.0], r"labels: expected integers, received float64; number the classes 0, 1, 2"),
        (nce, [1, 2, 3], [0, 1], r"source_labels: expected one a label \(2\), received 3; pass both"),
        (
            logme,
            [[1.0], [2.0]],
            [0, 1, 1],
            r"features: expected shape \(3, D\), one row a label, received \(2, 1\)",
        ),
        (
            h_score,
            [1.0, 2.0],
            [0, 1],
            r"features: expected shape \(2, D\).* received \(2,\); pool or flatten",
        ),
        (h_score, [[1.0], [math.nan]], [0, 1], r"features: .* received 1 infinite or NaN of 2; leave those"),
        (
            leep,
            [[1.5, -0.5]],
            [0],
            r"source_probabilities: expected no negative value, received -0\.500; apply softmax",
        ),
        (
            leep,
            [[0.5, 0.5], [3.0, 1.0]],
            [0, 1],
            r"expected rows that sum to 1, received 4\.000; apply softmax",
        ),
    ],
)
def test_wrong_arguments_are_refused(score, first, labels, message):
    with pytest.raises(ValueError, match=message):
        score(first, labels)
