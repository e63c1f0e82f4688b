"""MLflow's record of a search, in a real store and through a real server."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest

from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision
from neurocap_search.tracking import SearchRecorder, TrialState
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from tests.tracking.conftest import SilentSocket
from tests.tracking.mlflow_view import (
    artifact,
    begin,
    children_in,
    client_of,
    end,
    everything,
    history,
    resume,
    runs_in,
    track,
    wait_for,
)
from tests.tracking.test_record import play

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own deprecations are not ours


@pytest.mark.parametrize("kind", ["sqlite", "http"])
def test_one_parent_and_a_child_for_each_trial(
    kind: str, tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    uri = request.getfixturevalue("server").uri if kind == "http" else database
    tracker = track(tmp_path, uri)
    assert tracker.lacking == 0
    children = children_in(uri)
    assert sorted(children) == [0, 1, 2, 3]
    assert len(runs_in(uri)) == 5
    assert {run.info.status for run in runs_in(uri)} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in children.values()} == {tracker.run_id}
    full, pruned = children[1], children[2]
    assert full.info.run_name == "trial-0001 net 1"
    assert full.data.params["widths"] == "[1]"
    assert full.data.metrics["final_val_accuracy"] == 0.8
    assert full.data.metrics["seconds"] == 6.0
    assert (full.data.metrics["epochs"], full.data.metrics["epochs_saved"]) == (3, 0)
    assert "pruned_epoch" not in full.data.metrics
    assert (pruned.data.metrics["epochs"], pruned.data.metrics["epochs_saved"]) == (2, 1)
    assert pruned.data.metrics["pruned_epoch"] == 2
    assert "final_val_accuracy" not in pruned.data.metrics
    assert pruned.data.tags["neurocap.decision"] == "STOP"
    assert pruned.data.tags["neurocap.reason"] == "because 2"
    assert history(uri, full, "predicted_std") == [(1, 0.05), (2, 0.05), (3, 0.05)]
    # nan is no number: the first beta_eff is missing rather than wrong
    assert [step for step, _ in history(uri, full, "beta_eff")] == [2, 3]
    parent = client_of(uri).get_run(tracker.run_id)
    assert parent.data.params["seed"] == "1"
    assert (parent.data.metrics["pruned"], parent.data.metrics["epochs_saved"]) == (1, 1)


def test_mlflow_reads_the_tables_as_tables(tmp_path: Path, database: str) -> None:
    mlflow.set_tracking_uri(database)  # load_table looks there, whatever its client's address
    tracker = track(tmp_path, database)
    child = children_in(database)[2]
    experiment = child.info.experiment_id
    table = client_of(database).load_table(experiment, "decisions.json", run_ids=[child.info.run_id])
    assert list(table["reason"]) == ["because 1", "because 2"]
    assert list(table["action"]) == ["CONTINUE", "STOP"]
    assert list(table["predicted_mean"]) == [0.2, 0.2]
    assert table["fallback"].fillna("none").to_list() == ["too early", "none"]
    finals = client_of(database).load_table(experiment, "predictions.json", run_ids=[tracker.run_id])
    assert list(finals["trial"]) == [0, 1, 3]  # the pruned one has no final to compare with
    assert finals["error"].to_list() == pytest.approx([0.66 - 0.70, 0.81 - 0.80, 0.62 - 0.65])
    assert finals["seen"].to_list() == pytest.approx([0.6, 0.5, 0.5])


def test_every_state_closes_its_run_as_mlflow_would(tmp_path: Path, database: str) -> None:
    def act(recorder: SearchRecorder) -> None:
        play(recorder)
        recorder.ended("a", TrialState.FAILED, error="RuntimeError: x")
        recorder.ended("b", TrialState.INTERRUPTED)
        for trial in ("paused", "cut off"):
            facts = {"description": trial, "parameters": 1, "multiply_adds": 1}
            recorder.suggested(trial, {"lr": 0.1}, facts)
            action = Action.PAUSE if trial == "paused" else Action.CONTINUE
            recorder.reported(trial, Report(1, {"val_accuracy": 0.5}), Decision(action, 1, "wait"))

    track(tmp_path, database, act)
    states = {n: (r.info.status, r.data.tags["neurocap.state"]) for n, r in children_in(database).items()}
    assert states == {
        0: ("FAILED", "failed"),
        1: ("KILLED", "interrupted"),
        2: ("FINISHED", "pruned"),
        3: ("FINISHED", "completed"),
        4: ("KILLED", "paused"),
        5: ("KILLED", "interrupted"),
    }
    assert children_in(database)[0].data.tags["neurocap.error"] == "RuntimeError: x"
    (parent,) = [run for run in runs_in(database) if "neurocap.kind" in run.data.tags]
    assert parent.info.status == "KILLED"


def test_any_configuration_of_another_program_fits(tmp_path: Path, database: str) -> None:
    long = "x" * 7000

    def act(recorder: SearchRecorder) -> None:
        config: dict[str, Any] = {"model": {"depth": 2, "widths": [8, 8]}, "lr @ start": 0.1, "long": long}
        config |= {f"option/{number}": number for number in range(250)}
        recorder.suggested("a", config, {"description": "", "parameters": 0, "multiply_adds": 0})
        metrics = {"val_accuracy": 0.5, "acc@5 [%]": 1.5, **{f"unit {n}": float(n) for n in range(2100)}}
        for epoch in (1, 2):
            recorder.reported("a", Report(epoch, metrics), Decision(Action.CONTINUE, epoch, "y" * 9000))
        recorder.ended("a", TrialState.COMPLETED)

    assert track(tmp_path, database, act).lacking == 0
    (run,) = children_in(database).values()
    params = run.data.params
    assert (params["model.depth"], params["model.widths"], params["lr _ start"]) == ("2", "[8, 8]", "0.1")
    assert (params["long"], params["option/249"]) == (long[:6000], "249")
    assert run.info.run_name == "trial-0000"
    assert len(run.data.tags["neurocap.reason"]) == 8000
    assert history(database, run, "acc_5 ___") == [(1, 1.5), (2, 1.5)]
    assert history(database, run, "unit 2099") == [(1, 2099.0), (2, 2099.0)]
    assert artifact(database, run, "config.json")["model"] == {"depth": 2, "widths": [8, 8]}


def test_a_trial_that_goes_on_after_a_pause_keeps_its_run(tmp_path: Path, database: str) -> None:
    recorder = begin(tmp_path, MlflowTracker(tmp_path, database, "test", {}))
    recorder.suggested("a", {"lr": 0.1}, {"description": "", "parameters": 0, "multiply_adds": 0})
    recorder.reported("a", Report(1, {"val_accuracy": 0.5}), Decision(Action.PAUSE, 1, "wait"))
    end(recorder)
    (before,) = children_in(database).values()
    again = SearchRecorder(recorder.record, recorder.journal, [MlflowTracker(tmp_path, database, "test", {})])
    again.resumed([])
    again.tell(lambda listener: listener.on_search_start(again.record))
    again.continued("a")
    wait_for(lambda: children_in(database)[0].info.status == "RUNNING")
    again.reported("a", Report(2, {"val_accuracy": 0.6}), Decision(Action.STOP, 2, "done"))
    again.ended("a", TrialState.COMPLETED)
    end(again)
    (after,) = children_in(database).values()
    assert (before.info.status, after.info.status) == ("KILLED", "FINISHED")
    assert after.info.run_id == before.info.run_id
    assert history(database, after, "val_accuracy") == [(1, 0.5), (2, 0.6)]
    assert after.data.tags["neurocap.state"] == "completed"


def test_a_trial_that_starts_over_gets_a_new_run_in_place_of_the_old(tmp_path: Path, database: str) -> None:
    recorder = begin(tmp_path, MlflowTracker(tmp_path, database, "test", {}))
    recorder.suggested("a", {"lr": 0.1}, {"description": "", "parameters": 0, "multiply_adds": 0})
    recorder.reported("a", Report(1, {"val_accuracy": 0.5}), Decision(Action.CONTINUE, 1, "on"))
    recorder.ended("a", TrialState.FAILED, error="OSError: lost")
    end(recorder)
    (before,) = children_in(database).values()
    again = SearchRecorder(recorder.record, recorder.journal, [MlflowTracker(tmp_path, database, "test", {})])
    again.resumed(["a"])
    again.tell(lambda listener: listener.on_search_start(again.record))
    again.restarted("a", "b")
    again.reported("a", Report(1, {"val_accuracy": 0.7}), Decision(Action.STOP, 1, "done"))
    again.ended("a", TrialState.COMPLETED)
    end(again)
    (after,) = children_in(database).values()
    assert after.info.run_id != before.info.run_id
    assert history(database, after, "val_accuracy") == [(1, 0.7)]
    assert "neurocap.error" not in after.data.tags


def test_the_best_network_becomes_a_version_of_a_registered_model(tmp_path: Path, database: str) -> None:
    best = tmp_path / "best"
    best.mkdir()
    (best / "weights.safetensors").write_bytes(b"weights")
    (best / "architecture.json").write_text("{}")
    tracker, again = (MlflowTracker(tmp_path, database, "test", {}, "it's the best") for _ in range(2))
    recorder = begin(tmp_path, tracker)
    play(recorder)
    end(recorder)
    end(resume(tmp_path, again))  # the same network is registered once
    (version,) = client_of(database).search_model_versions("")
    assert (version.name, version.run_id) == ("it's the best", tracker.run_id)
    assert version.tags == {"neurocap.search": "a1", "neurocap.trial": "1"}
    source = client_of(database).get_model_version_download_uri(version.name, version.version)
    assert source == f"runs:/{tracker.run_id}/best"
    files = {file.path for file in client_of(database).list_artifacts(tracker.run_id, "best")}
    assert files == {"best/weights.safetensors", "best/architecture.json"}


def test_numbers_carry_the_times_of_the_events_not_of_their_sending(tmp_path: Path, database: str) -> None:
    tracker = track(tmp_path, database)
    events = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    told = [int(1000 * e["time"]) for e in events if e["event"] == "report" and e["trial_id"] == "b"]
    run = children_in(database)[1]
    points = client_of(database).get_metric_history(run.info.run_id, "val_accuracy")
    assert [(point.step, point.timestamp) for point in points] == list(enumerate(told, 1))
    ended = next(e["time"] for e in events if e["event"] == "ended" and e["trial_id"] == "b")
    assert run.info.end_time == int(1000 * ended)
    assert client_of(database).get_run(tracker.run_id).info.start_time == int(1000 * events[0]["time"])


def test_another_search_of_the_same_name_touches_nothing(tmp_path: Path, database: str) -> None:
    track(tmp_path, database)
    before = {run.info.run_id for run in runs_in(database)}
    folder = tmp_path / "user" / tmp_path.name
    folder.mkdir(parents=True)
    recorder = begin(folder, MlflowTracker(folder, database, "test", {}), search_id="b2")
    play(recorder)
    end(recorder)
    after = {run.info.run_id for run in runs_in(database)}
    assert before < after
    assert len(after) == 10


def test_what_mlflow_lacks_is_sent_on_resuming(tmp_path: Path, database: str) -> None:
    track(tmp_path, database)
    client, children = client_of(database), children_in(database)
    client.delete_run(children[1].info.run_id)
    client.update_run(children[2].info.run_id, status="RUNNING")
    end(resume(tmp_path, MlflowTracker(tmp_path, database, "test", {"seed": 1})))
    again = children_in(database)
    assert sorted(again) == [0, 1, 2, 3]
    assert {number for number in again if again[number].info.run_id == children[number].info.run_id} == {
        0,
        2,
        3,
    }
    assert again[1].data.metrics["final_val_accuracy"] == 0.8
    assert [step for step, _ in history(database, again[1], "predicted_mean")] == [1, 2, 3]
    assert [step for step, _ in history(database, again[2], "predicted_mean")] == [1, 2]
    assert {run.info.status for run in runs_in(database)} == {"FINISHED"}


def test_a_resumed_search_that_has_nothing_new_adds_nothing(tmp_path: Path, database: str) -> None:
    track(tmp_path, database)
    before = everything(database)
    end(resume(tmp_path, MlflowTracker(tmp_path, database, "test", {"seed": 1})))
    after = everything(database)
    for view in (before, after):  # the parent alone ended anew
        del view["parent"]["tags"]["neurocap.events"]
        view["parent"]["times"] = view["parent"]["times"][:1]
    assert after == before


def test_a_moved_run_directory_keeps_its_record_complete(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    track(first, None)
    second = first.rename(tmp_path / "second")
    tracker = MlflowTracker(second, None, "test", {})
    end(resume(second, tracker))
    assert not first.exists()
    (moved,) = [e for e in client_of(tracker.uri).search_experiments() if "second" in e.name]
    runs = runs_in(tracker.uri, moved.name)
    assert len(runs) == 5
    assert all(str(second) in run.info.artifact_uri for run in runs)


def test_a_server_that_cannot_be_reached_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"MLflow cannot use http://127\.0\.0\.1:9.*leave tracking\.uri out"):
        MlflowTracker(tmp_path, "http://127.0.0.1:9", "test", {})


def test_a_server_that_accepts_and_never_answers_is_told_within_seconds(tmp_path: Path) -> None:
    with SilentSocket() as silent, pytest.raises(UserError, match="no answer within 5 seconds"):
        MlflowTracker(tmp_path, silent.uri, "test", {})
