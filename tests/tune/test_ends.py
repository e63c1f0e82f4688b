"""Experiments that are ended from outside: no trial is left as if it still ran, anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from tests.conftest import ROOT, environment


@pytest.mark.filterwarnings("default")  # MLflow's own, when its store is opened
@pytest.mark.parametrize(
    "how", ["interrupt", *(pytest.param(how, marks=pytest.mark.slow) for how in ("budget", "stopper"))]
)
def test_what_was_cut_off_is_marked_in_optuna_record_and_mlflow(how: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.tune.programs.ending", str(tmp_path), how]
    process = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=200
    )
    assert process.returncode == 0, process.stderr[-3000:]
    left = json.loads((tmp_path / "left.json").read_text())
    assert left["optuna"][:3] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert set(left["optuna"][3:]) <= {"FAIL"}
    assert left["record"][:3] == ["completed", "completed", "interrupted"]
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/exp/mlflow.db")
    runs = mlflow.search_runs(search_all_experiments=True)
    children = runs[runs["tags.neurocap.trial"].notna()]
    statuses = children.sort_values("tags.neurocap.trial", key=lambda numbers: numbers.astype(int))["status"]
    assert list(statuses)[:3] == ["FINISHED", "FINISHED", "KILLED"]
    assert "RUNNING" not in set(runs["status"])
    assert (tmp_path / "exp" / "trials.csv").read_text().count("\n") == len(left["record"]) + 1
