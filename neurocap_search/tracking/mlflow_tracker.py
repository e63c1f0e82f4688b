"""MLflow's record of a search: one parent run, one child run for each trial."""

import math
from pathlib import Path
from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.pruning import Decision
from neurocap_search.tracking.listener import SearchListener
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.record import SearchRecord, TrialRecord, TrialState
from neurocap_search.tracking.summary import Summary

_STATUS = {TrialState.FAILED: "FAILED", TrialState.INTERRUPTED: "KILLED"}
_FILES = ("config.yaml", "summary.json", "trials.csv", "decisions.jsonl")


class MlflowTracker(SearchListener):
    """Logs a search through MLflow's client with explicit run ids, never through a global active run.

    The parent holds the configuration, the summary, tables and figures. A child holds the
    architecture as parameters and artifact, the metrics of every epoch, each prediction with its
    spread at its epoch (``predicted_mean``, ``predicted_std``), all decisions with their reasons
    (``decisions.json``; the last one as tags), the final metric (``final_val_accuracy``) of a fully
    trained trial or the ``pruned_epoch``.

    Args:
        folder: The run directory.
        uri: Tracking URI; None keeps ``mlflow.db`` in the run directory.
        experiment: Name of the MLflow experiment.
        params: Parameters of the parent run.

    Attributes:
        run_id: The parent run, once the search has begun.

    Raises:
        UserError: If the store cannot be used or the server cannot be reached.
    """

    def __init__(self, folder: Path, uri: str | None, experiment: str, params: dict[str, Any]) -> None:
        self._folder, self._params = folder.resolve(), params
        self._store = MlflowStore(self._folder, uri, experiment)
        self.uri, self.run_id = self._store.uri, ""
        self._children: dict[int, str] = {}

    def on_search_start(self, record: SearchRecord) -> None:
        """Find or make the parent, and send what a resumed search has but MLflow lacks."""
        self.run_id = self._find_parent(record) or self._create_parent(record)
        self._store.client.update_run(self.run_id, status="RUNNING")
        closed = set()
        for run in self._store.search(f"tags.mlflow.parentRunId = '{self.run_id}'"):
            number = int(run.data.tags["neurocap.trial"])
            self._children[number] = run.info.run_id
            closed |= {number} if run.info.status != "RUNNING" else set()
        for trial in record.finished:
            if trial.number not in closed:
                self._send_again(record, trial)

    def on_trial_start(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Create the child run; a trial that starts over gets a new one in place of the old."""
        self._drop_child(trial)
        self._create_child(trial)

    def on_report(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Log the epoch's metrics and the prediction made at it."""
        self._log_report(self._children[trial.number], trial.reports[-1], trial.decisions[-1])

    def on_trial_end(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Log the outcome and close the child run."""
        # A trial that was proposed but interrupted before its start has no run yet.
        run_id = self._children.get(trial.number) or self._create_child(trial)
        metrics: dict[str, float] = {"epochs": trial.epochs, "seconds": trial.seconds}
        if (final := trial.final(record.metric)) is not None:
            metrics[f"final_{record.metric}"] = final
        if trial.state is TrialState.PRUNED:
            metrics["pruned_epoch"] = trial.epochs
        self._store.log_metrics(run_id, metrics, trial.epochs)
        self._store.set_tags(run_id, _outcome_tags(trial))
        self._store.client.log_dict(run_id, [d.to_json() for d in trial.decisions], "decisions.json")
        self._store.client.set_terminated(run_id, _STATUS.get(trial.state, "FINISHED"))

    def on_search_end(self, record: SearchRecord, summary: Summary) -> None:
        """Log summary, tables and figures on the parent and close it."""
        self._store.log_metrics(self.run_id, _summary_metrics(summary), step=0)
        for name in _FILES:
            if (self._folder / name).is_file():
                self._store.client.log_artifact(self.run_id, str(self._folder / name))
        for folder in ("figures", "best"):
            if (self._folder / folder).is_dir():
                self._store.client.log_artifacts(self.run_id, str(self._folder / folder), folder)
        self._store.client.set_terminated(self.run_id, "KILLED" if summary.interrupted else "FINISHED")

    def _send_again(self, record: SearchRecord, trial: TrialRecord) -> None:
        self._drop_child(trial)
        run_id = self._create_child(trial)
        for report, decision in zip(trial.reports, trial.decisions, strict=True):
            self._log_report(run_id, report, decision)
        self.on_trial_end(record, trial)

    def _drop_child(self, trial: TrialRecord) -> None:
        if (old := self._children.pop(trial.number, None)) is not None:
            self._store.client.delete_run(old)

    def _log_report(self, run_id: str, report: Report, decision: Decision) -> None:
        metrics = dict(report.metrics)
        if report.seconds is not None:
            metrics["epoch_seconds"] = report.seconds
        if (prediction := decision.prediction) is not None:
            metrics["predicted_mean"] = prediction.mean
            metrics["predicted_std"] = math.nan if prediction.std is None else prediction.std
            metrics["prediction_is_fallback"] = float(prediction.fallback is not None)
        self._store.log_metrics(run_id, metrics, report.epoch)

    def _create_child(self, trial: TrialRecord) -> str:
        tags = {
            "mlflow.parentRunId": self.run_id,
            "neurocap.trial": str(trial.number),
            "neurocap.architecture": trial.description,
        }
        params = trial.config["architecture"] | trial.config["training"]
        params |= {"parameters": trial.parameters, "multiply_adds": trial.multiply_adds}
        run_id = self._store.create_run(f"{trial.name} {trial.description}", tags, params)
        self._children[trial.number] = run_id
        self._store.client.log_dict(run_id, trial.config, "architecture.json")
        return run_id

    def _find_parent(self, record: SearchRecord) -> str | None:
        mine = f"tags.neurocap.search = '{record.search_id}' and tags.neurocap.kind = 'search'"
        runs = self._store.search(mine)
        return runs[0].info.run_id if runs else None

    def _create_parent(self, record: SearchRecord) -> str:
        tags = {"neurocap.search": record.search_id, "neurocap.kind": "search"}
        return self._store.create_run(self._folder.name, tags, self._params)


def _outcome_tags(trial: TrialRecord) -> dict[str, str]:
    tags = {"neurocap.state": trial.state.value}
    if trial.decisions:
        tags |= {
            "neurocap.decision": trial.decisions[-1].action.value,
            "neurocap.reason": trial.decisions[-1].reason,
        }
    if trial.error:
        tags["neurocap.error"] = trial.error
    return tags


def _summary_metrics(summary: Summary) -> dict[str, float]:
    plain = {name: value for name, value in vars(summary).items() if isinstance(value, int | float)}
    metrics: dict[str, float] = {**plain, "epoch_share": summary.epoch_share}
    if summary.best:
        metrics[f"best_final_{summary.metric}"] = summary.best[summary.metric]
    if summary.quality:
        figures = vars(summary.quality).items()
        metrics |= {f"prediction_{name}": value for name, value in figures if value is not None}
    return metrics
