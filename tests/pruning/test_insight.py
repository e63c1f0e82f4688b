"""What a policy has learned, told to whoever asks."""

import json
from math import comb, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocap_search.prediction import Report
from neurocap_search.prediction.combination import GROUPS, SIGNALS
from neurocap_search.pruning import (
    GuardedPolicy,
    Insight,
    LearnedHalvingPolicy,
    SignalShares,
    SizeClassPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.pruning.audit import Estimates
from neurocap_search.pruning.insight import pooled

NAMES = [signal.name for signal in SIGNALS]


def learned(_=None, *, audit=1.0):
    return LearnedHalvingPolicy(metric="acc", max_t=4, audit=audit)


def search(policy, trials=24, seed=0):
    """Train trials of two sizes to the end, or to where the policy stops them."""
    random = np.random.default_rng(seed)
    for number in range(trials):
        key, quality = str(number), random.uniform(0.2, 0.9)
        policy.on_add(key)
        for epoch in range(1, 5):
            acc = quality * (1 - 0.5**epoch) + random.normal(0, 0.05)
            numbers = {"acc": acc, "train_loss": 1 - acc, "beta_eff": random.normal()}
            report = Report(epoch, numbers | {"parameters": 10.0 if number % 3 else 10_000.0 + number})
            if policy.on_report(key, report).pruned:
                break
        policy.on_complete(key, report)
    return policy


def test_a_learning_policy_tells_contributions_and_audit() -> None:
    policy = search(learned())
    insight = policy.insight()
    assert {rung.epoch: rung.shares for rung in insight.rungs} == policy.contributions()
    assert [(rung.epoch, rung.trials) for rung in insight.rungs] == [(1, 24), (2, 24)]
    assert insight.audit == policy.audit()
    assert insight.audit.trials == 24
    for rung in insight.rungs:
        assert sum(rung.shares.values()) == pytest.approx(1)
        assert sum(rung.by_group.values()) == pytest.approx(1)
        assert rung.by_group["graph"] == 0, "nothing of it was reported"


def test_asking_changes_nothing() -> None:
    policy, steady = search(learned()), search(learned())
    policy.insight()
    assert json.dumps(policy.state_dict()) == json.dumps(steady.state_dict())


def test_wrappers_pass_the_question_on() -> None:
    inner = search(learned())
    assert GuardedPolicy(inner, metric="acc", patience=1).insight() == inner.insight()
    other = SuccessiveHalvingPolicy(metric="acc", max_t=4)
    assert other.insight() is GuardedPolicy(other, metric="acc", patience=1).insight() is None
    assert SizeClassPolicy(lambda _: SuccessiveHalvingPolicy(metric="acc", max_t=4)).insight() is None


def test_size_classes_are_pooled_by_their_trials_and_pairs() -> None:
    made = []

    def make(number):
        made.append(learned())
        return made[-1]

    policy = search(SizeClassPolicy(make))
    insight = policy.insight()
    assert insight is not None
    used = [part.insight() for part in made if part.insight().rungs]
    assert sorted(part.rungs[0].trials for part in used) == [8, 16]
    assert insight.policies == 2
    assert [rung.trials for rung in insight.rungs] == [24, 24]
    for name, share in insight.rungs[0].shares.items():
        by_trial = [part.rungs[0].shares[name] for part in used for _ in range(part.rungs[0].trials)]
        assert share == pytest.approx(np.mean(by_trial))
    # Literally: the mean over all pairs of trials that were compared with each other.
    pairs = [part.audit.predicted for part in used for _ in range(comb(part.audit.trials, 2))]
    assert insight.audit.predicted == pytest.approx(np.mean(pairs))
    assert insight.audit.trials == 24
    of_trials = [part.audit.wrongly_pruned for part in used for _ in range(part.audit.trials)]
    assert insight.audit.wrongly_pruned == pytest.approx(np.mean(of_trials))


def test_before_any_trial_nothing_is_claimed() -> None:
    for policy in (learned(), SizeClassPolicy(learned)):
        insight = policy.insight()
        assert insight is not None
        assert (insight.rungs, insight.policies, insight.audit.trials) == ((), 1, 0)
        assert isnan(insight.audit.predicted)


numbers = st.floats(-1, 1)
insights = st.builds(
    Insight,
    st.lists(
        st.builds(
            SignalShares,
            st.integers(1, 9),
            st.integers(1, 99),
            st.dictionaries(st.sampled_from(NAMES), numbers),
        ),
        max_size=3,
        unique_by=lambda rung: rung.epoch,
    ).map(tuple),
    st.builds(Estimates, st.integers(2, 50), numbers, numbers, st.floats(0, 1)),
    st.just(1),
    st.integers(0, 1),
)


@given(insights)
def test_json_loses_nothing(insight: Insight) -> None:
    assert Insight.from_json(json.loads(json.dumps(insight.to_json(), allow_nan=False))) == insight


def test_json_keeps_what_is_not_known() -> None:
    insight = Insight((), Estimates(1, nan, nan, nan))
    again = Insight.from_json(json.loads(json.dumps(insight.to_json(), allow_nan=False)))
    assert repr(again) == repr(insight)


@given(insights)
def test_an_insight_pooled_alone_or_with_an_empty_one_stays_itself(insight: Insight) -> None:
    empty = Insight((), Estimates(0, nan, nan, nan))
    for several in ([insight], [empty, insight]):
        found = pooled(several)
        assert found is not None
        if insight.rungs:
            assert sorted(insight.rungs)[0].trials == found.rungs[0].trials
            assert tuple(found.audit) == pytest.approx(tuple(insight.audit))
            assert found.by_metric == insight.by_metric


@given(insights)
def test_groups_add_up_to_their_signals(insight: Insight) -> None:
    for rung in insight.rungs:
        for group, names in GROUPS.items():
            assert rung.by_group[group] == pytest.approx(sum(rung.shares.get(name, 0) for name in names))


@pytest.mark.parametrize(
    ("audit", "policies", "by_metric", "words"),
    [
        ((0, nan, nan, nan), 1, 0, "No trial that was exempt from pruning has finished"),
        ((1, nan, nan, nan), 1, 0, "Only 1 of the trials exempt from pruning finished: too few to say."),
        (
            (7, 0.5, 0.4, 0.25),
            1,
            0,
            "7 trials were exempt from pruning, to check on the prediction, too few to rely on:",
        ),
        (
            (9, 0.5, 0.4, 0.25),
            1,
            0,
            "correlation of 0.50 with their finals, the metric seen with 0.40 (Kendall)",
        ),
        ((9, 0.5, 0.4, 0.25), 1, 0, "25% of their best fifth would have been pruned"),
        ((9, 0.5, 0.4, 0.25), 1, 0, "pruned. The combination decides."),
        ((9, 0.3, 0.4, 0.0), 1, 1, " The metric decides, because the prediction ranks no better."),
        (
            (9, 0.3, 0.4, 0.0),
            3,
            2,
            " In 2 of 3 classes the metric decides, because the prediction ranks no better.",
        ),
    ],
)
def test_the_sentence_says_how_much_is_known_and_what_decides(audit, policies, by_metric, words) -> None:
    assert words in Insight((), Estimates(*audit), policies, by_metric).sentence


def test_a_policy_that_fell_back_to_the_metric_says_so() -> None:
    """Trained so that the metric is right and all else is wrong; only what finishes tells it."""
    policy = LearnedHalvingPolicy(metric="acc", max_t=4, audit=1.0)
    random = np.random.default_rng(3)
    for number in range(16):
        key, quality = str(number), float(random.uniform(0.2, 0.9))
        policy.on_add(key)
        for epoch in range(1, 5):
            wrong = {"train_accuracy": 1 - quality, "train_loss": quality, "val_loss": quality}
            report = Report(epoch, {"acc": quality, "parameters": 1 / quality, **wrong})
            policy.on_report(key, report)
        policy.on_complete(key, report)
    insight = policy.insight()
    assert insight.by_metric == 1
    assert not policy.audit().trustworthy
    assert insight.sentence.endswith("The metric decides, because the prediction ranks no better.")
