"""Promotion-type halving is Algorithm 2 of Li et al. 2020; who can't go on is given up."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import Prediction, Report
from neurocap_search.pruning import Action, Decision, PromotionHalvingPolicy
from neurocap_search.testing.policy_simulation import Simulation


def policy(**arguments):
    return PromotionHalvingPolicy(**({"metric": "acc", "max_t": 9, "reduction_factor": 2} | arguments))


def report(epoch, acc):
    return Report(epoch, {"acc": acc})


def told(pruning, **accs):
    """Report the first epoch of each trial; return the actions."""
    return [pruning.on_report(trial, report(1, acc)).action.value for trial, acc in accs.items()]


def trained(pruning, name="trained"):
    """Let a trial be fully trained; until one is, the leader of the highest rung is kept for that."""
    pruning.on_report(name, report(9, 0.0))
    pruning.on_complete(name, report(9, 0.0))


class AlgorithmTwo:
    """The published algorithm, word for word: whole lists are sorted at every question."""

    def __init__(self, milestones, factor):
        self.rungs, self.factor, self.milestones = [{} for _ in milestones], factor, milestones
        self.promoted = [set() for _ in milestones]

    def get_job(self):
        for k in reversed(range(len(self.rungs))):
            ranked = sorted(self.rungs[k], key=lambda t: -self.rungs[k][t])
            for trial in ranked[: int(len(ranked) / self.factor)]:
                if trial not in self.promoted[k]:
                    return k, trial
        return None


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    trials=st.integers(1, 30),
    workers=st.integers(1, 6),
    factor=st.sampled_from([1.5, 2, 2.5, 3, 4]),
    levels=st.sampled_from([3, 1000]),
)
def test_the_same_trials_are_promoted_as_by_the_published_algorithm(seed, trials, workers, factor, levels):
    rng = np.random.default_rng(seed)
    curves = (rng.integers(0, levels, (trials, 20)) / levels).tolist()
    pruning = policy(max_t=20, reduction_factor=factor)
    reference = AlgorithmTwo(pruning.milestones, factor)
    queue, running, trained = list(range(trials)), {}, dict.fromkeys(range(trials), 0)

    def next_job():
        offer, job = pruning.resumable(), reference.get_job()
        assert (None if offer is None else int(offer[0])) == (None if job is None else job[1])
        if job is not None:
            pruning.on_resume(str(job[1]))
            reference.promoted[job[0]].add(job[1])
            running[job[1]] = None
        elif queue:
            running[queue.pop(0)] = None

    while True:
        while len(running) < workers and (queue or reference.get_job()):
            next_job()
        if not running:
            return
        trial = list(running)[rng.integers(len(running))]
        trained[trial] += 1
        epoch, value = trained[trial], curves[trial][trained[trial] - 1]
        answer = pruning.on_report(str(trial), report(epoch, value)).action
        reached = [
            k for k, m in enumerate(reference.milestones) if epoch >= m and trial not in reference.rungs[k]
        ]
        if epoch == 20:
            assert answer is Action.STOP
            pruning.on_complete(str(trial), report(epoch, value))
            del running[trial]
        elif reached:
            reference.rungs[reached[-1]][trial] = value
            if reference.get_job() == (reached[-1], trial):  # it would be next: goes on without a pause
                reference.promoted[reached[-1]].add(trial)
                assert answer is Action.CONTINUE
            else:
                assert answer is Action.PAUSE
                del running[trial]
        else:
            assert answer is Action.CONTINUE


# Reasons -------------------------------------------------------------------------------------------


def test_reasons_name_rank_and_places():
    pruning = policy(max_paused=1)
    assert pruning.on_report("a", report(1, 0.2)).reason == (
        "epoch 1: acc 0.200 ranks 1 of 1 at its rung, where nobody may go on; it waits"
    )
    assert pruning.on_report("b", report(1, 0.4)) == Decision(
        Action.CONTINUE,
        1,
        "epoch 1: acc 0.400 ranks 1 of 2 at its rung, where the best one may go on; it goes on",
    )
    pruning.on_report("c", report(1, 0.1))
    assert pruning.surplus() == [
        (
            "c",
            Decision(
                Action.STOP,
                1,
                "epoch 1: acc 0.100 ranks 3 of 3 at its rung, where the best one may go on; "
                "it is given up, because too many trials wait",
                pruned=True,
            ),
        )
    ]


def test_the_reason_to_go_on_tells_where_the_trial_stands_by_now():
    pruning = policy()
    assert told(pruning, a=0.4, b=0.2) == ["PAUSE", "PAUSE"]
    assert pruning.resumable() == (
        "a",
        Decision(
            Action.CONTINUE,
            1,
            "epoch 1: acc 0.400 ranks 1 of 2 at its rung, where the best one may go on; it goes on",
        ),
    )


def test_the_reason_to_give_up_at_the_end():
    pruning = policy()
    told(pruning, a=0.4)
    trained(pruning)
    pruning.on_exhausted()
    assert pruning.surplus()[0][1].reason.endswith("it is given up, because no trial to come can change that")


# Who goes on ---------------------------------------------------------------------------------------


def test_the_highest_rung_comes_first():
    pruning = policy()
    told(pruning, a=0.5, b=0.6, c=0.7, d=0.8)
    for trial in ("b", "c", "d"):
        pruning.on_resume(trial)
    for trial, acc in (("c", 0.2), ("b", 0.1)):
        pruning.on_report(trial, report(2, acc))
    assert told(pruning, e=0.9) == ["PAUSE"]  # promotable, but c stands higher
    assert pruning.resumable()[0] == "c"
    pruning.on_resume("c")
    assert pruning.resumable()[0] == "e"


def test_a_trial_is_judged_by_its_first_value_at_a_rung():
    pruning = policy()
    told(pruning, a=0.1, b=0.5, c=0.4)
    assert told(pruning, a=0.9) == ["PAUSE"]
    assert "acc 0.100" in pruning.on_report("a", report(1, 0.9)).reason


def test_a_promoted_trial_that_starts_over_runs_through_the_rungs_it_has_passed():
    pruning = policy()
    told(pruning, a=0.5)
    assert told(pruning, b=0.9) == ["CONTINUE"]
    pruning.on_report("b", report(2, 0.9))
    pruning.on_error("b")
    pruning.on_add("b")
    answers = [pruning.on_report("b", report(epoch, 0.1)) for epoch in (1, 2)]
    assert [answer.action.value for answer in answers] == ["CONTINUE", "PAUSE"]
    assert "acc 0.900 ranks 1 of 1" in answers[1].reason


def test_a_failed_trial_holds_its_place_but_does_not_go_on():
    pruning = policy()
    told(pruning, a=0.9, b=0.5)
    pruning.on_error("a")
    assert pruning.resumable() is None
    told(pruning, c=0.1, d=0.05)
    assert pruning.resumable()[0] == "b"  # two of four


def test_a_diverged_trial_gives_its_place_free():
    pruning = policy()
    told(pruning, a=0.3, b=0.5, c=0.9)
    pruning.on_resume("b")
    pruning.on_resume("c")
    pruning.on_report("c", report(2, math.nan))
    assert "ranks 2 of 2" in pruning.on_report("a", report(1, 0.3)).reason


def test_a_diverged_trial_that_starts_over_is_judged_anew():
    pruning = policy()
    assert told(pruning, a=0.1, b=0.9) == ["PAUSE", "CONTINUE"]
    pruning.on_report("b", report(2, math.nan))
    pruning.on_error("b")
    pruning.on_add("b")
    assert told(pruning, b=0.05) == ["PAUSE"]


def test_a_trial_that_starts_over_after_skipping_a_rung_does_not_wait_there():
    pruning = policy()
    pruning.on_report("a", report(4, 0.5))
    pruning.on_error("a")
    pruning.on_add("a")
    assert told(pruning, a=0.5) == ["CONTINUE"]
    assert pruning.on_report("a", report(4, 0.5)).action is Action.PAUSE


def test_adding_a_trial_that_waits_lets_it_wait():
    pruning = policy()
    told(pruning, a=0.5, b=0.1)
    pruning.on_add("a")
    pruning.on_add("b")
    assert pruning.resumable()[0] == "a"
    pruning.on_resume("a")
    trained(pruning)
    pruning.on_exhausted()
    assert [trial for trial, _ in pruning.surplus()] == ["b"]
    assert pruning.state_dict()["roster"]["running"] == ["a"]


def test_a_report_after_the_end_is_no_comeback():
    pruning = policy()
    told(pruning, a=0.3)
    pruning.on_complete("a", None)
    assert pruning.on_report("a", report(2, 0.3)) == Decision(
        Action.STOP, 2, "epoch 2: the trial has already ended"
    )
    for trial in ("a", "never reported"):
        pruning.on_complete(trial, None)
        pruning.on_add(trial)
    pruning.on_report("b", report(1, 0.1))
    assert pruning.state_dict()["roster"]["running"] == []
    trained(pruning)
    pruning.on_exhausted()
    assert [trial for trial, _ in pruning.surplus()] == ["b"]


def test_rungs_lie_below_full_training():
    assert policy(max_t=27, reduction_factor=3).milestones == (1, 3, 9)
    assert policy(max_t=28, reduction_factor=3).milestones == (1, 3, 9, 27)


# Like with like ------------------------------------------------------------------------------------


class Oracle:
    signals = ("end",)

    def __init__(self):
        self.fitted = []

    def fit(self, histories, finals):
        self.fitted.append(([[r.epoch for r in history] for history in histories], list(finals)))
        return self

    def predict(self, history):
        end = history[-1].get("end")
        fallback = "the end is not known" if end is None else None
        return Prediction(history[-1].get("acc") if end is None else end, None, "oracle", (1,), fallback)


def test_predictions_compete_with_predictions_and_metrics_with_all_metrics():
    pruning = policy(predictor=Oracle())
    for trial, acc, end in (("a", 0.1, 0.9), ("b", 0.9, 0.1), ("c", 0.5, None), ("d", 0.05, None)):
        numbers = {"acc": acc} | ({} if end is None else {"end": end})
        last = pruning.on_report(trial, Report(1, numbers))
    assert "acc 0.050 (no prediction: the end is not known) ranks 4 of 4" in last.reason
    resumed = []
    while (offer := pruning.resumable()) is not None:
        pruning.on_resume(offer[0])
        resumed.append(offer[0])
    assert resumed == ["a", "c"]  # a: first of two predictions; c: second of four metrics
    assert pruning.signals == ("acc", "end")


def test_a_decision_on_a_waiting_trial_carries_its_prediction():
    pruning = policy(predictor=Oracle())
    for trial, end in (("a", 0.9), ("b", 0.1)):
        pruning.on_report(trial, Report(1, {"acc": 0.5, "end": end}))
    assert pruning.resumable()[1].prediction.mean == 0.9
    pruning.on_resume("a")
    pruning.on_complete("a", None)
    pruning.on_exhausted()
    assert pruning.resumable()[1].prediction.mean == 0.1


def test_the_predictor_learns_from_fully_trained_trials_only():
    pruning = policy(predictor=Oracle(), max_t=2)
    for trial in ("a", "b"):
        pruning.on_report(trial, Report(1, {"acc": 0.5}))
    pruning.on_report("a", Report(2, {"acc": 0.6}))
    pruning.on_complete("a", Report(2, {"acc": 0.6}))
    pruning.on_complete("b", Report(1, {"acc": 0.5}))
    assert pruning._scorer.predictor.fitted == [([[1, 2]], [0.6])]
    assert list(pruning.state_dict()["scorer"]["histories"]) == ["a"]


# Who is given up -----------------------------------------------------------------------------------


def test_nobody_is_given_up_while_trials_may_come():
    pruning = policy()
    told(pruning, a=0.4, b=0.3, c=0.2)
    assert pruning.surplus() == []


@pytest.mark.parametrize("max_paused", [None, 1])
def test_with_one_to_come_only_whom_it_can_lift_waits(max_paused):
    pruning = policy(max_paused=max_paused)
    told(pruning, a=0.4, b=0.3, c=0.2, d=0.1, e=0.05)
    pruning.on_resume("a")
    pruning.on_resume("b")
    pruning.on_add("f")
    pruning.on_exhausted()
    # Six trials would give three places: c may still get the third, d and e can't.
    assert [trial for trial, _ in pruning.surplus()] == ["e", "d"]
    told(pruning, f=0.0)
    assert pruning.resumable()[0] == "c"


def test_one_to_come_does_not_always_make_a_place():
    pruning = policy(reduction_factor=3)
    told(pruning, a=0.4, b=0.3, c=0.2)
    pruning.on_resume("a")
    pruning.on_add("d")
    trained(pruning)
    pruning.on_exhausted()
    # Four trials give one place, as three do: b can't go on whatever d will be.
    assert [trial for trial, _ in pruning.surplus()] == ["c", "b"]


def test_trials_that_wait_below_may_still_come():
    pruning = policy()
    told(pruning, a=0.4, b=0.3, c=0.2, d=0.1)
    pruning.on_resume("a")
    pruning.on_report("a", report(2, 0.4))
    pruning.on_exhausted()
    assert [trial for trial, _ in pruning.surplus()] == ["d", "c"]  # a waits for b
    assert pruning.resumable()[0] == "b"


@pytest.mark.parametrize("max_paused", [0, 1, 2, 5])
def test_no_more_wait_than_may(max_paused):
    rng = np.random.default_rng(0)
    curves = {f"t{k}": rng.uniform(0, 1, 9).tolist() for k in range(40)}
    pruning = policy(max_paused=max_paused)

    class Watched(Simulation):
        def _fill(self):
            assert len(self._paused) <= max(max_paused, 1)  # the next to go on is never given up
            super()._fill()

    finished = Watched(pruning, curves, report, workers=4).run()
    assert len(finished.decisions) == 40


def test_the_worst_of_the_lowest_rung_is_given_up_first():
    pruning = policy(max_paused=2)
    told(pruning, a=0.4, b=0.9, c=0.3)
    pruning.on_report("b", report(2, 0.01))
    assert [trial for trial, _ in pruning.surplus()] == ["c"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_paused": -1}, r"^max_paused must be at least 0, received -1\.$"),
        ({"mode": "up"}, r"^mode must be 'max' or 'min', received 'up'\.$"),
        ({"reduction_factor": 1.0}, r"^reduction_factor must be above 1, received 1\.0\.$"),
        ({"grace_period": 10}, r"^grace_period must be from 1 to max_t = 9, received 10\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        policy(**arguments)


def test_a_search_too_small_to_promote_anybody_trains_its_leader_to_the_end():
    pruning = policy(reduction_factor=4, max_t=16)
    told(pruning, a=0.1, b=0.3, c=0.2)
    assert pruning.resumable() is None
    pruning.on_exhausted()
    assert [trial for trial, _ in pruning.surplus()] == ["a", "c"]
    leader, decision = pruning.resumable()
    assert leader == "b"
    assert decision.reason == (
        "epoch 1: acc 0.300 ranks 1 of 3 at its rung, where nobody may go on; it goes on, because no trial "
        "would be trained to the end otherwise"
    )
    pruning.on_resume("b")
    assert pruning.resumable() is None  # one at a time
    assert pruning.on_report("b", report(4, 0.4)).action == Action.PAUSE
    assert pruning.resumable()[0] == "b"
    pruning.on_resume("b")
    pruning.on_report("b", report(16, 0.9))
    pruning.on_complete("b", report(16, 0.9))
    assert pruning.resumable() is None
    assert [trial for trial, _ in pruning.surplus()] == ["c", "a"] or len(pruning.surplus()) == 2


def test_the_leader_is_spared_while_others_still_run():
    pruning = policy(reduction_factor=4, max_paused=1)
    pruning.on_add("d")
    told(pruning, a=0.1, b=0.3)
    assert [trial for trial, _ in pruning.surplus()] == ["a"]
    pruning.on_exhausted()
    assert pruning.resumable() is None  # d may come to lead
    assert [trial for trial, _ in pruning.surplus()] == ["a"]


def test_as_long_as_predictions_are_too_few_for_a_place_all_compete_by_their_metric():
    pruning = policy(predictor=Oracle(), reduction_factor=3)
    for trial, acc in (("a", 0.1), ("b", 0.2)):
        pruning.on_report(trial, Report(1, {"acc": acc}))  # no prediction without "end"
    decision = pruning.on_report("lone", Report(1, {"acc": 0.5, "end": 0.9}))
    assert decision.action == Action.CONTINUE
    assert (
        decision.reason
        == "epoch 1: acc 0.500 ranks 1 of 3 at its rung, where the best one may go on; it goes on"
    )


def test_with_predictions_for_a_place_the_predicted_compete_by_them():
    pruning = policy(predictor=Oracle(), reduction_factor=3)
    answers = [
        pruning.on_report(trial, Report(1, {"acc": acc, "end": end}))
        for trial, acc, end in (("a", 0.1, 0.9), ("b", 0.3, 0.2), ("c", 0.2, 0.1))
    ]
    assert answers[2].reason.startswith("epoch 1: predicted final acc 0.100")
    assert pruning.resumable()[0] == "a"


def test_nobody_is_hopeless_while_a_prediction_may_come():
    pruning = policy(predictor=Oracle(), reduction_factor=2)
    trained(pruning)
    pruning.on_report("a", Report(1, {"acc": 0.1, "end": 0.9}))
    pruning.on_add("b")
    pruning.on_exhausted()
    assert pruning.surplus() == []
    pruning.on_report("b", Report(1, {"acc": 0.9, "end": 0.1}))
    assert pruning.resumable()[0] == "a"


def test_of_equal_trials_the_next_to_go_on_is_found_anew_when_one_leaves():
    policy = PromotionHalvingPolicy(metric="acc", max_t=9, reduction_factor=2)
    for trial in ("a", "b", "a"):  # a comes back: now it waits behind b, but it reached the rung first
        policy.on_report(trial, report(1, 0.5))
    assert policy.resumable() is None
    policy.on_error("b")
    assert policy.resumable()[0] == "a"
