"""The rules of successive halving on predictions, with their reasons word for word."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from ray.tune.schedulers import AsyncHyperBandScheduler

from neurocap_search.prediction import CapacitanceRidge, Prediction, Report
from neurocap_search.pruning import Action, Decision, SuccessiveHalvingPolicy

BETAS = (0.9, 0.6, 0.3)
FLAT = (0.60, 0.61, 0.62)  # predicted 0.63
SLOW = (0.10, 0.30, 0.50)  # predicted 0.70


def policy(predictor=True, **arguments):
    arguments = {"max_t": 27, "grace_period": 3, "reduction_factor": 2} | arguments
    ridge = CapacitanceRidge(metric="acc", mode=arguments.get("mode", "max")) if predictor else None
    return SuccessiveHalvingPolicy(metric="acc", predictor=ridge, **arguments)


def train(pruning, trial, values, betas=BETAS):
    """Report the values epoch by epoch; return the last decision."""
    for epoch, value in enumerate(values, 1):
        beta = {} if betas is None else {"beta_eff": betas[epoch - 1]}
        decision = pruning.on_report(trial, Report(epoch, {"acc": value} | beta))
    return decision


class Oracle:
    """A predictor that knows the end: it answers with what the report calls ``end``."""

    def __init__(self):
        self.fitted = []

    def fit(self, histories, finals):
        self.fitted.append(([[r.epoch for r in history] for history in histories], list(finals)))
        return self

    def predict(self, history):
        end = history[-1].get("end")
        epochs = tuple(r.epoch for r in history)
        fallback = "the end is not known" if end is None else None
        return Prediction(history[-1].get("acc") if end is None else end, None, "oracle", epochs, fallback)


def judged(pruning, trial, acc, end=None, epoch=1):
    return pruning.on_report(trial, Report(epoch, {"acc": acc} | ({} if end is None else {"end": end})))


def oracle_policy(**arguments):
    arguments = {"metric": "acc", "max_t": 9, "grace_period": 1, "reduction_factor": 2} | arguments
    return SuccessiveHalvingPolicy(predictor=Oracle(), **arguments)


# Predictions decide --------------------------------------------------------------------------------


def test_a_slow_starter_predicted_high_survives_where_asha_stops_it():
    pruning = policy()
    asha = AsyncHyperBandScheduler("epoch", "acc", "max", max_t=27, grace_period=3, reduction_factor=2)
    for trial, values in (("flat", FLAT), ("slow", SLOW)):
        decision = train(pruning, trial, values)
        stub = SimpleNamespace(trial_id=trial)
        asha.on_trial_add(None, stub)
        for epoch, value in enumerate(values, 1):
            answer = asha.on_trial_result(None, stub, {"epoch": epoch, "acc": value})
    assert answer == "STOP"
    assert decision.action is Action.CONTINUE
    assert not decision.pruned
    assert decision.prediction.mean == pytest.approx(0.7, abs=0.005)
    assert decision.reason == (
        f"epoch 3: predicted final acc {decision.prediction} is at or above 0.630, "
        "the cut-off for the top 1/2 of the one trial before it"
    )


def test_a_trial_predicted_low_is_stopped_though_it_leads():
    pruning = policy()
    train(pruning, "slow", SLOW)
    decision = train(pruning, "flat", FLAT)
    assert (decision.action, decision.pruned) == (Action.STOP, True)
    assert decision.reason == (
        f"epoch 3: predicted final acc {decision.prediction} is below 0.700, "
        "the cut-off for the top 1/2 of the one trial before it"
    )


@pytest.mark.parametrize(
    ("mode", "ends", "answers"),
    [
        ("max", [0.5, 0.7, 0.6, 0.59], ["CONTINUE", "CONTINUE", "CONTINUE", "STOP"]),
        ("min", [0.5, 0.3, 0.4, 0.41], ["CONTINUE", "CONTINUE", "CONTINUE", "STOP"]),
    ],
)
def test_the_cutoff_is_the_percentile_of_the_predictions_before(mode, ends, answers):
    # Half go on: the cut-off is the median of 0.5, 0.7 (then of 0.5, 0.7, 0.6); a tie stays.
    pruning = oracle_policy(mode=mode)
    assert [judged(pruning, f"t{i}", 0.0, end).action.value for i, end in enumerate(ends)] == answers


# Like is compared with like ------------------------------------------------------------------------


def test_a_trial_without_a_prediction_is_judged_by_its_metric_among_the_metrics_of_all():
    pruning = oracle_policy()
    judged(pruning, "a", 0.3, end=0.9)
    judged(pruning, "b", 0.5, end=0.95)
    stays = judged(pruning, "c", 0.4)
    assert stays.reason == (
        "epoch 1: acc 0.400 (no prediction: the end is not known) is at or above 0.400, "
        "the cut-off for the top 1/2 of the 2 trials before it"
    )
    goes = judged(pruning, "d", 0.39)
    assert goes.action is Action.STOP
    assert goes.reason == (
        "epoch 1: acc 0.390 (no prediction: the end is not known) is below 0.400, "
        "the cut-off for the top 1/2 of the 3 trials before it"
    )


def test_a_predicted_trial_is_judged_among_the_predicted_only():
    # "seen" has the higher metric, but nobody knows its end: no peer for a prediction.
    pruning = oracle_policy()
    judged(pruning, "seen", 0.9)
    first = judged(pruning, "first", 0.1, end=0.5)
    assert first.action is Action.CONTINUE
    assert first.reason == "epoch 1: predicted final acc 0.500; nobody to compare with at this rung yet"
    second = judged(pruning, "second", 0.1, end=0.4)
    assert second.action is Action.STOP
    assert second.reason == (
        "epoch 1: predicted final acc 0.400 is below 0.500, "
        "the cut-off for the top 1/2 of the one trial before it"
    )


def test_a_prediction_that_is_not_finite_is_no_prediction():
    # A predictor of somebody else may overflow; such a score would make every later comparison void.
    pruning = oracle_policy()
    judged(pruning, "a", 0.5, end=math.nan)
    assert judged(pruning, "b", 0.4, end=math.inf).reason.startswith("epoch 1: acc 0.400 is below 0.500")
    json.dumps(pruning.state_dict()["brackets"], allow_nan=False)


def test_the_prediction_of_a_diverged_trial_is_nobodys_peer():
    pruning = oracle_policy()
    judged(pruning, "a", 0.5, end=0.9)
    judged(pruning, "a", math.nan, epoch=2)
    assert judged(pruning, "b", 0.5, end=0.1).reason.endswith("nobody to compare with at this rung yet")


def test_a_fallback_of_the_ridge_is_no_prediction():
    # beta_eff that does not change: judged by the metric, and the reason says why.
    pruning = policy()
    train(pruning, "flat", FLAT)
    decision = train(pruning, "slow", SLOW, betas=(0.5, 0.5, 0.5))
    assert decision.action is Action.STOP
    assert decision.prediction.fallback == "beta_eff does not change"
    assert decision.reason == (
        "epoch 3: acc 0.500 (no prediction: beta_eff does not change) is below 0.620, "
        "the cut-off for the top 1/2 of the one trial before it"
    )


def test_the_metric_counts_not_the_best_value_seen():
    # A fallback prediction holds the best value seen; ASHA competes by the value at the rung.
    pruning = policy()
    train(pruning, "flat", FLAT, betas=None)
    decision = train(pruning, "falls", (0.9, 0.7, 0.61), betas=None)
    assert decision.prediction.mean == 0.9
    assert decision.action is Action.STOP


# Reasons -------------------------------------------------------------------------------------------


def test_reasons_without_a_predictor():
    pruning = policy(predictor=False, grace_period=1, reduction_factor=4)
    report = pruning.on_report
    assert report("a", Report(1, {"acc": 0.9})).reason == (
        "epoch 1: acc 0.900; nobody to compare with at this rung yet"
    )
    assert report("a", Report(2, {"acc": 0.9})).reason == "epoch 2: between rungs"
    assert report("b", Report(1, {"acc": 0.8})).reason == (
        "epoch 1: acc 0.800 is below 0.900, the cut-off for the top 1/4 of the one trial before it"
    )
    assert report("c", Report(1, {"acc": 0.95})).reason == (
        "epoch 1: acc 0.950 is at or above 0.875, the cut-off for the top 1/4 of the 2 trials before it"
    )
    assert report("a", Report(27, {"acc": 0.9})).reason == "epoch 27 of 27: fully trained"


def test_reasons_where_smaller_is_better():
    # The numbers are those of the reports, not their negatives, and the words are turned round.
    pruning = policy(predictor=False, mode="min", grace_period=1)
    pruning.on_report("a", Report(1, {"acc": 0.5}))
    assert pruning.on_report("b", Report(1, {"acc": 0.6})).reason == (
        "epoch 1: acc 0.600 is above 0.500, the cut-off for the top 1/2 of the one trial before it"
    )
    assert pruning.on_report("c", Report(1, {"acc": 0.55})).reason == (
        "epoch 1: acc 0.550 is at or below 0.550, the cut-off for the top 1/2 of the 2 trials before it"
    )


def test_a_missing_metric_lets_the_trial_go_on_and_says_what_is_there():
    decision = policy().on_report("a", Report(30, {"loss": 0.5, "beta_eff": 0.1}))
    assert decision == Decision(
        Action.CONTINUE, 30, "epoch 30: 'acc' is not among the reported ['beta_eff', 'loss']"
    )


# Ends ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "text"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
@pytest.mark.parametrize("predictor", [True, False])
def test_a_metric_that_is_not_finite_stops_the_trial(value, text, predictor):
    decision = policy(predictor=predictor).on_report("a", Report(2, {"acc": value}))
    assert decision == Decision(
        Action.STOP, 2, f"epoch 2: acc is {text}; the training has diverged", failed=True
    )


def test_a_diverged_trial_is_nobodys_peer():
    pruning = policy(predictor=False)
    pruning.on_report("a", Report(3, {"acc": math.nan}))
    pruning.on_complete("a", Report(3, {"acc": math.nan}))
    decision = pruning.on_report("b", Report(3, {"acc": 0.1}))
    assert decision.reason.endswith("nobody to compare with at this rung yet")


@pytest.mark.parametrize("epoch", [2, 27])
def test_a_diverged_trial_has_failed_and_was_not_pruned(epoch):
    # No rule has taken an epoch from it: a summary must not count it as saved work.
    decision = policy().on_report("a", Report(epoch, {"acc": math.nan}))
    assert (decision.failed, decision.pruned) == (True, False)


def test_a_trial_that_diverges_later_leaves_no_score_behind():
    pruning = policy(predictor=False, grace_period=1, brackets=2, reduction_factor=3)
    for trial in ("a", "b"):
        pruning.on_report(trial, Report(1, {"acc": 0.9}))
        pruning.on_report(trial, Report(3, {"acc": 0.9}))
    pruning.on_report("a", Report(4, {"acc": math.nan}))
    brackets = pruning.state_dict()["brackets"]
    assert {trial for rungs in brackets for rung in rungs for trial in rung["scores"]} == {"b"}


@pytest.mark.parametrize("epoch", [27, 28])
def test_full_training_ends_without_pruning_and_with_the_prediction(epoch):
    pruning = oracle_policy(max_t=27)
    judged(pruning, "better", 0.9, end=0.9)
    decision = judged(pruning, "a", 0.1, end=0.2, epoch=epoch)
    assert (decision.action, decision.pruned) == (Action.STOP, False)
    assert decision.reason == f"epoch {epoch} of 27: fully trained"
    assert decision.prediction.mean == 0.2


def test_the_predictor_learns_from_fully_trained_trials_only():
    pruning = oracle_policy(max_t=2)
    for trial, epochs in (("whole", 2), ("cut", 1), ("second", 2)):
        for epoch in range(1, epochs + 1):
            judged(pruning, trial, epoch / 10, epoch=epoch)
        pruning.on_complete(trial, Report(epochs, {"acc": epochs / 10}))
    assert pruning.predictor.fitted == [([[1, 2]], [0.2]), ([[1, 2], [1, 2]], [0.2, 0.2])]


def test_the_reports_of_a_pruned_trial_are_dropped_and_those_of_a_whole_one_kept():
    # Ten thousand trials would fill the state otherwise.
    pruning = oracle_policy(max_t=2)
    for trial, epochs in (("cut", 1), ("whole", 2)):
        for epoch in range(1, epochs + 1):
            judged(pruning, trial, 0.5, epoch=epoch)
        pruning.on_complete(trial, Report(epochs, {"acc": 0.5}))
    assert list(pruning.state_dict()["scorer"]["histories"]) == ["whole"]


@pytest.mark.parametrize("report", [None, Report(3), Report(3, {"acc": math.nan}), Report(27, {"loss": 0.1})])
def test_an_end_without_a_metric_teaches_nothing(report):
    pruning = policy()
    before = pruning.state_dict()
    pruning.on_complete("a", report)
    pruning.on_error("a")
    assert pruning.state_dict() == before


# Duplicate and out-of-order reports ----------------------------------------------------------------


def test_a_trial_is_judged_once_at_a_rung():
    pruning = policy(predictor=False)
    for _ in range(2):
        last = pruning.on_report("a", Report(3, {"acc": 0.1}))
    assert last.reason == "epoch 3: between rungs"
    assert pruning.on_report("b", Report(3, {"acc": 0.05})).reason.endswith("of the one trial before it")


def test_a_repeated_report_replaces_the_first_in_the_history():
    # Otherwise one epoch would weigh twice in the regression.
    pruning = oracle_policy(grace_period=9)
    for epoch in (1, 2, 2, 3):
        decision = judged(pruning, "a", 0.5, epoch=epoch)
    assert decision.prediction.epochs == (1, 2, 3)


def test_a_trial_that_starts_over_forgets_what_came_after():
    # Without a checkpoint a retried trial restarts at epoch 1: two trainings must not be mixed.
    pruning = oracle_policy(grace_period=9)
    for epoch in (1, 2, 3, 1, 2):
        decision = judged(pruning, "a", 0.5, epoch=epoch)
    assert decision.prediction.epochs == (1, 2)


def test_skipped_epochs_count_at_the_highest_rung_reached():
    pruning = policy(predictor=False, grace_period=1, reduction_factor=3)
    pruning.on_report("a", Report(10, {"acc": 0.9}))
    rungs = {rung["milestone"]: list(rung["scores"]) for rung in pruning.state_dict()["brackets"][0]}
    assert rungs == {27: [], 9: ["a"], 3: [], 1: []}


# Brackets ------------------------------------------------------------------------------------------


def test_each_bracket_skips_one_more_of_the_lowest_rungs():
    state = policy(grace_period=1, reduction_factor=3, brackets=3).state_dict()
    milestones = [[rung["milestone"] for rung in rungs] for rungs in state["brackets"]]
    assert milestones == [[27, 9, 3, 1], [27, 9, 3], [27, 9]]


def test_more_brackets_than_rungs_leave_brackets_without_rungs():
    # As with Ray: such a trial is never judged.
    pruning = policy(grace_period=3, max_t=3, brackets=3)
    assert [len(rungs) for rungs in pruning.state_dict()["brackets"]] == [1, 0, 0]
    assert train(pruning, "a", (0.1, 0.2)).action is Action.CONTINUE


def test_brackets_are_drawn_by_number_of_rungs_from_the_given_generator():
    def draws(seed):
        pruning = policy(brackets=3, grace_period=1, reduction_factor=3, rng=np.random.default_rng(seed))
        for trial in range(2000):
            pruning.on_report(str(trial), Report(1, {"acc": 0.5}))
        return list(pruning.state_dict()["bracket_of"].values())

    assert draws(1) == draws(1) != draws(2)
    odds = np.exp([4.0, 3.0, 2.0])  # Ray's softmax over the numbers of rungs
    np.testing.assert_allclose(np.bincount(draws(1)) / 2000, odds / odds.sum(), atol=0.03)


def test_one_bracket_needs_no_randomness():
    rng = np.random.default_rng(5)
    pruning = policy(rng=rng)
    train(pruning, "a", SLOW)
    assert rng.bit_generator.state == np.random.default_rng(5).bit_generator.state


def test_trials_of_different_brackets_are_not_compared():
    pruning = policy(predictor=False, grace_period=1, brackets=2, reduction_factor=3)
    state = pruning.state_dict() | {"bracket_of": {"low": 0, "high": 1}}
    pruning.load_state_dict(state)
    pruning.on_report("low", Report(3, {"acc": 0.9}))
    decision = pruning.on_report("high", Report(3, {"acc": 0.1}))
    assert decision.reason == "epoch 3: acc 0.100; nobody to compare with at this rung yet"


# Arguments -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "maximum"}, r"^mode must be 'max' or 'min', received 'maximum'\.$"),
        ({"max_t": 0}, r"^max_t must be above 0, received 0\.$"),
        ({"max_t": -1.5}, r"^max_t must be above 0, received -1\.5\.$"),
        ({"grace_period": 0}, r"^grace_period must be from 1 to max_t = 27, received 0\.$"),
        ({"grace_period": 28}, r"^grace_period must be from 1 to max_t = 27, received 28\.$"),
        ({"reduction_factor": 1}, r"^reduction_factor must be above 1, received 1\.$"),
        ({"brackets": 0}, r"^brackets must be at least 1, received 0\.$"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        policy(predictor=False, **arguments)
