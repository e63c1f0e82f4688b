"""The scheduler keeps Ray's contract: it always answers, never raises and translates without deciding."""

import inspect
import json
import logging
import math

import numpy as np
import pytest
from ray import cloudpickle
from ray.tune.experiment import Trial
from ray.tune.result import DEFAULT_METRIC
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from neurocap_search.prediction import Report
from neurocap_search.pruning import (
    Action,
    Decision,
    FullTrainingPolicy,
    PruningPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.tune import NeuralCapacitanceScheduler, PolicyScheduler
from neurocap_search.tune.results import to_report


class Recorder(FullTrainingPolicy):
    """Full training that notes what it is told."""

    def __init__(self, max_t=100):
        super().__init__(max_t)
        self.calls = []

    def on_report(self, trial_id, report):
        self.calls.append(("report", trial_id, report))
        return super().on_report(trial_id, report)

    def on_complete(self, trial_id, report):
        self.calls.append(("complete", trial_id, report))

    def on_error(self, trial_id):
        self.calls.append(("error", trial_id))


class Broken(Recorder):
    """A policy that fails in every hook."""

    def on_report(self, trial_id, report):
        raise RuntimeError("broken on purpose")

    on_complete = on_report

    def on_error(self, trial_id):
        raise RuntimeError("broken on purpose")


@pytest.fixture
def trial():
    return Trial("trainable", stub=True, trial_id="one")


def over(policy, **arguments):
    """A scheduler over a given policy."""
    return PolicyScheduler(lambda metric, mode: policy, **({"metric": "acc", "mode": "max"} | arguments))


def result(epoch, **metrics):
    return {"training_iteration": epoch, "done": False, "config/lr": 0.1, **metrics}


def halving(**arguments):
    arguments = {"metric": "acc", "mode": "max", "max_t": 9, "reduction_factor": 3} | arguments
    return NeuralCapacitanceScheduler(**{"predictor": "capacitance"} | arguments)


def stub(name):
    return Trial("trainable", stub=True, trial_id=name)


# Answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", Action)
def test_the_answer_is_the_policys_decision(trial, action):
    class Fixed(Recorder):
        def on_report(self, trial_id, report):
            return Decision(action, report.epoch, "fixed")

    answer = over(Fixed()).on_trial_result(None, trial, result(1, acc=0.5))
    assert answer == getattr(TrialScheduler, action.name)
    assert type(answer) is str


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"acc": 0.5},
        result(1),
        result(1, acc=None),
        result(1, acc="high"),
        result(1, acc=math.nan),
        result(None, acc=0.5),
        result("two", acc=0.5),
        result(1, acc=0.5, beta_eff=math.nan),
        result(99, acc=0.5),
        {1: 2, "training_iteration": 1},
        None,
    ],
)
def test_every_result_gets_an_answer(trial, report):
    # None would leave the trial waiting for ever, an exception would end the experiment.
    scheduler = halving()
    assert scheduler.on_trial_result(None, trial, report) in ("CONTINUE", "STOP")
    scheduler.on_trial_complete(None, trial, report)
    assert scheduler.debug_string()


def test_the_policy_is_told_the_trials_id_and_numbers(trial):
    policy = Recorder()
    scheduler = over(policy, time_attr="epoch")
    scheduler.on_trial_result(None, trial, {"epoch": 2, "acc": 0.5, "config/lr": 0.1})
    scheduler.on_trial_complete(None, trial, {"epoch": 2, "acc": 0.5})
    scheduler.on_trial_error(None, trial)
    report = Report(2, {"acc": 0.5})
    assert policy.calls == [("report", "one", report), ("complete", "one", report), ("error", "one")]


def test_decisions_are_kept_by_trial_in_order(trial):
    scheduler = over(FullTrainingPolicy(2))
    for epoch in (1, 2):
        scheduler.on_trial_result(None, trial, result(epoch, acc=0.5))
    reasons = {name: [d.reason for d in decisions] for name, decisions in scheduler.decisions.items()}
    assert reasons == {"one": ["epoch 1 of 2: no pruning", "epoch 2 of 2: fully trained"]}


