"""Average ranks and Nemenyi's critical difference, beside Demsar's published example and SciPy."""

import numpy as np
import pytest
from scipy import stats

from neurocap_search.comparison.statistics.ranks import average_ranks, critical_difference
from tests.comparison.runs import results

# Demsar 2006, table 6: AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 data sets.
DEMSAR = {
    "C4.5": [.763, .599, .954, .628, .882, .936, .661, .583, .775, 1.0, .940, .619, .972, .957],
    "C4.5+m": [.768, .591, .971, .661, .888, .931, .668, .583, .838, 1.0, .962, .666, .981, .978],
    "C4.5+cf": [.771, .590, .968, .654, .886, .916, .609, .563, .866, 1.0, .965, .614, .9751, .946],
    "C4.5+m+cf": [.798, .569, .967, .657, .898, .931, .685, .625, .875, 1.0, .962, .669, .975, .970],
}  # fmt: skip


def test_demsars_example():
    """Published: ranks 3.143, 2.000, 2.893, 1.964; critical difference 1.25."""
    regrets = {name: [1 - value for value in values] for name, values in DEMSAR.items()}
    found = average_ranks(results(regrets))
    assert {name: round(rank, 3) for name, rank in found.ranks.items()} == {
        "C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143,
    }  # fmt: skip
    assert list(found.ranks) == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*DEMSAR.values()).pvalue)
    assert (found.blocks, found.note) == (14, None)


@pytest.mark.parametrize(("rules", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_quantiles_are_those_of_demsars_table_5(rules, q):
    assert critical_difference(rules, 6) == pytest.approx(q * np.sqrt(rules * (rules + 1) / 36), abs=0.002)


def test_few_pools_are_called_few():
    assert average_ranks(results({"a": [0.1], "b": [0.2]})).note == (
        "1 pool(s) and 2 rule(s): too few to say which ranks differ"
    )
    four = average_ranks(results({"a": [0.1] * 4, "b": [0.2] * 4, "c": [0.2] * 4}))
    assert dict(four.ranks) == {"a": 1.0, "b": 2.5, "c": 2.5}
    assert four.note == "only 4 pools: the critical difference is a rough approximation below 10"
    assert average_ranks(results({name: [0.1] * 4 for name in "abc"})).friedman_p == 1.0
