"""Coverage of the stated spread."""

from math import inf, nan

import numpy as np
import pytest
from scipy import stats

from neurocap_search.comparison.results import Guess
from neurocap_search.comparison.statistics.calibration import calibration


def test_a_true_spread_covers_what_it_says_and_a_narrow_one_what_theory_says():
    finals = np.random.default_rng(0).normal(0.5, 0.1, size=4_000)
    for factor in (1.0, 0.5):
        found = calibration([Guess(1, 0.5, 0.1 * factor, final, False) for final in finals])
        for coverage in found:
            reach = factor * stats.norm.ppf((1 + coverage.level) / 2)
            assert coverage.observed.value == pytest.approx(2 * stats.norm.cdf(reach) - 1, abs=0.02)
            assert coverage.observed.low < coverage.observed.value < coverage.observed.high


def test_epochs_are_told_apart_and_unknown_ones_left_out():
    rows = [(3, 0.1, 0.5), (1, nan, 0.5), (1, 0.1, nan), (1, 0.0, 0.5), (1, 0.0, 0.6), (1, inf, 0.5)]
    guesses = [Guess(epoch, 0.5, std, final, False) for epoch, std, final in rows]
    found = calibration(guesses, levels=[0.8])
    assert [(c.epoch, c.observed.value, c.guesses) for c in found] == [(1, 0.5, 2), (3, 1.0, 1)]
    assert calibration([]) == []