def test_pruned_trials_are_counted_and_logged_with_their_reason(caplog):
    scheduler = halving()
    assert scheduler.debug_string() == "NeuralCapacitanceScheduler: 0 of 0 trials pruned, 0 paused, 0 errors"
    with caplog.at_level(logging.INFO, logger="neurocap_search.tune"):
        answers = [
            scheduler.on_trial_result(None, stub(name), result(1, acc=acc))
            for name, acc in (("good", 0.9), ("bad", 0.1))
        ]
    assert answers == ["CONTINUE", "STOP"]
    assert scheduler.debug_string() == "NeuralCapacitanceScheduler: 1 of 2 trials pruned, 0 paused, 0 errors"
    assert caplog.messages == [
        "trial bad pruned: epoch 1: acc 0.100 (no prediction: 0 of 3 usable beta_eff values) is below 0.900, "
        "the cut-off for the top 1/3 of the one trial before it"
    ]


def test_a_fully_trained_trial_is_stopped_but_not_pruned(trial):
    scheduler = halving()
    assert scheduler.on_trial_result(None, trial, result(9, acc=0.5)) == "STOP"
    assert scheduler.debug_string() == "NeuralCapacitanceScheduler: 0 of 1 trials pruned, 0 paused, 0 errors"


def test_trials_compete_by_their_prediction_from_the_given_beta_eff():
    scheduler = halving(grace_period=3, capacitance_attr="cap", bounds=(0, 0.65))
    for name, accs in (("flat", (0.60, 0.61, 0.62)), ("slow", (0.1, 0.3, 0.5))):
        for epoch, (acc, cap) in enumerate(zip(accs, (0.9, 0.6, 0.3), strict=True), 1):
            answer = scheduler.on_trial_result(None, stub(name), result(epoch, acc=acc, cap=cap))
    assert answer == "CONTINUE"
    assert scheduler.decisions["slow"][-1].prediction.mean == 0.65  # clipped from 0.70


# Errors --------------------------------------------------------------------------------------------


def test_an_error_in_the_policy_lets_the_trial_continue_and_is_counted(trial, caplog):
    scheduler = over(Broken())
    assert scheduler.on_trial_result(None, trial, result(1, acc=0.5)) == "CONTINUE"
    scheduler.on_trial_complete(None, trial, result(1, acc=0.5))
    scheduler.on_trial_error(None, trial)
    assert scheduler.debug_string() == "PolicyScheduler: 0 of 0 trials pruned, 0 paused, 3 errors"
    assert caplog.messages == [
        f"PolicyScheduler: error in {hook}; the trial continues"
        for hook in ("on_trial_result", "on_trial_complete", "on_trial_error")
    ]
    assert all(record.exc_info for record in caplog.records)  # the traceback is in the log


def test_an_error_while_the_policy_is_made_is_survived(trial):
    def make_policy(metric, mode):
        raise RuntimeError("broken on purpose")

    scheduler = PolicyScheduler(make_policy, metric="acc", mode="max")
    assert scheduler.on_trial_result(None, trial, result(1, acc=0.5)) == "CONTINUE"
    assert scheduler.debug_string().endswith("1 errors")


def test_a_policy_that_returns_nothing_lets_the_trial_continue(trial):
    class Forgetful(Recorder):
        def on_report(self, trial_id, report):
            pass

    scheduler = over(Forgetful())
    assert scheduler.on_trial_result(None, trial, result(1, acc=0.5)) == "CONTINUE"
    assert scheduler.debug_string().endswith("1 errors")


def test_a_missing_time_attr_warns_once_and_prunes_nothing(trial, caplog):
    scheduler = halving(time_attr="epoch")
    answers = [scheduler.on_trial_result(None, trial, result(1, acc=a)) for a in (0.9, 0.1, math.nan)]
    assert answers == ["CONTINUE"] * 3
    assert caplog.messages == [
        "time_attr 'epoch' is not among the reported ['acc', 'done', 'training_iteration']; nothing is "
        "pruned. Report it with tune.report({'epoch': ...}) or give the scheduler another time_attr."
    ]
    assert scheduler.decisions == {}


