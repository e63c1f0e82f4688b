"""The median rule against a computation over all reports."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, MedianPolicy


def policy(**arguments):
    return MedianPolicy(**({"metric": "acc", "max_t": 9, "min_trials": 1} | arguments))


def report(epoch, acc):
    return Report(epoch, {"acc": acc})


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    trials=st.integers(1, 8),
    mode=st.sampled_from(["max", "min"]),
    grace=st.integers(1, 4),
    least=st.integers(1, 4),
)
def test_the_decisions_are_those_of_the_definition(seed, trials, mode, grace, least):
    rng = np.random.default_rng(seed)
    pruning = policy(mode=mode, grace_period=grace, min_trials=least, max_t=6)
    seen, best_of = {f"t{k}": [] for k in range(trials)}, max if mode == "max" else min
    running = list(seen)
    while running:
        trial = running[rng.integers(len(running))]
        seen[trial].append(float(rng.integers(0, 20)) / 4)
        t = len(seen[trial])
        answer = pruning.on_report(trial, report(t, seen[trial][-1]))
        others = [np.mean(values[:t]) for name, values in seen.items() if name != trial and len(values) >= t]
        best = best_of(seen[trial])
        worse = bool(others) and (best < np.median(others) if mode == "max" else best > np.median(others))
        stops = grace <= t < 6 and len(others) >= least and worse
        assert (answer.action is Action.STOP) == (stops or t == 6)
        assert answer.pruned == stops
        if answer.action is Action.STOP:
            running.remove(trial)
            pruning.on_complete(trial, report(t, seen[trial][-1]))


def test_reasons():
    pruning = policy(min_trials=2, grace_period=2)
    for trial, accs in (("a", (0.2, 0.6)), ("b", (0.4, 0.8))):
        for epoch, acc in enumerate(accs, 1):
            pruning.on_report(trial, report(epoch, acc))
    assert pruning.on_report("c", report(1, 0.3)).reason == "epoch 1: nobody is compared before epoch 2"
    assert pruning.on_report("c", report(2, 0.1)) == Decision(
        Action.STOP,
        2,
        "epoch 2: best acc 0.300 so far is below 0.500, the median running average of the 2 trials before it",
        pruned=True,
    )
    assert pruning.on_report("c", report(3, 0.1)).reason == (
        "epoch 3: 0 of 2 other trials needed to compare got here"
    )
    assert pruning.on_report("c", report(9, 0.1)).reason == "epoch 9 of 9: fully trained"


def test_reasons_where_smaller_is_better():
    pruning = policy(mode="min")
    pruning.on_report("a", report(1, 0.5))
    assert pruning.on_report("b", report(1, 0.6)).reason == (
        "epoch 1: best acc 0.600 so far is above 0.500, the median running average of the one trial before it"
    )
    assert "is at or below 0.550" in pruning.on_report("c", report(1, 0.55)).reason


def test_an_epoch_reported_twice_counts_once():
    pruning = policy()
    pruning.on_report("a", report(1, 0.1))
    assert pruning.on_report("a", report(1, 0.9)).reason == "epoch 1: judged before"
    assert "below 0.900, the median running average of the one trial" in (
        pruning.on_report("b", report(1, 0.5)).reason
    )


def test_epochs_that_were_not_reported_do_not_count():
    pruning = policy()
    for epoch, acc in ((1, 0.4), (4, 0.8)):
        pruning.on_report("a", report(epoch, acc))
    assert "0.600, the median running average" in pruning.on_report("b", report(4, 0.5)).reason


def test_a_trial_that_starts_over_forgets_what_came_after():
    pruning = policy()
    for epoch, acc in ((1, 0.1), (2, 0.1), (1, 0.5), (2, 0.9)):
        pruning.on_report("a", report(epoch, acc))
    assert (
        "0.700, the median running average of the one trial" in pruning.on_report("b", report(2, 0.1)).reason
    )


def test_the_averages_of_ended_trials_stay_and_those_of_diverged_ones_do_not():
    pruning = policy()
    for trial in ("a", "b"):
        pruning.on_report(trial, report(1, 0.9))
    pruning.on_complete("a", report(1, 0.9))
    diverged = pruning.on_report("b", report(2, math.nan))
    assert diverged.failed
    assert "of the one trial before it" in pruning.on_report("c", report(1, 0.5)).reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "up"}, r"^mode must be 'max' or 'min', received 'up'\.$"),
        ({"max_t": 0}, r"^max_t must be above 0, received 0\.$"),
        ({"grace_period": 0}, r"^grace_period must be at least 1, received 0\.$"),
        ({"min_trials": 0}, r"^min_trials must be at least 1, received 0\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        policy(**arguments)
