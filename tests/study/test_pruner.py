"""What the pruner does with everything an Optuna study may hold."""

import math
import pickle
import threading

import optuna
import pytest
from optuna.trial import TrialState

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, FullTrainingPolicy, SuccessiveHalvingPolicy
from neurocap_search.study import NeuralCapacitancePruner, PolicyPruner, decisions, report


class Recorder(FullTrainingPolicy):
    """Full training that notes what it is told."""

    def __init__(self):
        super().__init__(100)
        self.calls = []

    def on_add(self, trial_id):
        self.calls.append(("add", trial_id))

    def on_report(self, trial_id, report):
        self.calls.append(("report", trial_id, report.epoch, dict(report.metrics)))
        return super().on_report(trial_id, report)

    def on_complete(self, trial_id, report):
        self.calls.append(("complete", trial_id, report and report.epoch))

    def on_error(self, trial_id):
        self.calls.append(("error", trial_id))


class Pausing(FullTrainingPolicy):
    pauses = True


class Failing(FullTrainingPolicy):
    """Stops everything as of no use."""

    def on_report(self, trial_id, report):
        return Decision(Action.STOP, report.epoch, "of no use", failed=True)


def recorded(direction="maximize", **arguments):
    pruner = PolicyPruner(Recorder(), **arguments)
    return optuna.create_study(direction=direction, pruner=pruner)


def halving_study(direction="maximize", **arguments):
    rungs = {"min_resource": 1, "max_resource": 9, "reduction_factor": 3}
    arguments = {"predictor": "capacitance"} | rungs | arguments
    return optuna.create_study(direction=direction, pruner=NeuralCapacitancePruner(**arguments))


def ask(study, *values, first=1):
    """A trial that reports and asks at each step; it and whether it was pruned at the last."""
    trial, pruned = study.ask(), False
    for step, value in enumerate(values, first):
        trial.report(value, step)
        pruned = trial.should_prune()
    return trial, pruned


def calls(study):
    return study.pruner.policy.calls


# What the policy is told -----------------------------------------------------------------------------


def test_the_policy_is_told_a_trials_life_once():
    study = recorded()
    trial, _ = ask(study, 0.5, 0.6)
    study.tell(trial, 0.6)
    ask(study, 0.1)
    assert calls(study) == [
        ("add", "0"),
        ("report", "0", 1, {"value": 0.5}),
        ("report", "0", 2, {"value": 0.6}),
        ("complete", "0", 2),
        ("add", "1"),
        ("report", "1", 1, {"value": 0.1}),
    ]


def test_a_failed_trial_is_an_error_and_a_trial_without_reports_completes_without():
    study = recorded()
    failed, _ = ask(study, 0.5)
    study.tell(failed, state=TrialState.FAIL)
    study.tell(study.ask(), 1.0)
    ask(study, 0.5)
    ends = [call for call in calls(study) if call[0] in ("error", "complete")]
    assert ends == [("error", "0"), ("complete", "1", None)]


def test_an_enqueued_trial_is_told_of_when_it_runs():
    study = recorded()
    study.enqueue_trial({})
    study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    started, _ = ask(study, 0.5)
    assert started.number == 0
    assert ("add", "1") not in calls(study)


def test_trials_of_another_pruner_count_too():
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
    ask_and_end = study.ask()
    for step in (1, 2):
        report(ask_and_end, step, {"acc": step / 10, "beta_eff": 1.0})
    study.tell(ask_and_end, 0.2)
    study.pruner = PolicyPruner(Recorder(), metric="acc")
    ask(study, 0.5)
    assert calls(study)[:4] == [
        ("add", "0"),
        ("report", "0", 1, {"acc": 0.1, "beta_eff": 1.0}),
        ("report", "0", 2, {"acc": 0.2, "beta_eff": 1.0}),
        ("complete", "0", 2),
    ]