def test_a_missing_time_attr_warns_after_another_error_too(trial, caplog):
    scheduler = over(Broken())
    scheduler.on_trial_error(None, trial)
    scheduler.on_trial_result(None, trial, {"acc": 0.5})
    assert any("time_attr" in message for message in caplog.messages)


# Life of a trial -----------------------------------------------------------------------------------


def test_adding_a_trial_again_changes_nothing(trial):
    # Ray adds a trial again after each recoverable failure and, on restore, for finished trials too.
    scheduler = halving(brackets=3)
    scheduler.on_trial_add(None, trial)
    scheduler.on_trial_result(None, trial, result(1, acc=0.5))
    before = scheduler.policy.state_dict()
    scheduler.on_trial_error(None, trial)
    scheduler.on_trial_add(None, trial)
    scheduler.on_trial_add(None, trial)
    assert scheduler.policy.state_dict() == before
    assert scheduler.on_trial_result(None, trial, result(2, acc=0.5)) == "CONTINUE"


@pytest.mark.parametrize("last", [{}, None, {"done": True}, {"training_iteration": 1}])
def test_the_end_of_an_unknown_trial_without_a_result_teaches_nothing(trial, last):
    scheduler = halving()
    before = scheduler.policy.state_dict()
    scheduler.on_trial_complete(None, trial, last)
    assert scheduler.policy.state_dict() == before
    assert scheduler.debug_string().endswith("0 errors")


def test_an_empty_end_reaches_the_policy_as_none(trial):
    policy = Recorder()
    over(policy).on_trial_complete(None, trial, {})
    assert policy.calls == [("complete", "one", None)]


def test_the_end_of_an_unknown_trial_counts_at_its_rung(trial):
    # As under ASHA: on_trial_complete records the last result.
    scheduler = halving()
    scheduler.on_trial_complete(None, trial, result(1, acc=0.9))
    assert scheduler.on_trial_result(None, stub("two"), result(1, acc=0.1)) == "STOP"


def test_a_trial_that_was_never_added_is_answered(trial):
    assert halving().on_trial_result(None, trial, result(1, acc=0.5)) == "CONTINUE"


def test_removing_an_unknown_trial_is_no_error(trial):
    halving().on_trial_remove(None, trial)


@pytest.mark.parametrize("used", [False, True])
def test_a_scheduler_can_be_pickled(trial, used):
    # Ray pickles the scheduler with the Tuner.
    scheduler = halving(brackets=2)
    if used:
        scheduler.on_trial_result(None, trial, result(1, acc=0.5))
    copy = cloudpickle.loads(cloudpickle.dumps(scheduler))
    assert copy.decisions == scheduler.decisions
    assert copy.policy.state_dict() == scheduler.policy.state_dict()


# Metric and mode -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "given", "accepted"),
    [
        ({}, ("acc", "max"), True),
        ({"metric": "acc", "mode": "max"}, (None, None), True),
        ({"metric": "acc"}, (None, "max"), True),
        ({"mode": "max"}, ("acc", None), True),
        ({"metric": "acc", "mode": "max"}, ("acc", None), False),
        ({"metric": "acc", "mode": "max"}, (None, "max"), False),
        ({"metric": "acc"}, ("acc", "max"), False),
        ({"mode": "max"}, ("acc", "max"), False),
    ],
)
def test_metric_and_mode_come_from_one_place(own, given, accepted):
    # False makes Ray refuse the search: "already instantiated with their own metric or mode".
    scheduler = NeuralCapacitanceScheduler(**own)
    assert scheduler.set_search_properties(*given, num_samples=1, stop=None) is accepted
    if accepted:
        assert scheduler.metric == "acc"


@pytest.mark.parametrize(("mode", "answer"), [("max", "STOP"), ("min", "CONTINUE")])
def test_the_metric_of_the_tune_config_decides(mode, answer):
    scheduler = NeuralCapacitanceScheduler()
    assert scheduler.set_search_properties("acc", mode)
    scheduler.on_trial_result(None, stub("one"), result(1, acc=0.9, other=0.1))
    assert scheduler.on_trial_result(None, stub("two"), result(1, acc=0.1, other=0.9)) == answer


