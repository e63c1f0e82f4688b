"""The audit: who is drawn, and what those who finished say."""

import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from neurocap_search.pruning.audit import Arrival, Audit, Estimates


def audited(count, seed=0):
    """Return an audit of which ``count`` trials have finished, their predictions, metrics and finals."""
    rng = np.random.default_rng(seed)
    predicted, seen, finals = rng.random((3, count))
    audit = Audit(1.0, seed=0)
    for k in range(count):
        audit.draw(f"t{k}")
        audit.arrive(f"t{k}", Arrival(predicted[k], seen[k]))
        if predicted[k] <= 0.5:
            audit.prune(f"t{k}")
        audit.finish(f"t{k}", finals[k])
    return audit, predicted, seen, finals


def test_the_share_is_drawn_by_the_seed_before_anything_is_reported():
    audits = [Audit(0.05, seed) for seed in (0, 0, 1)]
    draws = [[audit.draw(f"t{k}") for k in range(400)] for audit in audits]
    assert draws[0] == draws[1] != draws[2]
    many = Audit(0.05, seed=3)
    drawn = [many.draw(f"t{k}") for k in range(4000)]
    assert np.mean(drawn) == pytest.approx(0.05, abs=0.012)
    assert [many.draw(f"t{k}") for k in range(4000)] == drawn  # asking again draws nothing


@pytest.mark.parametrize(("share", "all_or_none"), [(0.0, False), (1.0, True)])
def test_nobody_or_everybody(share, all_or_none):
    audit = Audit(share, seed=0)
    assert {audit.draw(f"t{k}") for k in range(100)} == {all_or_none}


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match=f"audit must be a share from 0 to 1, received {share}"):
        Audit(share, seed=0)


def test_estimates_are_those_of_scipy_and_a_plain_count():
    audit, predicted, seen, finals = audited(30)
    estimates = audit.estimates()
    assert estimates.trials == 30
    assert estimates.predicted == pytest.approx(kendalltau(predicted, finals).statistic)
    assert estimates.seen == pytest.approx(kendalltau(seen, finals).statistic)
    wrongly = (predicted <= 0.5)[finals >= np.quantile(finals, 0.8)]
    assert estimates.wrongly_pruned == pytest.approx(wrongly.mean())


def test_who_came_to_nothing_ends_last_and_counts():
    audit, predicted, seen, finals = audited(30)
    for k in (3, 7):
        audit.fail(f"t{k}")
        finals[k] = -9
    estimates = audit.estimates()
    assert estimates.trials == 30
    assert estimates.predicted == pytest.approx(kendalltau(predicted, finals).statistic)
    assert estimates.seen == pytest.approx(kendalltau(seen, finals).statistic)


def test_who_is_tried_again_counts_by_its_end():
    audit, *_ = audited(12)
    before = audit.estimates()
    final = audit.to_json()["finals"]["t3"]
    audit.fail("t3")
    audit.revive("t3")
    assert audit.estimates().trials == 11
    audit.finish("t3", final)
    assert audit.estimates().predicted == pytest.approx(before.predicted)
    audit.revive("t3")  # it has not come to nothing
    assert audit.estimates().trials == 12


def test_who_has_no_place_by_now_counts_as_pruned():
    audit, predicted, _, finals = audited(30)
    best = int(np.argmax(finals * (predicted > 0.5)))
    assert finals[best] >= np.quantile(finals, 0.8)
    more = audit.estimates([f"t{best}"]).wrongly_pruned - audit.estimates().wrongly_pruned
    assert more == pytest.approx(1 / 6)


def test_before_two_have_finished_nothing_is_known():
    for count in (0, 1):
        estimates = audited(count)[0].estimates()
        assert estimates.trials == count
        assert np.isnan([estimates.predicted, estimates.seen, estimates.wrongly_pruned]).all()
        assert estimates.trustworthy


def test_who_is_not_audited_leaves_no_trace():
    audit = Audit(0.0, seed=0)
    audit.draw("a")
    audit.finish("a", 0.5)
    assert audit.estimates().trials == 0


@pytest.mark.parametrize(
    ("trials", "predicted", "seen", "trusted"),
    [
        (7, 0.1, 0.9, True),
        (8, 0.5, 0.4, True),
        (8, 0.4, 0.4, False),
        (8, 0.1, 0.3, False),
        (80, 0.0, 0.0, False),
    ],
)
def test_eight_trials_may_take_the_trust_away(trials, predicted, seen, trusted):
    assert Estimates(trials, predicted, seen, 0.0).trustworthy is trusted


def test_a_saved_audit_goes_on_as_if_nothing_had_happened():
    audit, *_ = audited(12)
    audit.fail("t5")
    other = Audit(1.0, seed=9)
    other.load_json(json.loads(json.dumps(audit.to_json(), allow_nan=False)))
    assert other.estimates() == audit.estimates()
    assert [other.draw(f"new{k}") for k in range(50)] == [audit.draw(f"new{k}") for k in range(50)]
    assert other.to_json() == audit.to_json()


def test_it_reads_as_a_sentence():
    assert str(Estimates(10, 0.61, 0.5, 0.1)) == (
        "10 audited trials: rank correlation 0.61 by prediction, 0.50 by the metric, "
        "10% of the best fifth pruned"
    )
