"""A tracking server that dies, hangs, or takes records and loses its answer: nothing is lost or doubled."""

import contextlib
import logging
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision
from neurocap_search.tracking import (
    SearchListener,
    SearchRecord,
    SearchRecorder,
    TrialRecord,
    TrialState,
    mlflow_store,
)
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from neurocap_search.tracking.sync import sync_run
from tests.conftest import ROOT, environment
from tests.tracking.conftest import MlflowServer, SilentSocket, new_database
from tests.tracking.mlflow_view import (
    begin,
    children_in,
    client_of,
    end,
    everything,
    history,
    runs_in,
    track,
    wait_for,
)
from tests.tracking.test_record import play

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own deprecations are not ours


class Stopwatch(SearchListener):
    """Stands behind a listener and notes the longest time that it held up the search."""

    def __init__(self, listener: MlflowTracker) -> None:
        self._listener, self.longest = listener, 0.0

    def on_search_start(self, record: SearchRecord) -> None:
        self._listener.on_search_start(record)

    def on_report(self, record: SearchRecord, trial: TrialRecord) -> None:
        self._timed(self._listener.on_report, record, trial)

    def on_trial_end(self, record: SearchRecord, trial: TrialRecord) -> None:
        self._timed(self._listener.on_trial_end, record, trial)

    def on_search_end(self, record: SearchRecord, summary: Any) -> None:
        self._listener.on_search_end(record, summary)

    def _timed(self, hook: Any, *args: Any) -> None:
        began = time.perf_counter()
        hook(*args)
        self.longest = max(self.longest, time.perf_counter() - began)


def train(recorder: SearchRecorder, trial_id: str, *, epochs: int = 3) -> None:
    """A trial that is trained to the end."""
    config = {"architecture": {"widths": [1]}, "training": {}}
    recorder.suggested(trial_id, config, {"description": trial_id, "parameters": 1, "multiply_adds": 1})
    recorder.started(trial_id)
    for epoch in range(1, epochs + 1):
        report = Report(epoch, {"val_accuracy": epoch / 10}, seconds=1.0)
        recorder.reported(trial_id, report, Decision(Action.CONTINUE, epoch, "on"))
    recorder.ended(trial_id, TrialState.COMPLETED)


def test_a_server_that_dies_and_comes_back_misses_nothing(
    server: MlflowServer, tmp_path: Path, blank_database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = MlflowTracker(tmp_path, server.uri, "restart", {"seed": 1})
    watch = Stopwatch(tracker)
    recorder = begin(tmp_path, watch)
    train(recorder, "a")
    wait_for(lambda: len(runs_in(server.uri, "restart")) == 2)
    server.stop()
    with caplog.at_level(logging.WARNING, logger="neurocap_search"):
        for trial in "bcdefgh":
            train(recorder, trial)
            time.sleep(0.4)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("neurocap_search")]
    assert [line.partition(" (")[0] for line in lines] == ["MLflow does not answer"]  # once, not per record
    server.start()
    wait_for(lambda: len(runs_in(server.uri, "restart")) == 9)  # by itself, before the search ends
    train(recorder, "i")
    end(recorder)
    assert (tracker.lacking, recorder.failures) == (0, {})
    assert watch.longest < 0.1
    undisturbed = new_database(blank_database, tmp_path / "undisturbed")
    sync_run(tmp_path, undisturbed)
    assert len(everything(server.uri, "restart")) == 10
    assert everything(server.uri, "restart") == everything(undisturbed, "restart")


def test_a_server_that_is_gone_for_good_gets_the_rest_by_sync(
    server: MlflowServer, tmp_path: Path, blank_database: Path
) -> None:
    tracker = MlflowTracker(tmp_path, server.uri, "sync", {"seed": 1})
    watch = Stopwatch(tracker)
    recorder = begin(tmp_path, watch)
    train(recorder, "a")
    wait_for(lambda: any(run.info.status == "FINISHED" for run in runs_in(server.uri, "sync")))
    server.stop()
    with SilentSocket(server.port):  # worse than gone: it accepts and never answers
        train(recorder, "b")
        time.sleep(6)  # by now it is known not to answer
        train(recorder, "c")
        began = time.perf_counter()
        end(recorder)
        assert time.perf_counter() - began < 1.5
        assert watch.longest < 0.1
        assert tracker.lacking == 2 * 4 + 1
        with pytest.raises(UserError, match="no answer within 5 seconds"):
            sync_run(tmp_path)
    server.start()
    synced = sync_run(tmp_path)
    assert (synced.records, synced.runs) == (9, 3)
    view = everything(server.uri, "sync")
    undisturbed = new_database(blank_database, tmp_path / "undisturbed")
    sync_run(tmp_path, undisturbed)
    assert view == everything(undisturbed, "sync")
    assert sync_run(tmp_path).records == 0
    assert everything(server.uri, "sync") == view