def test_without_any_metric_ray_looks_for_its_anonymous_one():
    scheduler = NeuralCapacitanceScheduler(mode="max")
    assert scheduler.set_search_properties(None, None)
    assert scheduler.metric == DEFAULT_METRIC
    scheduler.on_trial_result(None, stub("one"), result(1, **{DEFAULT_METRIC: 0.9}))
    assert scheduler.on_trial_result(None, stub("two"), result(1, **{DEFAULT_METRIC: 0.1})) == "STOP"


def test_the_policy_is_made_once_with_metric_and_mode(trial):
    made = []

    def make_policy(metric, mode):
        made.append((metric, mode))
        return Recorder()

    scheduler = PolicyScheduler(make_policy)
    scheduler.set_search_properties("loss", "min")
    assert made == []
    scheduler.on_trial_result(None, trial, result(1))
    scheduler.on_trial_complete(None, trial, result(1))
    assert made == [("loss", "min")]


def test_looking_at_the_policy_early_does_not_fix_its_metric():
    scheduler = NeuralCapacitanceScheduler()
    assert scheduler.policy is not None
    scheduler.set_search_properties("loss", "min")
    assert (scheduler.policy.metric, scheduler.policy.mode) == ("loss", "min")


def test_a_mode_given_nowhere_is_refused(trial):
    # Guessing max on a loss would prune the best trials.
    for scheduler in (ASHAScheduler(metric="loss"), NeuralCapacitanceScheduler(metric="loss")):
        with pytest.raises(ValueError, match="mode"):  # noqa: PT012 – at which of the two is left open
            scheduler.set_search_properties(None, None)
            scheduler.on_trial_add(None, trial)


# A drop-in for ASHAScheduler -----------------------------------------------------------------------


def test_arguments_have_the_names_order_and_defaults_of_asha():
    # All but stop_last_trials, ASHA's last: trials are always stopped at max_t.
    ours = inspect.signature(NeuralCapacitanceScheduler).parameters.values()
    ashas = list(inspect.signature(ASHAScheduler).parameters.values())
    shared = [p for p in ours if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert ashas[-1].name == "stop_last_trials"
    # None stands for ASHA's 4, but for the combination that decides for good.
    defaults = {p.name: p.default for p in shared} | {"reduction_factor": 4}
    assert list(defaults.items()) == [(p.name, p.default) for p in ashas[:-1]]
    assert NeuralCapacitanceScheduler("t", "acc", "max").policy.reduction_factor == 2.5
    assert NeuralCapacitanceScheduler("t", "acc", "max", promotion=True).policy.reduction_factor == 4
    assert all(p.default is not inspect.Parameter.empty for p in ours)


def test_positional_arguments_work_as_with_asha(trial):
    arguments = ("epoch", "acc", "min", 4, 2, 2, 1)
    for scheduler in (ASHAScheduler(*arguments), NeuralCapacitanceScheduler(*arguments, audit=0)):
        answers = []
        for name, accs in (("one", (0.5, 0.4)), ("two", (0.6, 0.3)), ("three", (0.7, 0.8))):
            scheduler.on_trial_add(None, stub(name))
            for epoch, acc in enumerate(accs, 1):
                answers.append(scheduler.on_trial_result(None, stub(name), {"epoch": epoch, "acc": acc}))
        assert answers == ["CONTINUE"] * 5 + ["STOP"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "maximum"}, "mode must be 'max' or 'min', received 'maximum'"),
        ({"max_t": 0}, "max_t must be above 0"),
        ({"grace_period": 101}, "grace_period must be from 1 to max_t = 100, received 101"),
        ({"reduction_factor": 1}, "reduction_factor must be above 1"),
        ({"brackets": 0}, "brackets must be at least 1"),
        ({"bounds": (1, 0)}, "bounds must be"),
    ],
)
def test_wrong_arguments_fail_at_construction(arguments, message):
    # Not at the first report, when the cluster is already running.
    with pytest.raises(ValueError, match=message):
        NeuralCapacitanceScheduler(**arguments)


