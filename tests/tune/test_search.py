"""Whole searches as a user runs them: a real Ray, a real Optuna, a real MLflow store."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from filelock import FileLock
from safetensors.torch import load_file

from tests.conftest import ROOT, SMALL, FinishedSearch, environment, run_cli, search_digits

pytestmark = pytest.mark.timeout(400)


def rows_of(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "trials.csv").read_text().splitlines()))


def decisions_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "decisions.jsonl").read_text().splitlines()]


def without_times(folder: Path) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows_of(folder)]


def runs_of(folder: Path) -> pd.DataFrame:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    return mlflow.search_runs(search_all_experiments=True)


def test_a_search_finishes_prunes_and_says_so(finished: FinishedSearch) -> None:
    printed = finished.printed
    assert (printed["num_trials"], printed["completed"] + printed["pruned"], printed["failed"]) == (8, 8, 0)
    assert printed["lost_epochs"] == 0
    assert printed["pruned"] > 0
    assert printed["epochs"] < printed["full_epochs"] == 48
    assert printed["warnings"] == []
    assert printed["best"]["val_accuracy"] > 0.6
    assert 0.5 < printed["test_accuracy"] <= 1
    assert f"--backend-store-uri {printed['mlflow']['uri']}" in printed["mlflow"]["open"]
    words = finished.process.stderr
    assert "trained to the end" in words
    assert "saved)" in words
    assert "just seen: mean error" in words
    assert words.count("trial-0007") >= 1


def test_the_run_directory_is_complete(finished: FinishedSearch) -> None:
    folder = finished.folder
    rows, decisions = rows_of(folder), decisions_of(folder)
    assert [int(row["trial"]) for row in rows] == list(range(8))
    assert sum(int(row["epochs"]) for row in rows) == len(decisions) == finished.printed["epochs"]
    assert all(decision["reason"] and decision["prediction"] for decision in decisions)
    stops = [d for d in decisions if d["pruned"]]
    assert {d["trial"] for d in stops} == {int(row["trial"]) for row in rows if row["state"] == "pruned"}
    assert all("the cut-off for the top 1/2" in d["reason"] for d in stops)
    best = json.loads((folder / "best" / "architecture.json").read_text())
    assert best["architecture"] == finished.printed["best"]["architecture"]
    assert load_file(folder / "best" / "weights.safetensors")
    for name in ("learning_curves", "predicted_against_final"):
        assert (folder / "figures" / f"{name}.png").stat().st_size > 10_000


@pytest.mark.filterwarnings("default")
def test_mlflow_holds_one_parent_and_one_child_for_each_trial(finished: FinishedSearch) -> None:
    runs = runs_of(finished.folder)
    parents, children = (
        runs[runs["tags.neurocap.kind"] == "search"],
        runs[runs["tags.neurocap.trial"].notna()],
    )
    assert (len(parents), len(children), len(runs)) == (1, 8, 9)
    assert set(children["tags.mlflow.parentRunId"]) == {parents.iloc[0]["run_id"]}
    assert set(runs["status"]) == {"FINISHED"}
    assert children["metrics.predicted_mean"].notna().all()
    states = children.groupby("tags.neurocap.state")
    assert states.get_group("completed")["metrics.final_val_accuracy"].notna().all()
    assert states.get_group("pruned")["metrics.final_val_accuracy"].isna().all()
    assert states.get_group("pruned")["metrics.pruned_epoch"].isin([3]).all()
    assert parents.iloc[0]["metrics.best_final_val_accuracy"] == children["metrics.final_val_accuracy"].max()


@pytest.mark.slow
def test_the_same_seed_and_one_worker_give_the_same_search(finished: FinishedSearch, tmp_path: Path) -> None:
    again = search_digits(tmp_path)
    assert without_times(again.folder) == without_times(finished.folder)
    assert decisions_of(again.folder) == decisions_of(finished.folder)
    assert again.printed["best"] == finished.printed["best"]
    assert again.printed["test_accuracy"] == finished.printed["test_accuracy"]


def start_search(parent: Path, until: str) -> subprocess.Popen[str]:
    """Start the small search and return once it has told of the trial ``until``."""
    command = [sys.executable, "-m", "neurocap_search", "search", "configs/digits.yaml", *SMALL]
    process = subprocess.Popen(
        [*command, f"output.dir={parent}"],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if until in line:
            break
    return process


def test_ctrl_c_keeps_what_is_finished_and_resuming_ends_as_if_undisturbed(
    finished: FinishedSearch, tmp_path: Path
) -> None:
    process = start_search(tmp_path, until="trial-0001")
    process.send_signal(signal.SIGINT)
    words = process.communicate(timeout=120)[0]
    assert process.returncode == 130, words
    (folder,) = tmp_path.iterdir()
    assert f"search --resume {folder}" in words
    kept = [row for row in without_times(folder) if row["state"] in ("completed", "pruned")]
    assert 2 <= len(kept) < 8
    resumed = run_cli("search", "--resume", str(folder), "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert without_times(folder) == without_times(finished.folder)
    assert without_times(folder)[: len(kept)] == kept
    assert json.loads(resumed.stdout)["best"] == finished.printed["best"]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_killed_search_goes_on_from_its_journal(finished: FinishedSearch, tmp_path: Path) -> None:
    process = start_search(tmp_path, until="trial-0002")
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (folder,) = tmp_path.iterdir()
    resumed = run_cli("search", "--resume", str(folder), "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert without_times(folder) == without_times(finished.folder)
    runs = runs_of(folder)
    assert (len(runs), set(runs["status"])) == (9, {"FINISHED"})  # a child for each trial, none doubled


PROMOTING = ["search.num_trials=5", "scheduler.type=promotion", "scheduler.reduction_factor=3"]
"""The first rung is epoch 3."""


def epochs_of(folder: Path) -> list[tuple[int, int]]:
    """Return trial and epoch of every report in the journal."""
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    numbers = {event["trial_id"]: event["number"] for event in events if event["event"] == "suggested"}
    return [(numbers[e["trial_id"]], e["report"]["epoch"]) for e in events if e["event"] == "report"]


def test_a_killed_search_of_the_promotion_type_goes_on_from_checkpoints(tmp_path: Path) -> None:
    whole = search_digits(tmp_path / "whole", *PROMOTING)
    assert 0 < whole.printed["pruned"] < 5
    assert whole.printed["completed"] > 0
    checkpoints = list(whole.folder.glob("ray-*/*/checkpoint_*"))
    assert len(checkpoints) == whole.printed["completed"]  # those given up leave nothing on the disk
    command = [sys.executable, "-m", "neurocap_search", "search", "configs/digits.yaml", *SMALL, *PROMOTING]
    command += [f"output.dir={tmp_path / 'cut'}"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while True:
        journals = list((tmp_path / "cut").glob("*/journal.jsonl"))
        if journals and len(epochs_of(journals[0].parent)) >= 10:
            break
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    folder = journals[0].parent
    before = epochs_of(folder)
    paused = {number for number, epoch in before if epoch == 3} - {n for n, epoch in before if epoch > 3}
    resumed = run_cli("search", "--resume", str(folder), "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert without_times(folder) == without_times(whole.folder)
    again = epochs_of(folder)[len(before) :]
    assert not [(number, epoch) for number, epoch in again if number in paused and epoch <= 3]
    assert json.loads(resumed.stdout)["test_accuracy"] == whole.printed["test_accuracy"]


def test_resuming_a_finished_search_trains_nothing(finished: FinishedSearch) -> None:
    before = without_times(finished.folder)
    again = run_cli("search", "--resume", str(finished.folder), "--json")
    assert again.returncode == 0, again.stderr
    assert without_times(finished.folder) == before


def test_a_moved_search_asked_for_fewer_trials_trains_nothing(
    finished: FinishedSearch, tmp_path: Path
) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(finished.folder, folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("num_trials: 8", "num_trials: 5"))
    process = run_cli("search", "--resume", str(folder), "--json")
    assert process.returncode == 0, process.stderr
    assert without_times(folder) == without_times(finished.folder)
    assert json.loads(process.stdout)["test_accuracy"] == finished.printed["test_accuracy"]


def test_a_second_process_is_kept_out(finished: FinishedSearch) -> None:
    with FileLock(finished.folder / ".lock"):
        process = run_cli("search", "--resume", str(finished.folder))
    assert process.returncode == 2
    assert "Another process is running the search in" in process.stderr


def test_a_trial_that_fails_is_a_result_and_the_search_goes_on(tmp_path: Path) -> None:
    # A learning rate of 1e30 diverges at once, one of 0.05 is fine.
    points = "search.points_to_evaluate=[{depth: 1, width_1: 16, activation: relu, normalisation: none, "
    points += "dropout: 0.0, learning_rate: 1e+30}, {depth: 1, width_1: 16, activation: relu, "
    points += "normalisation: none, dropout: 0.0, learning_rate: 0.05}]"
    space = "space.hyperparameters.learning_rate={low: 1e-2, high: 1e+30, log: true}"
    process = run_cli(
        "search",
        "configs/digits.yaml",
        *SMALL,
        "search.num_trials=2",
        space,
        points,
        "search.sampler=random",
        f"output.dir={tmp_path}",
        "--json",
    )
    (folder,) = tmp_path.iterdir()
    rows = rows_of(folder)
    assert rows[0]["state"] == "failed"
    assert rows[0]["reason"].startswith("DivergedError: The training loss is")
    assert "Traceback" not in process.stderr
    assert rows[1]["state"] == "completed"
    assert json.loads(process.stdout)["failed"] == 1


def test_the_learned_combination_searches_by_default(tmp_path: Path) -> None:
    overrides = ["search.num_trials=5", "search.max_concurrent=2", "training.epochs=3", "scheduler.audit=0"]
    process = run_cli("search", "configs/digits.yaml", *overrides, f"output.dir={tmp_path}", "--json")
    assert process.returncode == 0, process.stderr
    printed = json.loads(process.stdout)
    lines = (Path(printed["run_dir"]) / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    decisions = [json.loads(line) for line in lines]
    assert (printed["completed"], printed["pruned"]) == (3, 2)  # the promotion type finishes at least three
    predictors = {d["prediction"]["predictor"] for d in decisions if d.get("prediction")}
    assert predictors == {"learned_combination"}
    early = [line for line in decisions if line["epoch"] == 0.25]
    assert len(early) == 5  # everybody is compared within the first epoch by what training has told
    assert all("by its training so far" in line["reason"] for line in early)
    assert printed["epochs"] % 1 == 0.25 * (sum(line["pruned"] for line in early) % 4)


@pytest.mark.slow
def test_another_scheduler_by_name(tmp_path: Path) -> None:
    search = search_digits(tmp_path, "scheduler.name=asha")
    assert search.printed["pruned"] > 0
    assert search.printed["quality"] is None  # nothing was predicted
