"""Regret of the best so far, beside a walk through the runs by hand."""

import numpy as np
import pytest

from neurocap_search.comparison.results import Incumbent, Results
from neurocap_search.comparison.statistics.incumbents import incumbent_curves, interquartile_mean
from tests.comparison.runs import run

FOUND = (Incumbent(2.0, 10, 0.8), Incumbent(5.0, 40, 0.88))


def curves(runs, **more):
    return incumbent_curves(Results(tuple(runs)), resamples=200, **more)


def test_it_falls_when_a_better_network_is_fully_trained():
    runs = [run("a", 0, 0.02, seconds=8.0, incumbents=FOUND)]
    curve = curves(runs, grid=[0.0, 1.9, 2.0, 4.0, 5.0, 8.0])[0]
    assert curve.regret == pytest.approx([0.2, 0.2, 0.1, 0.1, 0.02, 0.02])
    assert np.isnan(curve.low).all()
    by_epochs = curves(runs, grid=[0.05, 0.1, 0.4], axis="epochs")[0]
    assert by_epochs.regret == pytest.approx([0.2, 0.1, 0.02])


def test_pools_are_averaged_after_their_seeds():
    runs = [run("a", 0, 0.02, seed=s, incumbents=FOUND[: s + 1]) for s in range(2)] + [run("a", 1, 0.2)]
    curve = curves(runs, grid=[9.0])[0]
    assert curve.regret == pytest.approx([((0.1 + 0.02) / 2 + 0.2) / 2])
    assert curve.units == 2
    assert curve.low[0] <= curve.regret[0] <= curve.high[0]


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end():
    values = np.array([[5.0], [1.0], [2.0], [100.0], [3.0], [4.0], [0.0], [6.0]])
    assert interquartile_mean(values, np.full((1, 8), 1 / 8)) == pytest.approx(np.array([[3.5]]))
    two = np.array([[0.75, 0.25]])  # three quarters of the weight at 0, one at 10: the middle half is all 0
    assert interquartile_mean(np.array([[0.0], [10.0]]), two) == pytest.approx(np.array([[0.0]]))


def test_the_grid_goes_to_the_end_of_the_longest_run_of_the_largest_number_of_workers():
    runs = [run(rule, 0, 0.1, workers=w, seconds=s) for rule in "ab" for w, s in ((1, 99.0), (4, 20.0))]
    found = curves(runs, grid=5)
    assert [curve.grid.tolist() for curve in found] == [[0.0, 5.0, 10.0, 15.0, 20.0]] * 2
    assert {curve.workers for curve in found} == {4}
    assert curves(runs, grid=5, workers=1)[0].grid[-1] == 99.0
