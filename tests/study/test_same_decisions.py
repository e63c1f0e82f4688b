"""One policy, three places: the pruner decides as the policy fed by hand and as the Ray Tune scheduler."""

import json
import re
from types import SimpleNamespace

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState

from neurocap_search.prediction import Report
from neurocap_search.pruning import SuccessiveHalvingPolicy
from neurocap_search.study import NeuralCapacitancePruner, PolicyPruner, decisions, report
from neurocap_search.tune import NeuralCapacitanceScheduler

values = st.integers(0, 9).map(lambda k: k / 10) | st.floats(-1e6, 1e6) | st.just(float("nan"))
# A trial, how far its step moves, its value, whether it ends there by itself.
ends = st.sampled_from([False] * 9 + [True])
moves = st.tuples(st.integers(0, 7), st.sampled_from([1, 1, 1, 2, 3]), values, ends)
streams = st.lists(moves, max_size=60)
arguments = st.fixed_dictionaries(
    {
        "min_resource": st.integers(1, 3),
        "max_resource": st.integers(3, 20),
        "reduction_factor": st.sampled_from([2, 3, 4]),
    }
)
UNPREDICTED = re.compile(r" \(no prediction: [^)]*\)")
directions = st.sampled_from(["maximize", "minimize"])
predictors = st.sampled_from(
    [
        {"predictor": "capacitance"},
        {"predictor": "combination", "audit": 0.3, "seed": 1, "names": {"train_loss": "loss"}},
    ]
)


def play(study, stream, numbers=lambda step, value: None):
    """Run a stream in one process; return every answered report as (trial, step, value, what was decided)."""
    trials, steps, told = {}, {}, []
    for name, move, value, ends in stream:
        if name in trials and trials[name] is None:
            continue
        trial = trials.setdefault(name, None) or study.ask()
        trials[name] = trial
        step = steps[name] = steps.get(name, 0) + move
        if (beside := numbers(step, value)) is None:
            trial.report(value, step)
        else:
            report(trial, step, {"value": value} | beside)
        pruned = trial.should_prune()
        assert trial.should_prune() == pruned  # asking twice changes nothing
        told.append((trial.number, step, value, beside or {}, pruned, ends))
        if pruned or ends:
            study.tell(trial, state=TrialState.PRUNED)
            trials[name] = None
    return told


def reasons(study):
    return {trial.number: [d.reason for d in decisions(trial)] for trial in study.trials}


@given(arguments, directions, streams)
@settings(deadline=None, max_examples=60)
def test_without_beta_eff_decisions_are_those_of_successive_halving(arguments, direction, stream):
    pruner = NeuralCapacitancePruner(**arguments, predictor="capacitance")
    study = optuna.create_study(direction=direction, pruner=pruner)
    policy, expected = halving(arguments, direction), {}
    for number, step, value, _, pruned, ends in play(study, stream):
        decision = policy.on_report(str(number), Report(step, {"value": value}))
        expected.setdefault(number, []).append(decision.reason)
        assert pruned == (decision.pruned or decision.failed)
        if pruned or ends:
            policy.on_complete(str(number), Report(step, {"value": value}))
    # Only the words differ: the pruner adds that it could predict nothing.
    assert {
        n: [UNPREDICTED.sub("", reason) for reason in made] for n, made in reasons(study).items()
    } == expected


def halving(arguments, direction, **others):
    return SuccessiveHalvingPolicy(
        metric="value",
        mode="max" if direction == "maximize" else "min",
        max_t=arguments["max_resource"],
        grace_period=arguments["min_resource"],
        reduction_factor=arguments["reduction_factor"],
        **others,
    )


@given(predictors, arguments, directions, streams)
@settings(deadline=None, max_examples=60)
def test_with_beta_eff_decisions_are_those_of_the_ray_scheduler(predictor, arguments, direction, stream):
    stream = [(name, move, value if value == value else 0.0, ends) for name, move, value, ends in stream]
    pruner = NeuralCapacitancePruner(**arguments, **predictor)
    study = optuna.create_study(direction=direction, pruner=pruner)
    told = play(study, stream, signals)
    scheduler = NeuralCapacitanceScheduler(
        **predictor,
        metric="value",
        mode="max" if direction == "maximize" else "min",
        max_t=arguments["max_resource"],
        grace_period=arguments["min_resource"],
        reduction_factor=arguments["reduction_factor"],
    )
    for number, step, value, beside, pruned, ends in told:
        trial = SimpleNamespace(trial_id=str(number), last_result={})
        if str(number) not in scheduler.decisions:
            scheduler.policy.on_add(str(number))
        result = {"training_iteration": step, "value": value, **beside}
        scheduler.on_trial_result(None, trial, result)
        if pruned or ends:  # Ray would also end a fully trained trial; a study hears of it when it is told
            scheduler.on_trial_complete(None, trial, result)
    kept = {int(name): [d.reason for d in made] for name, made in scheduler.decisions.items()}
    assert reasons(study) == kept
    assert _json(pruner.insight(study)) == _json(scheduler.policy.insight())


def signals(step, value):
    return {"beta_eff": value / 3 + 1 / step, "loss": 1 / step - value}


def _json(insight):
    return insight and insight.to_json()


@given(predictors, arguments, directions, streams)
@settings(deadline=None, max_examples=60)
def test_a_restart_forgets_nothing(predictor, arguments, direction, stream):
    check_restart(lambda: NeuralCapacitancePruner(**arguments, **predictor), direction, stream)


@given(arguments, directions, streams)
@settings(deadline=None, max_examples=20)
def test_a_restart_draws_the_same_brackets(arguments, direction, stream):
    check_restart(lambda: PolicyPruner(halving(arguments, direction, brackets=3)), direction, stream)


def check_restart(make_pruner, direction, stream):
    study = optuna.create_study(direction=direction, pruner=make_pruner())
    play(study, stream, signals)
    before = reasons(study)
    again = optuna.load_study(study_name=study.study_name, storage=study._storage, pruner=make_pruner())
    trial = study.ask()
    trial.report(0.5, 1)
    study.pruner.prune(study, study.trials[-1])
    again.pruner.prune(again, again.trials[-1])  # honours the decision just made, and learns all others
    assert json.dumps(again.pruner.policy.state_dict()) == json.dumps(study.pruner.policy.state_dict())
    assert {number: made for number, made in reasons(again).items() if number != trial.number} == before
    assert len(decisions(again.trials[-1])) == 1


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_every_storage_gives_the_same_answers(storage, direction):
    stream = [(name, 1, (name * 7 % 5 + step) / 10, False) for step in range(9) for name in range(6)]
    arguments = {"min_resource": 1, "max_resource": 9, "reduction_factor": 3}
    study = optuna.create_study(
        storage=storage, direction=direction, pruner=NeuralCapacitancePruner(**arguments)
    )
    told = play(study, stream)
    memory = optuna.create_study(direction=direction, pruner=NeuralCapacitancePruner(**arguments))
    assert [t[4] for t in told] == [t[4] for t in play(memory, stream)]
    assert reasons(study) == reasons(memory)
    assert any(t[4] for t in told)
