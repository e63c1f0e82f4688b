"""Two real processes on one study: each sees what the other decided, and a restart sees all."""

import subprocess
import sys

import optuna
import pytest
from optuna.trial import TrialState

from neurocap_search.study import NeuralCapacitancePruner, decisions
from tests.conftest import ROOT, environment
from tests.study.conftest import open_storage

WORKER = """
import sys, time, pathlib, optuna
from neurocap_search.study import NeuralCapacitancePruner, report
from tests.study.conftest import open_storage

kind, folder, level = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
optuna.logging.set_verbosity(optuna.logging.ERROR)
pruner = NeuralCapacitancePruner(1, 9, 3, predictor="capacitance")
study = optuna.load_study(study_name="shared", storage=open_storage(kind, folder), pruner=pruner)

def objective(trial):
    for epoch in range(1, 10):
        report(trial, epoch, {"value": level + trial.suggest_float("x", 0, 1) / 10, "beta_eff": 1 / epoch})
        time.sleep(0.02)
        if trial.should_prune():
            raise optuna.TrialPruned
    return level

study.optimize(objective, n_trials=6)
"""


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_two_processes_share_a_study(kind, tmp_path):
    study = optuna.create_study(
        study_name="shared", storage=open_storage(kind, tmp_path), direction="maximize"
    )
    first = [study.ask() for _ in range(6)]
    study.pruner = NeuralCapacitancePruner(1, 9, 3, predictor="capacitance")
    for trial in first:  # between the two processes: every trial of the worse loses to them, who starts first
        trial.report(0.55, 1)
        assert not trial.should_prune()
    workers = [start(kind, tmp_path, level) for level in (0.8, 0.2)]
    for worker in workers:
        _, said = worker.communicate(timeout=200)
        assert worker.returncode == 0, said
    trials = optuna.load_study(study_name="shared", storage=open_storage(kind, tmp_path)).trials[6:]
    assert len(trials) == 12
    worse = [trial for trial in trials if trial.intermediate_values[1] < 0.5]
    assert [trial.state for trial in worse] == [TrialState.PRUNED] * 6
    assert all("is below" in decisions(trial)[-1].reason for trial in worse)
    for trial in trials:
        made = decisions(trial)
        assert [d.epoch for d in made] == sorted(trial.intermediate_values)
        assert made[-1].pruned == (trial.state is TrialState.PRUNED)

    first[0].report(0.55, 2)  # a third process knows the rungs of both
    assert not first[0].should_prune()
    (rungs,) = study.pruner.policy.state_dict()["brackets"]
    assert set(rungs[-1]["scores"]) == {str(number) for number in range(18)}


def start(kind, folder, level):
    command = [sys.executable, "-c", WORKER, kind, str(folder), str(level)]
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True)