def test_a_wrong_mode_fails_with_any_policy():
    with pytest.raises(ValueError, match=r"^mode must be 'max' or 'min', received 'up'\.$"):
        PolicyScheduler(lambda metric, mode: Recorder(), mode="up")


def test_brackets_are_drawn_by_the_seed():
    def brackets(seed):
        scheduler = halving(brackets=3, seed=seed)
        for i in range(40):
            scheduler.on_trial_result(None, stub(str(i)), result(1, acc=0.5))
        return scheduler.policy.state_dict()["bracket_of"]

    assert brackets(0) == brackets(0) != brackets(1)


# From a result to a report -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (0.5, 0.5),
        (2, 2.0),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.int64(3), 3.0),
        (math.nan, math.nan),
        (np.float32("nan"), math.nan),
        (math.inf, math.inf),
    ],
)
def test_numbers_are_kept_as_floats(value, kept):
    metrics = to_report({"epoch": 1, "acc": value}, "epoch").metrics
    assert metrics["acc"] == pytest.approx(kept, nan_ok=True)
    assert type(metrics["acc"]) is float


@pytest.mark.parametrize(
    "value", [True, False, np.bool_(True), "0.5", None, [0.5], {"a": 0.5}, np.array([0.5])]
)
def test_what_is_no_number_is_left_out(value):
    assert to_report({"epoch": 1, "acc": value}, "epoch").metrics == {}


@pytest.mark.parametrize("key", ["config/lr", "config/layers/0", "pid", "timestamp", "time_total_s", "epoch"])
def test_what_says_nothing_about_the_network_is_left_out(key):
    assert to_report({"epoch": 1, key: 1, "acc": 0.5}, "epoch").metrics == {"acc": 0.5}


def test_epoch_and_seconds_have_their_own_places():
    report = to_report({"training_iteration": 7, "epoch": 3, "epoch_seconds": 1.5, "acc": 0.5}, "epoch")
    assert report == Report(epoch=3, metrics={"acc": 0.5}, seconds=1.5)


def test_the_result_is_not_changed():
    # Ray hands the same dict to the searcher.
    given = {"epoch": 1, "epoch_seconds": 1.5, "acc": 0.5}
    to_report(given, "epoch")
    assert given == {"epoch": 1, "epoch_seconds": 1.5, "acc": 0.5}


def test_a_numpy_epoch_becomes_a_number_that_json_knows(trial):
    scheduler = halving(time_attr="epoch")
    scheduler.on_trial_result(None, trial, {"epoch": np.int64(2), "acc": 0.5})
    json.dumps(scheduler.decisions["one"][0].to_json())
    json.dumps(scheduler.policy.state_dict())


@pytest.mark.parametrize("metric", ["epoch_seconds", "time_total_s"])
def test_any_number_can_be_the_metric(metric):
    # ASHAScheduler optimises any key; here the policy never sees these and prunes nothing.
    scheduler = halving(metric=metric, mode="min", time_attr="epoch")
    scheduler.on_trial_result(None, stub("one"), {"epoch": 1, metric: 1.0})
    assert scheduler.on_trial_result(None, stub("two"), {"epoch": 1, metric: 2.0}) == "STOP"


def test_any_policy_can_be_run():
    assert issubclass(Recorder, PruningPolicy)
    assert over(Recorder(1)).on_trial_result(None, stub("one"), result(1)) == "STOP"


@pytest.mark.parametrize(
    ("own", "given"), [(("acc", "max"), ("acc", "min")), (("acc", "max"), ("loss", "max"))]
)
def test_a_ready_policy_must_prune_by_what_the_experiment_optimises(own, given):
    policy = SuccessiveHalvingPolicy(metric=own[0], mode=own[1], max_t=9)
    with pytest.raises(ValueError, match=r"The policy has (mode 'max', the experiment 'min'|metric 'acc')"):
        PolicyScheduler(policy).set_search_properties(*given)


def test_an_error_of_the_policy_does_not_keep_new_trials_out():
    class Confused(Recorder):
        pauses = True

        def resumable(self):
            raise RuntimeError("broken on purpose")

    assert over(Confused()).admits_new_trial()
