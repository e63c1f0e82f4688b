"""Everybody trains i epochs, the best few train to the end."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, IEpochPolicy
from neurocap_search.testing.policy_simulation import Simulation


def policy(**arguments):
    return IEpochPolicy(**({"metric": "acc", "epochs": 2, "keep": 2, "max_t": 9} | arguments))


def report(epoch, acc):
    return Report(epoch, {"acc": acc})


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    trials=st.integers(1, 25),
    workers=st.integers(1, 5),
    keep=st.integers(1, 4),
    epochs=st.integers(1, 8),
    mode=st.sampled_from(["max", "min"]),
    levels=st.sampled_from([3, 1000]),
)
def test_the_best_of_epoch_i_and_nobody_else_train_to_the_end(
    seed, trials, workers, keep, epochs, mode, levels
):
    rng = np.random.default_rng(seed)
    curves = {f"t{k}": (rng.integers(0, levels, 9) / levels).tolist() for k in range(trials)}
    simulation = Simulation(
        policy(epochs=epochs, keep=keep, mode=mode), curves, report, workers=workers
    ).run()
    whole = {trial for trial, decisions in simulation.decisions.items() if decisions[-1].epoch == 9}
    cut = {trial for trial, decisions in simulation.decisions.items() if decisions[-1].epoch == epochs}
    assert whole | cut == set(curves)
    assert len(whole) == min(keep, trials)
    sign = 1 if mode == "max" else -1
    at_i = {trial: sign * curve[epochs - 1] for trial, curve in curves.items()}
    assert min(at_i[t] for t in whole) >= max([at_i[t] for t in cut], default=-math.inf)
    assert all(simulation.decisions[t][-1].pruned for t in cut)
    # At most `keep` checkpoints lie on disk between two events, and the one that came in between.
    assert simulation.most_paused <= keep + 1


def test_reasons():
    pruning = policy()
    assert pruning.on_report("a", report(1, 0.1)).reason == "epoch 1: everybody trains 2 epochs"
    assert pruning.on_report("a", report(2, 0.1)).reason == (
        "epoch 2: acc 0.100 ranks 1 of 1, where the best 2 go on; it waits for the others"
    )
    for trial, acc in (("b", 0.2), ("c", 0.3)):
        pruning.on_report(trial, report(2, acc))
    assert pruning.surplus() == [
        (
            "a",
            Decision(
                Action.STOP,
                2,
                "epoch 2: acc 0.100 ranks 3 of 3, where the best 2 go on; it is given up",
                pruned=True,
            ),
        )
    ]
    pruning.on_complete("a", None)
    pruning.on_exhausted()
    assert pruning.resumable() == (
        "c",
        Decision(Action.CONTINUE, 2, "epoch 2: acc 0.300 ranks 1 of 2, where the best 2 go on; it goes on"),
    )
    pruning.on_resume("c")
    assert pruning.on_report("c", report(3, 0.1)).reason == "epoch 3: among the 2 that train to the end"
    assert pruning.on_report("c", report(9, 0.1)).reason == "epoch 9 of 9: fully trained"
    assert pruning.resumable()[0] == "b"


def test_nobody_goes_on_while_one_trains_its_first_epochs():
    pruning = policy()
    pruning.on_add("b")
    pruning.on_report("a", report(2, 0.1))
    pruning.on_exhausted()
    assert pruning.resumable() is None
    pruning.on_error("b")
    assert pruning.resumable()[0] == "a"


def test_the_last_to_arrive_goes_on_at_once_if_it_is_the_best():
    pruning = policy()
    pruning.on_report("a", report(2, 0.1))
    pruning.on_add("b")
    pruning.on_exhausted()
    assert pruning.on_report("b", report(2, 0.2)).action is Action.CONTINUE
    assert pruning.resumable()[0] == "a"


def test_a_failed_trial_that_waited_leaves_its_place_to_another():
    pruning = policy(keep=1)
    pruning.on_report("a", report(2, 0.9))
    pruning.on_report("b", report(2, 0.1))
    pruning.on_error("a")
    assert pruning.surplus() == []
    pruning.on_exhausted()
    assert pruning.resumable()[0] == "b"


def test_a_diverged_finalist_leaves_its_place():
    pruning = policy(keep=1)
    pruning.on_report("a", report(2, 0.9))
    pruning.on_exhausted()
    pruning.on_resume("a")
    pruning.on_add("b")
    assert pruning.on_report("a", report(3, math.nan)).failed
    pruning.on_complete("a", None)
    assert pruning.on_report("b", report(2, 0.1)).action is Action.CONTINUE


def test_milestones_and_signals():
    assert policy(epochs=4).milestones == (4,)
    assert policy().signals == ("acc",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, r"^epochs must be at least 1 and below max_t = 9, received 0\.$"),
        ({"epochs": 9}, r"^epochs must be at least 1 and below max_t = 9, received 9\.$"),
        ({"keep": 0}, r"^keep must be at least 1, received 0\.$"),
        ({"mode": "up"}, r"^mode must be 'max' or 'min', received 'up'\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        policy(**arguments)
