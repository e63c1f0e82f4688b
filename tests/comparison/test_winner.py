"""Would it have killed the winner? Counted by hand."""

import math

import pytest
from scipy import stats

from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.winner import winner_pruned
from tests.comparison.runs import run


def test_share_epochs_and_cost():
    pruned = {(0, 0): 1, (0, 1): None, (1, 0): 3, (1, 1): 3}
    runs = [run("a", p, 0.0 if at is None else 0.02, seed=s, pruned_at=at) for (p, s), at in pruned.items()]
    found = winner_pruned(Results(tuple(runs)), resamples=500)[0]
    assert found.share.value == 0.75
    assert dict(found.by_epoch) == {1: 0.25, 3: 0.5}
    assert found.cost == pytest.approx(0.02)
    assert (found.units, found.runs) == (2, 4)


@pytest.mark.parametrize(("at", "share"), [(None, 0.0), (2, 1.0)])
def test_never_and_always_in_few_pools_do_not_look_certain(at, share):
    found = winner_pruned(Results(tuple(run("a", p, 0.0, pruned_at=at) for p in range(8))), resamples=500)[0]
    wilson = stats.binomtest(int(8 * share), 8).proportion_ci(method="wilson")
    assert found.share == pytest.approx((share, wilson.low, wilson.high))
    assert math.isnan(found.cost) == (at is None)
