"""All that MLflow holds of a search, in a form that two stores can be compared by."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run

from neurocap_search.tracking import (
    Journal,
    SearchListener,
    SearchRecord,
    SearchRecorder,
    TableWriter,
    summarise,
)
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from tests.tracking.test_record import make, play

OWN_TAGS = ("neurocap.", "mlflow.runName", "mlflow.loggedArtifacts")


def track(folder: Path, uri: str | None, act: Callable[[SearchRecorder], None] = play) -> MlflowTracker:
    """Track a whole search made by hand."""
    tracker = MlflowTracker(folder, uri, "test", {"seed": 1})
    recorder = begin(folder, tracker)
    act(recorder)
    end(recorder)
    return tracker


def begin(folder: Path, *listeners: SearchListener, search_id: str = "a1") -> SearchRecorder:
    """Begin a search made by hand."""
    recorder = make(folder, TableWriter(folder), *listeners, search_id=search_id)
    recorder.tell(lambda listener: listener.on_search_start(recorder.record))
    return recorder


def resume(folder: Path, *listeners: SearchListener) -> SearchRecorder:
    """Go on with the search whose journal is in a folder."""
    journal, record = Journal(folder / "journal.jsonl"), SearchRecord("val_accuracy", max_t=3, num_trials=4)
    for event in journal.read():
        record.apply(event)
    recorder = SearchRecorder(record, journal, [TableWriter(folder), *listeners])
    recorder.resumed([])
    recorder.tell(lambda listener: listener.on_search_start(record))
    return recorder


def end(recorder: SearchRecorder) -> None:
    """End it as the real one ends: everybody is told, nobody failed."""
    summary = summarise(recorder.record, 2)
    recorder.tell(lambda listener: listener.on_search_end(recorder.record, summary))
    assert recorder.failures == {}


def client_of(uri: str) -> MlflowClient:
    """MLflow's own client, which knows nothing of ours."""
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs_in(uri: str, experiment: str = "test") -> list[Run]:
    """Every run of an experiment that was not deleted."""
    client = client_of(uri)
    found = client.get_experiment_by_name(experiment)
    return [] if found is None else list(client.search_runs([found.experiment_id]))


def children_in(uri: str) -> dict[int, Run]:
    """The child runs by trial; fails if there are two of one trial."""
    runs = [run for run in runs_in(uri) if "neurocap.trial" in run.data.tags]
    by_trial = {int(run.data.tags["neurocap.trial"]): run for run in runs}
    assert len(by_trial) == len(runs)
    return by_trial


def history(uri: str, run: Run, key: str) -> list[tuple[int, float]]:
    """Steps and values of a metric, in the order of their times."""
    points = client_of(uri).get_metric_history(run.info.run_id, key)
    return [(p.step, p.value) for p in sorted(points, key=lambda p: (p.timestamp, p.step))]


def everything(uri: str, experiment: str = "test") -> dict[str, Any]:
    """Names, states, parameters, tags, every point of every metric with its time, and artifacts."""
    view = {}
    for run in runs_in(uri, experiment):
        name = run.data.tags.get("neurocap.trial", "parent")
        assert name not in view, f"two runs of {name}"
        view[name] = _view(client_of(uri), run)
    return view


def _view(client: MlflowClient, run: Run) -> dict[str, Any]:
    run_id = run.info.run_id
    points = [p for key in run.data.metrics for p in client.get_metric_history(run_id, key)]
    return {
        "status": run.info.status,
        "times": (run.info.start_time, run.info.end_time),
        "params": run.data.params,
        "tags": {key: value for key, value in run.data.tags.items() if key.startswith(OWN_TAGS)},
        "points": sorted((p.key, p.step, p.value, p.timestamp) for p in points),
        "artifacts": sorted(file.path for file in client.list_artifacts(run_id)),
    }


def artifact(uri: str, run: Run, name: str) -> Any:
    """A JSON artifact, read back."""
    path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=name, tracking_uri=uri)
    return json.loads(Path(path).read_text())


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something has happened on another thread."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.1)
