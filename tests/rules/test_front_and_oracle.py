"""The bounds from below and above: stop everybody after i epochs, and know the finals beforehand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.comparison.config import DEFAULT_RULES
from neurocap_search.errors import UserError
from neurocap_search.rules import RuleContext, i_epoch_front, make_rule
from neurocap_search.rules.oracle import OraclePolicy
from neurocap_search.traces.replayed import End
from tests.rules.streams import random_stream, replay, trace


def accuracy(made, epoch):
    return made.reports[epoch - 1].get("val_accuracy")


def completed(result):
    return {int(key) for key, trial in result.trials.items() if trial.end is End.COMPLETED}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    trials=st.integers(1, 30),
    workers=st.integers(1, 6),
    epochs=st.integers(1, 8),
    keep=st.none() | st.integers(1, 5),
    mode=st.sampled_from(["max", "min"]),
)
def test_after_i_epochs_the_best_few_of_all_finish(seed, trials, workers, epochs, keep, mode):
    stream, sign = random_stream(trials, 9, seed), 1 if mode == "max" else -1
    name = f"i_epoch:{epochs}" if keep is None else f"i_epoch:{epochs}:{keep}"
    result = replay(name, stream, RuleContext(mode=mode, max_t=9), workers)
    best = sorted(range(trials), key=lambda k: -sign * accuracy(stream[k], epochs))[: keep or 3]
    assert completed(result) == set(best)
    assert result.epochs == epochs * trials + (9 - epochs) * len(best)


@settings(max_examples=60, deadline=None)
@given(
    finals=st.lists(st.integers(0, 5).map(lambda k: k / 5) | st.just(math.nan), min_size=1, max_size=20),
    failed=st.sets(st.integers(0, 19)),
    workers=st.integers(1, 6),
    mode=st.sampled_from(["max", "min"]),
)
def test_the_oracle_trains_the_first_of_the_best_and_begins_the_others(finals, failed, workers, mode):
    stream = [
        trace(k, [0.5, 0.5], failure="out of memory") if k in failed else trace(k, [0.5, 0.5, final])
        for k, final in enumerate(finals)
    ]
    result = replay("oracle", stream, RuleContext(mode=mode, max_t=3, stream=stream), workers)
    ends = [k for k, final in enumerate(finals) if k not in failed and math.isfinite(final)]
    if not ends:
        assert completed(result) == set()
        assert result.epochs == len(finals)
        return
    best = (max if mode == "max" else min)(finals[k] for k in ends)
    assert completed(result) == {next(k for k in ends if finals[k] == best)}
    assert result.epochs == len(finals) - 1 + 3


@pytest.mark.parametrize("name", [*DEFAULT_RULES, *i_epoch_front(9), "full"])
def test_no_rule_is_below_the_oracle(name):
    stream = random_stream(30)
    context = RuleContext(max_t=9, stream=stream, trials=30)
    bound, result = replay("oracle", stream, context, 4), replay(name, stream, context, 4)
    (best,) = completed(bound)
    assert max(accuracy(stream[k], 9) for k in completed(result)) <= accuracy(stream[best], 9)
    assert result.epochs >= bound.epochs


def test_the_oracle_says_what_it_knows():
    policy = make_rule("oracle").policy(RuleContext(max_t=2, stream=[trace(0, [0.5, math.nan])]))
    assert isinstance(policy, OraclePolicy)
    assert policy.on_report("0", random_stream(1)[0].reports[0]).reason == "epoch 1: no trial ends well"


def test_a_training_that_is_over_early_counts_and_one_that_failed_does_not():
    stream = [trace(0, [0.5] * 9), trace(1, [0.5, 0.8]), trace(2, [0.5, 0.9], failure="out of memory")]
    result = replay("oracle", stream, RuleContext(max_t=9, stream=stream))
    assert completed(result) == {1}


def test_there_is_no_oracle_in_a_live_search():
    with pytest.raises(
        UserError, match=r"^Rule 'oracle' knows how recorded .* in a live search: leave it out\.$"
    ):
        make_rule("oracle").policy(RuleContext(max_t=9))