def test_a_trial_tried_again_does_not_inherit_decisions():
    study = halving_study()
    ask(study, 0.9)
    failed, pruned = ask(study, 0.1)
    assert pruned
    study.tell(failed, state=TrialState.FAIL)
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        retry = optuna.storages.RetryHeartbeatStaleTrialCallback()
    retry(study, study.trials[1])
    again = study.ask()
    assert again.number == 2
    assert study.trials[2].system_attrs.keys() >= {"neurocap:decision:1"}  # that is what Optuna copies
    assert decisions(study.trials[2]) == []
    report(again, 1, {"value": 0.95, "beta_eff": 0.5})
    assert not again.should_prune()
    assert study.trials[2].user_attrs["neurocap:report:1"]["metrics"] == {"value": 0.95, "beta_eff": 0.5}


def test_steps_between_two_questions_are_answered_in_order():
    study = recorded()
    trial = study.ask()
    for step in (1, 3, 2):
        trial.report(step / 10, step)
    trial.should_prune()
    assert [call[2] for call in calls(study) if call[0] == "report"] == [1, 2, 3]


def test_a_step_below_an_answered_one_comes_too_late():
    study = recorded()
    trial, _ = ask(study, 0.5, first=5)
    trial.report(0.4, 3)
    assert not trial.should_prune()
    assert [call[2] for call in calls(study) if call[0] == "report"] == [5]
    assert [d.epoch for d in decisions(study.trials[0])] == [5]


def test_a_question_before_any_report_changes_nothing():
    study = halving_study()
    assert not study.ask().should_prune()
    assert decisions(study.trials[0]) == []


# Answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "good", "bad"), [("maximize", 0.9, 0.1), ("minimize", 0.1, 0.9)])
def test_the_worse_trial_is_pruned(direction, good, bad):
    study = halving_study(direction)
    assert [ask(study, value)[1] for value in (good, bad, good)] == [False, True, False]
    (decision,) = decisions(study.trials[1])
    assert decision.pruned
    assert "the cut-off for the top 1/3 of the one trial before it" in decision.reason


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("step", [1, 9])
def test_a_diverged_trial_is_pruned_with_the_reason(value, step):
    study = halving_study()
    assert ask(study, value, first=step)[1]
    assert (
        decisions(study.trials[0])[0].reason == f"epoch {step}: value is {value}; the training has diverged"
    )


def test_a_fully_trained_trial_is_not_pruned():
    study = halving_study()
    trial, pruned = ask(study, *[0.5] * 9)
    assert not pruned
    assert decisions(study.trials[0])[-1].reason == "epoch 9 of 9: fully trained"
    study.tell(trial, 0.5)
    assert ask(study, 0.1)[1]


def test_a_stop_of_a_trial_of_no_use_prunes():
    study = optuna.create_study(pruner=PolicyPruner(Failing(9)))
    assert ask(study, 0.5)[1]


def test_a_decision_is_honoured_after_a_restart_and_not_made_again():
    study = halving_study()
    ask(study, 0.9)
    trial, pruned = ask(study, 0.5)
    assert pruned
    study.pruner = NeuralCapacitancePruner(1, 9, 3, predictor="capacitance")
    for value in (0.1, 0.1, 0.1):  # 0.5 would do now
        ask(study, value)
    trial.report(0.99, 2)
    assert trial.should_prune()
    assert len(decisions(study.trials[1])) == 1


def test_several_numbers_reach_the_predictor():
    study = halving_study(min_resource=3, metric="acc", bounds=(0, 1))
    trial = study.ask()
    for epoch in (1, 2, 3):
        report(trial, epoch, {"acc": 1 - 0.5 / epoch, "beta_eff": 1 / epoch})
        trial.should_prune()
    last = decisions(study.trials[0])[-1]
    assert last.prediction.fallback is None
    assert last.prediction.mean == pytest.approx(1, abs=0.01)
    assert last.reason.startswith("epoch 3: predicted final acc ")


def test_the_name_of_beta_eff_is_free():
    study = halving_study(min_resource=3, capacitance_attr="capacity")
    trial = study.ask()
    for epoch in (1, 2, 3):
        report(trial, epoch, {"value": 1 - 0.5 / epoch, "capacity": 1 / epoch})
    trial.should_prune()
    assert decisions(study.trials[0])[-1].prediction.fallback is None


