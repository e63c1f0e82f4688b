"""The pruner's default: many signals, an audit, and what was learned of both."""

import inspect

import optuna
import pytest

from neurocap_search.pruning import LearnedHalvingPolicy, SuccessiveHalvingPolicy
from neurocap_search.pruning.audit import Audit
from neurocap_search.study import NeuralCapacitancePruner, decisions, report
from neurocap_search.tune import NeuralCapacitanceScheduler

STEPS = 8


def new_study(storage=None, **arguments):
    pruner = NeuralCapacitancePruner(max_resource=STEPS, metric="acc", **arguments)
    return optuna.create_study(direction="maximize", storage=storage, pruner=pruner)


def train(study, level, loss=None, steps=STEPS):
    """A trial that reports until it is pruned, and tells its last value; it and whether it was pruned."""
    trial = study.ask()
    for step in range(1, steps + 1):
        numbers = {"acc": level * (1 - 0.5**step)}
        report(trial, step, numbers | ({} if loss is None else {"loss": loss / step}))
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return trial, True
    study.tell(trial, level)
    return trial, False


def test_its_default_is_that_of_the_scheduler_and_of_the_stopping_type():
    pruner, scheduler = (
        inspect.signature(made).parameters for made in (NeuralCapacitancePruner, NeuralCapacitanceScheduler)
    )
    for name in ("predictor", "names", "audit", "capacitance_attr", "bounds", "seed"):
        assert pruner[name].default == scheduler[name].default
    study = new_study()
    train(study, 0.5)
    policy = study.pruner.policy
    own = LearnedHalvingPolicy(metric="acc", max_t=STEPS, type="stopping")
    assert isinstance(policy, LearnedHalvingPolicy)
    assert policy.state_dict()["settings"] == own.state_dict()["settings"]


def test_the_ridge_keeps_its_reduction_factor_of_three():
    study = new_study(predictor="capacitance")
    train(study, 0.5)
    assert isinstance(study.pruner.policy, SuccessiveHalvingPolicy)
    assert study.pruner.policy.reduction_factor == 3
    assert study.pruner.insight(study) is None


@pytest.mark.parametrize("names", [None, {"train_loss": "loss"}])
def test_what_is_reported_beside_the_value_decides_with_it(names):
    study = new_study(audit=0, names=names)
    for loss in (0.1, 0.9):  # the same accuracy
        train(study, 0.5, loss)
    (shares,) = [rung.shares for rung in study.pruner.insight(study).rungs if rung.epoch == 1]
    assert (shares["train_loss"] != 0) == (names is not None)
    ranks = [decisions(trial)[0].reason.split(" (")[0] for trial in study.trials]
    assert (ranks[1] == "epoch 1: the combination ranks it 2 of 2") == (names is not None)


@pytest.mark.parametrize(("audit", "pruned"), [(1, 0), (0, 9)])
def test_the_audit_is_never_pruned(audit, pruned):
    study = new_study(audit=audit)
    ends = [train(study, 0.9 - trial / 20)[1] for trial in range(10)]
    assert sum(ends) == pruned
    assert study.pruner.insight(study).audit.trials == (0 if audit == 0 else 10)


def test_the_insight_counts_the_trial_that_ended_last_and_outlives_the_process(storage):
    study = new_study(storage, audit=0.5, seed=3)
    for level in (0.5, 0.7, 0.6, 0.9, 0.4, 0.8):
        train(study, level)
    before = study.pruner.insight(study)
    assert before.audit.trials == sum(_audited(study))
    assert before.rungs[0].trials == 6
    again = optuna.load_study(study_name=study.study_name, storage=storage)
    other = NeuralCapacitancePruner(max_resource=STEPS, metric="acc", audit=0.5, seed=3)
    assert other.insight(again).to_json() == before.to_json()


def _audited(study):
    return ["one of the audit" in decisions(trial)[0].reason for trial in study.trials]


def test_processes_that_see_trials_in_another_order_draw_the_same_audit():
    storage, arguments = optuna.storages.InMemoryStorage(), {"audit": 0.5, "seed": 3}
    study = new_study(storage, **arguments)
    trials = [study.ask() for _ in range(12)]
    pruners = [NeuralCapacitancePruner(max_resource=STEPS, metric="acc", **arguments) for _ in range(2)]
    for trial in reversed(trials):  # the last one asks first, each in the process that it runs in
        study.pruner = pruners[trial.number % 2]
        report(trial, 1, {"acc": 0.1})
        trial.should_prune()
    audit = Audit(0.5, seed=3)
    assert _audited(study) == [audit.draw(str(number)) for number in range(12)]


def test_while_full_training_is_unknown_nothing_is_learned():
    study = optuna.create_study(direction="maximize", pruner=NeuralCapacitancePruner(metric="acc"))
    first = study.ask()
    report(first, 1, {"acc": 0.5})
    assert not first.should_prune()
    assert study.pruner.insight(study) is None
    study.tell(first, 0.5)
    assert study.pruner.insight(study) is not None


def test_insight_of_several_objectives_is_refused():
    study = optuna.create_study(directions=["maximize", "minimize"], pruner=NeuralCapacitancePruner())
    with pytest.raises(ValueError, match="has 2 objectives"):
        study.pruner.insight(study)