def test_a_server_that_falls_silent_at_the_end_holds_it_up_for_seconds_only(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker, silence = MlflowTracker(tmp_path, database, "test", {}), threading.Event()
    monkeypatch.setattr(MlflowStore, "_ask", lambda *args, **options: silence.wait(30))
    recorder = begin(tmp_path, tracker)
    train(recorder, "a")
    began = time.perf_counter()
    end(recorder)
    assert 4 < time.perf_counter() - began < 7
    silence.set()
    assert tracker.lacking == 3 + 1 + 1


class LostAnswerError(OSError):
    """The server did as it was told, and its answer was lost."""


def test_an_error_after_any_call_is_harmless(
    tmp_path: Path, blank_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = new_database(blank_database, tmp_path / "live")
    track(tmp_path / "live", live, train_and_prune)
    whole = new_database(blank_database, tmp_path / "whole")
    sync_run(tmp_path / "live", whole)
    expected, ask = everything(whole), MlflowStore._ask
    left = 0

    def lossy(store: MlflowStore, *args: Any, **options: Any) -> Any:
        nonlocal left
        answer = ask(store, *args, **options)
        left -= 1
        if left == 0:
            raise LostAnswerError("connection lost")
        return answer

    monkeypatch.setattr(MlflowStore, "_ask", lossy)
    for calls in range(1, 100):
        uri = new_database(blank_database, tmp_path / str(calls))
        left = calls
        with contextlib.suppress(UserError):
            sync_run(tmp_path / "live", uri)
        if left > 0:
            break  # it needed fewer calls than that
        sync_run(tmp_path / "live", uri)
        assert everything(uri) == expected, f"after call {calls}"
    assert 20 < calls < 99


def train_and_prune(recorder: SearchRecorder) -> None:
    """One trial trained to the end and one pruned: all kinds of calls."""
    train(recorder, "a")
    recorder.suggested("b", {"lr": 0.1}, {"description": "", "parameters": 0, "multiply_adds": 0})
    recorder.reported("b", Report(1, {"val_accuracy": 0.5}), Decision(Action.STOP, 1, "no", pruned=True))
    recorder.ended("b", TrialState.PRUNED)


def test_live_errors_at_random_calls_are_harmless(
    tmp_path: Path, blank_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, ask, calls = new_database(blank_database, tmp_path / "live"), MlflowStore._ask, 0

    def flaky(store: MlflowStore, *args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        answer = ask(store, *args, **options)
        if calls % 13 == 0:
            raise LostAnswerError("connection lost")
        return answer

    monkeypatch.setattr(MlflowStore, "_ask", flaky)
    recorder = begin(tmp_path, MlflowTracker(tmp_path, uri, "test", {}))
    play(recorder)
    wait_for(lambda: len([run for run in runs_in(uri) if run.info.status == "FINISHED"]) == 4)
    end(recorder)
    monkeypatch.setattr(MlflowStore, "_ask", ask)
    sync_run(tmp_path)
    undisturbed = new_database(blank_database, tmp_path / "undisturbed")
    sync_run(tmp_path, undisturbed)
    assert everything(uri) == everything(undisturbed)


def test_a_record_mlflow_refuses_holds_up_no_other(tmp_path: Path, database: str) -> None:
    tracker = MlflowTracker(tmp_path, database, "test", {})
    recorder = begin(tmp_path, tracker)
    train(recorder, "a", epochs=1)
    wait_for(lambda: bool(runs_in(database)) and children_in(database)[0].info.status == "FINISHED")
    # Somebody deletes the run of a trial that goes on: MLflow takes nothing for it any more.
    recorder.suggested("b", {"lr": 0.1}, {"description": "", "parameters": 0, "multiply_adds": 0})
    recorder.started("b")
    wait_for(lambda: 1 in children_in(database))
    client_of(database).delete_run(children_in(database)[1].info.run_id)
    recorder.reported("b", Report(1, {"val_accuracy": 0.5}), Decision(Action.CONTINUE, 1, "on"))
    train(recorder, "c")
    wait_for(lambda: 2 in children_in(database) and children_in(database)[2].info.status == "FINISHED")
    recorder.ended("b", TrialState.COMPLETED)
    end(recorder)
    assert tracker.lacking == 0  # at the end the deleted run was made anew
    assert history(database, children_in(database)[1], "val_accuracy") == [(1, 0.5)]


def test_no_secret_reaches_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blank_database: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cr3t-token")
    uri = new_database(blank_database, tmp_path / "elsewhere")
    folder = tmp_path / "run"
    folder.mkdir()
    handler = logging.FileHandler(folder / "search.log")
    logging.getLogger("neurocap_search").addHandler(handler)
    ask = MlflowStore._ask

    def leaking(store: MlflowStore, *args: Any, **options: Any) -> Any:
        raise OSError("http://me:pa55@host/x?api_token=t0ken: Bearer s3cr3t-token failed, s3cr3t-token")

    tracker = MlflowTracker(folder, uri, "test", {})
    monkeypatch.setattr(MlflowStore, "_ask", leaking)
    recorder = begin(folder, tracker)
    play(recorder)
    time.sleep(2)  # by now MLflow is known to be away
    began = time.perf_counter()
    end(recorder)
    assert time.perf_counter() - began < 3
    logging.getLogger("neurocap_search").removeHandler(handler)
    handler.close()
    monkeypatch.setattr(MlflowStore, "_ask", ask)
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert written.count(b"MLflow does not answer") == 1
    for secret in (b"s3cr3t", b"pa55", b"t0ken"):
        assert secret not in written
        assert secret.decode() not in tracker.why_lacking
    assert tracker.lacking == 11 + 4 + 1


def test_a_finished_search_leaves_no_thread(tmp_path: Path, database: str) -> None:
    before = set(threading.enumerate())
    track(tmp_path, database)
    assert set(threading.enumerate()) <= before


def test_a_report_cut_short_between_two_batches_is_sent_whole(
    tmp_path: Path, blank_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(recorder: SearchRecorder) -> None:
        recorder.suggested("a", {"lr": 0.1}, {"description": "", "parameters": 0, "multiply_adds": 0})
        numbers = {"val_accuracy": 0.5} | {f"unit {n}": float(n) for n in range(1000)}
        recorder.reported("a", Report(1, numbers), Decision(Action.STOP, 1, "done"))
        recorder.ended("a", TrialState.COMPLETED)

    first = new_database(blank_database, tmp_path / "live")
    track(tmp_path / "live", first, act)
    second, ask, batches = new_database(blank_database, tmp_path / "other"), MlflowStore._ask, 0

    def cut_short(store: MlflowStore, call: Any, *args: Any, **options: Any) -> Any:
        nonlocal batches
        batches += len(options.get("metrics", ())) > 100
        if batches == 2:
            raise LostAnswerError("connection lost")
        return ask(store, call, *args, **options)

    monkeypatch.setattr(MlflowStore, "_ask", cut_short)
    with pytest.raises(UserError, match="went away: connection lost"):
        sync_run(tmp_path / "live", second)
    monkeypatch.setattr(MlflowStore, "_ask", ask)
    sync_run(tmp_path / "live", second)
    assert everything(second) == everything(first)


def test_of_two_runs_of_one_trial_the_fuller_is_kept(tmp_path: Path, database: str) -> None:
    track(tmp_path, database)
    view, client, child = everything(database), client_of(database), children_in(database)[1]
    tags = {key: child.data.tags[key] for key in ("mlflow.parentRunId", "neurocap.trial", "neurocap.attempt")}
    client.create_run(child.info.experiment_id, tags=tags)  # as a server that answered too late has made it
    sync_run(tmp_path)
    assert everything(database) == view


def test_many_trials_are_asked_for_page_by_page(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_store, "_PAGE", 3)
    track(tmp_path, database)
    assert sync_run(tmp_path).records == 0
    assert len(runs_in(database)) == 5


def test_a_process_ends_at_once_though_mlflow_hangs(tmp_path: Path, database: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from neurocap_search.tracking.mlflow_store import MlflowStore\n"
        "from neurocap_search.tracking.mlflow_tracker import MlflowTracker\n"
        "from tests.tracking.mlflow_view import begin\n"
        "from tests.tracking.test_record import play\n"
        "tracker = MlflowTracker(Path(sys.argv[1]), sys.argv[2], 'test', {})\n"
        "MlflowStore._ask = lambda *args, **options: threading.Event().wait()\n"
        "play(begin(Path(sys.argv[1]), tracker))\n"
        "print('interrupted', flush=True)\n"
        "raise KeyboardInterrupt\n"
    )
    command = [sys.executable, str(program), str(tmp_path), database]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "interrupted\n"
    assert process.wait(timeout=15) in (1, 130, -signal.SIGINT)
    process.stdout.close()


def test_a_record_mlflow_will_never_take_is_told_and_holds_up_no_other(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = MlflowStore._ask

    def strict(store: MlflowStore, *args: Any, **options: Any) -> Any:
        if options.get("run_name") == "trial-0001 net 1":
            raise MlflowException("no such name", INVALID_PARAMETER_VALUE)
        return ask(store, *args, **options)

    monkeypatch.setattr(MlflowStore, "_ask", strict)
    tracker = track(tmp_path, database)
    children = children_in(database)
    assert sorted(children) == [0, 2, 3]
    assert {run.info.status for run in runs_in(database)} == {"FINISHED"}
    assert (tracker.lacking, tracker.why_lacking) == (4, "no such name")
    assert sync_run(tmp_path).refusals == {1: "no such name"}
    monkeypatch.setattr(MlflowStore, "_ask", ask)
    assert sync_run(tmp_path).records == 4


def test_a_run_with_some_of_its_parameters_gets_the_others(tmp_path: Path, database: str) -> None:
    track(tmp_path, database)
    client, child = client_of(database), children_in(database)[1]
    client.delete_run(child.info.run_id)
    tags = {key: child.data.tags[key] for key in ("mlflow.parentRunId", "neurocap.trial", "neurocap.attempt")}
    half = client.create_run(child.info.experiment_id, tags=tags)
    client.log_param(half.info.run_id, "widths", "[1]")
    sync_run(tmp_path)
    assert children_in(database)[1].info.run_id == half.info.run_id
    assert children_in(database)[1].data.params == child.data.params