def test_with_auto_nothing_is_pruned_before_a_trial_has_completed():
    study = optuna.create_study(direction="maximize", pruner=NeuralCapacitancePruner())
    first, _ = ask(study, *[0.9] * 9)
    waiting, pruned = ask(study, 0.1, 0.1)
    assert not pruned
    assert study.pruner.policy is None
    study.tell(first, 0.9)
    assert waiting.should_prune()  # it is judged by its first step, late
    assert study.pruner.policy.max_t == 9
    assert [d.epoch for d in decisions(study.trials[1])] == [1]


def test_auto_takes_the_first_trial_to_complete_in_every_process():
    study = optuna.create_study(direction="maximize", pruner=NeuralCapacitancePruner())
    long, _ = ask(study, *[0.9] * 20)
    short, _ = ask(study, *[0.9] * 5)
    study.tell(study.ask(), 0.5)  # completed without a report
    study.tell(short, 0.9)
    study.tell(long, 0.9)
    for _ in range(2):
        ask(study, 0.9)
        assert study.pruner.policy.max_t == 5
        study.pruner = NeuralCapacitancePruner()


def test_threads_share_a_pruner():
    study = halving_study()

    def objective(trial):
        for step in range(1, 10):
            trial.report(trial.number / 10 + step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return 1.0

    study.optimize(objective, n_trials=20, n_jobs=4)
    assert len(study.trials) == 20
    assert all(trial.state.is_finished() for trial in study.trials)
    for trial in study.trials:
        assert [d.epoch for d in decisions(trial)] == sorted(trial.intermediate_values)


def test_a_pruner_can_be_pickled_and_builds_its_policy_anew():
    study = halving_study()
    ask(study, 0.9)
    copied = pickle.loads(pickle.dumps(study.pruner))
    assert copied.policy is None
    study.pruner = copied
    assert ask(study, 0.1)[1]
    assert isinstance(copied._lock, type(threading.Lock()))


def test_a_policy_given_once_serves_several_studies():
    policy = SuccessiveHalvingPolicy(metric="acc", max_t=9, reduction_factor=3)
    before, pruner = policy.state_dict(), PolicyPruner(policy)
    studies = [optuna.create_study(direction="maximize", pruner=pruner) for _ in range(2)]
    assert [ask(study, value)[1] for value in (0.9, 0.1) for study in studies] == [False, False, True, True]
    assert policy.state_dict() == before
    assert pruner.metric == "acc"


def test_a_function_makes_the_policy_for_metric_and_mode():
    made = []

    def make(metric, mode):
        made.append((metric, mode))
        return SuccessiveHalvingPolicy(metric=metric, mode=mode, max_t=9)

    study = optuna.create_study(pruner=PolicyPruner(make, metric="loss"))
    ask(study, 0.5)
    assert made[-1] == ("loss", "min")


# Refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [Pausing(9), lambda metric, mode: Pausing(9)])
def test_a_pausing_policy_is_refused(policy):
    with pytest.raises(
        ValueError, match=r"Pausing pauses trials, and Optuna cannot resume one\. Use it under Ray"
    ):
        PolicyPruner(policy)


def test_a_policy_for_the_other_direction_is_refused():
    study = optuna.create_study(pruner=PolicyPruner(SuccessiveHalvingPolicy(metric="acc", max_t=9)))
    with pytest.raises(
        ValueError, match=r"is minimized, but its policy has mode='max'\. Make the policy with mode='min'"
    ):
        ask(study, 0.5)


def test_several_objectives_are_refused():
    study = optuna.create_study(directions=["maximize", "minimize"], pruner=NeuralCapacitancePruner())
    trial = study.ask()
    with pytest.raises(ValueError, match="has 2 objectives, and Optuna prunes only studies with one"):
        report(trial, 1, {"acc": 0.5})
    with pytest.raises(ValueError, match="has 2 objectives"):
        study.pruner.prune(study, study.trials[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_resource": 0}, "min_resource must be at least 1, received 0"),
        ({"min_resource": 5, "max_resource": 4}, "a step from min_resource = 5 on, received 4"),
        ({"max_resource": "all"}, "max_resource must be 'auto' or a step .* received 'all'"),
        ({"reduction_factor": 1}, "reduction_factor must be above 1, received 1"),
        ({"bounds": (1, 0)}, "bounds must be"),
        ({"bounds": (1, 0), "predictor": "capacitance"}, "bounds must be"),
        ({"predictor": "ridge"}, "predictor must be 'combination' or 'capacitance', received 'ridge'"),
        ({"names": {"size": "params"}}, "'size' is no signal of the combination; signals are"),
        ({"audit": 2}, "audit must be a share from 0 to 1, received 2"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        NeuralCapacitancePruner(**arguments)


@pytest.mark.parametrize("key", ["neurocap:decision:1", "neurocap:report:1"])
def test_attributes_of_another_version_are_refused(key):
    study = halving_study()
    trial = study.ask()
    if "decision" in key:
        study._storage.set_trial_system_attr(trial._trial_id, key, {"version": 99, "trial": 0})
    else:
        trial.set_user_attr(key, {"version": 99})
    trial.report(0.5, 1)
    with pytest.raises(ValueError, match="of version 1, received version 99"):
        trial.should_prune()


# report ----------------------------------------------------------------------------------------------


def test_the_first_number_is_the_objective_unless_another_is_named():
    study = recorded()
    trial = study.ask()
    report(trial, 1, {"acc": 0.5, "loss": 2.0})
    report(trial, 2, {"acc": 0.5, "loss": 2.0}, objective="loss")
    assert study.trials[0].intermediate_values == {1: 0.5, 2: 2.0}


@pytest.mark.parametrize(("numbers", "objective"), [({"acc": 0.5}, "loss"), ({}, None)])
def test_an_objective_that_is_not_reported_is_refused(numbers, objective):
    with pytest.raises(ValueError, match=f"The objective {objective!r} is not among the reported numbers"):
        report(recorded().ask(), 1, numbers, objective=objective)


def test_a_metric_reported_beside_another_objective_is_refused():
    study = recorded(metric="acc")
    trial = study.ask()
    report(trial, 1, {"loss": 2.0, "acc": 0.5})
    with pytest.raises(
        ValueError, match=r"reported acc = 0\.5 at step 1, but 2\.0 as its objective.*objective='acc'"
    ):
        trial.should_prune()


def test_numbers_that_are_not_finite_and_seconds_travel():
    study = recorded()
    trial = study.ask()
    seen = []
    report(trial, 1, {"value": 0.5, "beta_eff": math.nan}, seconds=2.5)
    study.pruner = PolicyPruner(Watching(seen))
    trial.should_prune()
    assert seen[0].seconds == 2.5
    assert math.isnan(seen[0].metrics["beta_eff"])


class Watching(FullTrainingPolicy):
    """Keeps the reports in a list that copies share."""

    def __init__(self, seen):
        super().__init__(9)
        self.seen = seen

    def __deepcopy__(self, memo):
        return Watching(self.seen)

    def on_report(self, trial_id, report):
        assert isinstance(report, Report)
        self.seen.append(report)
        return super().on_report(trial_id, report)


def test_the_second_report_of_a_step_is_ignored_as_by_optuna():
    study = recorded()
    trial = study.ask()
    report(trial, 1, {"value": 0.5, "beta_eff": 1.0})
    with pytest.warns(UserWarning, match="already reported"):
        report(trial, 1, {"value": 0.9, "beta_eff": 2.0})
    trial.should_prune()
    assert calls(study)[-1] == ("report", "0", 1, {"value": 0.5, "beta_eff": 1.0})


def test_a_fixed_trial_takes_reports():
    trial = optuna.trial.FixedTrial({})
    report(trial, 1, {"value": 0.5})
    assert not trial.should_prune()


def test_the_cost_of_a_decision_does_not_grow_with_the_reports():
    study = recorded()
    for _ in range(50):
        trial, _ = ask(study, *[0.5] * 5)
        study.tell(trial, 0.5)
    assert sum(call[0] == "report" for call in calls(study)) == 250  # each report is told once
