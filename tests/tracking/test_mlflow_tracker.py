"""MLflow's record, in a real store and through a real server."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from neurocap_search.errors import UserError
from neurocap_search.tracking import SearchRecorder, summarise
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from tests.conftest import environment
from tests.tracking.test_record import make, play

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own deprecations are not ours


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on loopback."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--workers",
        "1",
        "--backend-store-uri",
        f"sqlite:///{folder}/db",
        "--artifacts-destination",
        str(folder),
    ]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), *options]
    quiet = environment() | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=quiet, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(url)


def track(folder: Path, uri: str | None) -> tuple[MlflowTracker, SearchRecorder]:
    tracker = MlflowTracker(folder, uri, "test", {"seed": 1})
    recorder = make(folder, tracker)
    recorder.tell(lambda listener: listener.on_search_start(recorder.record))
    play(recorder)
    summary = summarise(recorder.record, 2)
    recorder.tell(lambda listener: listener.on_search_end(recorder.record, summary))
    assert recorder.failures == {}
    return tracker, recorder


@pytest.mark.parametrize("kind", ["sqlite", "http"])
def test_one_parent_and_a_child_for_each_trial(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = request.getfixturevalue("server") if kind == "http" else None
    tracker, _ = track(tmp_path, uri)
    client = MlflowClient(tracking_uri=tracker.uri)
    runs = client.search_runs([client.get_experiment_by_name("test").experiment_id])
    children = {
        int(run.data.tags["neurocap.trial"]): run
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == tracker.run_id
    }
    assert sorted(children) == [0, 1, 2, 3]
    assert len(runs) == 5
    assert {run.info.status for run in runs} == {"FINISHED"}
    full, pruned = children[1], children[2]
    assert full.info.run_name == "trial-0001 net 1"
    assert full.data.params["widths"] == "[1]"
    assert full.data.metrics["final_val_accuracy"] == 0.8
    assert "pruned_epoch" not in full.data.metrics
    assert pruned.data.metrics["pruned_epoch"] == 2
    assert "final_val_accuracy" not in pruned.data.metrics
    assert pruned.data.tags["neurocap.decision"] == "STOP"
    assert pruned.data.tags["neurocap.reason"] == "because 2"
    history = client.get_metric_history(full.info.run_id, "predicted_std")
    assert [(point.step, point.value) for point in history] == [(1, 0.05), (2, 0.05), (3, 0.05)]
    # nan is no number: the first beta_eff is missing rather than wrong
    assert [p.step for p in client.get_metric_history(full.info.run_id, "beta_eff")] == [2, 3]
    assert {f.path for f in client.list_artifacts(full.info.run_id)} == {
        "architecture.json",
        "decisions.json",
    }
    parent = client.get_run(tracker.run_id)
    assert parent.data.params["seed"] == "1"
    assert parent.data.metrics["pruned"] == 1


def active_runs(tracker: MlflowTracker) -> list[Any]:
    client = MlflowClient(tracking_uri=tracker.uri)
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def test_a_resumed_search_finds_its_runs_again(tmp_path: Path) -> None:
    tracker, recorder = track(tmp_path, None)
    again = MlflowTracker(tmp_path, None, "test", {"seed": 1})
    again.on_search_start(recorder.record)
    assert again.run_id == tracker.run_id
    again.on_trial_start(recorder.record, recorder.record.trials["d"])  # starts over: replaced, not doubled
    assert len(active_runs(tracker)) == 5


def test_another_search_of_the_same_name_touches_nothing(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/shared.db"
    tracker, _ = track(tmp_path, uri)
    before = {run.info.run_id for run in active_runs(tracker)}
    (tmp_path / "user").mkdir()
    folder = tmp_path / "user" / tmp_path.name
    folder.mkdir()
    other = MlflowTracker(folder, uri, "test", {"seed": 1})
    recorder = make(folder, other, search_id="b2")
    recorder.tell(lambda listener: listener.on_search_start(recorder.record))
    play(recorder)
    assert recorder.failures == {}
    assert before < {run.info.run_id for run in active_runs(tracker)}
    assert len(active_runs(tracker)) == 10


def test_what_mlflow_lacks_is_sent_on_resuming(tmp_path: Path) -> None:
    tracker, recorder = track(tmp_path, None)
    # As after an outage: one trial is missing, another was never closed.
    client = MlflowClient(tracking_uri=tracker.uri)
    children = {run.data.tags.get("neurocap.trial"): run.info.run_id for run in active_runs(tracker)}
    client.delete_run(children["1"])
    client.update_run(children["2"], status="RUNNING")
    MlflowTracker(tmp_path, None, "test", {}).on_search_start(recorder.record)
    runs = {run.data.tags.get("neurocap.trial"): run for run in active_runs(tracker)}
    assert sorted(filter(None, runs)) == ["0", "1", "2", "3"]
    assert runs["1"].data.metrics["final_val_accuracy"] == 0.8
    assert [p.step for p in client.get_metric_history(runs["1"].info.run_id, "predicted_mean")] == [1, 2, 3]
    assert runs["2"].info.status == "FINISHED"


def test_a_moved_run_directory_keeps_its_record_complete(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    _, recorder = track(first, None)
    second = first.rename(tmp_path / "second")
    again = MlflowTracker(second, None, "test", {})
    again.on_search_start(recorder.record)
    assert not first.exists()
    children = [run for run in active_runs(again) if run.data.tags.get("mlflow.parentRunId") == again.run_id]
    assert len(children) == 4
    assert all(str(second) in run.info.artifact_uri for run in children)


def test_an_unreachable_server_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"MLflow cannot use http://127\.0\.0\.1:9.*leave tracking\.uri out"):
        MlflowTracker(tmp_path, "http://127.0.0.1:9", "test", {})
