"""What MLflow is given of a search: parameters, metrics, tags and tables. Pure functions."""

import math
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.pruning import Decision, Insight
from neurocap_search.tracking.contributions import contribution_rows
from neurocap_search.tracking.record import SearchRecord, TrialRecord, TrialState

Table = dict[str, list[Any]]
"""``columns`` and ``data``, the JSON that MLflow's pages show as a table."""

EPOCHS = "epochs"
"""The metric that comes last with every report: its value tells how far a run's metrics reach."""

PARENT_RUN, TABLES = "mlflow.parentRunId", "mlflow.loggedArtifacts"
"""MLflow's own tags: of which run a run is a child, and which artifacts its pages show as tables."""

_LONGEST_NAME = 250
_LONGEST_PARAM = 6000
_LONGEST_TAG = 8000


def valid_name(name: str) -> str:
    """Return a name MLflow accepts for a metric or parameter.

    Example:
        >>> valid_name("top-1 acc@5 [%]"), valid_name("/optimizer//lr")
        ('top-1 acc_5 ___', 'optimizer/lr')
    """
    cleaned = re.sub(r"[^/\w.\- ]", "_", name)[:_LONGEST_NAME]
    parts = [part for part in cleaned.split("/") if part.strip(".")]
    joined = posixpath.join("", *parts) or "_"
    return f"__{joined[2:]}" if joined.startswith("..") else joined  # MLflow reads it as a way out


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values with dotted keys.

    Example:
        >>> flat({"model": {"depth": 2, "widths": [8, 8]}, "lr": 0.1})
        {'model.depth': 2, 'model.widths': [8, 8], 'lr': 0.1}
    """
    rows: dict[str, Any] = {}
    for key, value in values.items():
        nested = isinstance(value, Mapping) and value
        rows |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return rows


def as_params(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as MLflow's parameters, cut to its limits."""
    return {valid_name(key): str(value)[:_LONGEST_PARAM] for key, value in flat(values).items()}


def as_tags(values: Mapping[str, str]) -> dict[str, str]:
    """Return values as MLflow's tags, cut to its limits."""
    return {key: value[:_LONGEST_TAG] for key, value in values.items()}


def trial_params(trial: TrialRecord) -> dict[str, str]:
    """Return the parameters of a trial's run: what was proposed, and its size."""
    if trial.is_architecture:
        values = trial.config["architecture"] | trial.config["training"]
        return as_params(values | {"parameters": trial.parameters, "multiply_adds": trial.multiply_adds})
    return as_params(trial.config)


def report_metrics(report: Report, decision: Decision) -> dict[str, float]:
    """Return the numbers of a report and of the prediction made at it; EPOCHS comes last.

    A report from within the first epoch does not have the metric yet.
    """
    known = {n: v for n, v in report.metrics.items() if not (report.is_early and math.isnan(v))}
    metrics = {valid_name(name): value for name, value in known.items()}
    if report.seconds is not None:
        metrics["epoch_seconds"] = report.seconds
    if (prediction := decision.prediction) is not None:
        metrics["predicted_mean"] = prediction.mean
        metrics["predicted_std"] = math.nan if prediction.std is None else prediction.std
        metrics["prediction_is_fallback"] = float(prediction.fallback is not None)
    metrics.pop(EPOCHS, None)
    return metrics | {EPOCHS: float(report.epoch)}


def outcome_metrics(record: SearchRecord, trial: TrialRecord) -> dict[str, float]:
    """Return what a trial came to: epochs spent and saved, seconds, the final metric."""
    metrics: dict[str, float] = {EPOCHS: trial.epochs, "seconds": trial.seconds}
    if (final := trial.final(record.metric)) is not None:
        metrics[f"final_{valid_name(record.metric)}"] = final
    if record.max_t and trial.state in (TrialState.COMPLETED, TrialState.PRUNED):
        metrics["epochs_saved"] = max(0, record.max_t - trial.epochs)
    if trial.state is TrialState.PRUNED:
        metrics["pruned_epoch"] = trial.epochs
    return metrics


def state_tags(trial: TrialRecord, state: TrialState) -> dict[str, str]:
    """Return state, last decision with its reason, and error of a trial as tags."""
    tags = {"neurocap.state": state.value}
    if (decision := trial.last_decision) is not None:
        tags |= {"neurocap.decision": decision.action.value, "neurocap.reason": decision.reason}
    if trial.error:
        tags["neurocap.error"] = trial.error
    return as_tags(tags)


def decision_table(trial: TrialRecord) -> Table:
    """Return every decision on a trial with its reason and prediction."""
    columns = ["epoch", "action", "pruned", "reason", "predicted_mean", "predicted_std"]
    columns += ["predictor", "predicted_from_epochs", "fallback"]
    decisions = trial.decisions + ([trial.given_up] if trial.given_up else [])
    return {"columns": columns, "data": [_decision_row(decision) for decision in decisions]}


def _decision_row(decision: Decision) -> list[Any]:
    row = [decision.epoch, decision.action.value, decision.pruned, decision.reason]
    guess = decision.prediction
    if guess is None:
        return [*row, None, None, None, None, None]
    epochs = ", ".join(map(str, guess.epochs))
    return [*row, _number(guess.mean), _number(guess.std), guess.predictor, epochs, guess.fallback]


def prediction_table(record: SearchRecord, epoch: int) -> Table:
    """Return prediction, metric seen and final metric of every fully trained trial, at one epoch."""
    rows = []
    for trial in record.in_state(TrialState.COMPLETED):
        guess = next((d.prediction for d in trial.decisions if d.epoch == epoch), None)
        seen = next((r.metrics[record.metric] for r in trial.reports if r.epoch == epoch), None)
        final = trial.final(record.metric)
        if guess is not None and final is not None:
            row = [trial.number, trial.description, epoch, guess.mean, guess.std, seen, final]
            rows.append([*map(_number, row), _number(guess.mean - final), guess.fallback])
    columns = ["trial", "description", "epoch", "predicted_mean", "predicted_std", "seen", "final"]
    return {"columns": [*columns, "error", "fallback"], "data": rows}


def contribution_table(insight: Insight) -> Table:
    """Return the share of every signal at every rung."""
    rows = contribution_rows(insight)
    return {"columns": list(rows[0]) if rows else [], "data": [list(row.values()) for row in rows]}


def summary_metrics(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a summary's JSON for the parent run."""
    metrics = _numbers(summary)
    if summary["full_epochs"]:
        metrics["epochs_saved"] = float(summary["full_epochs"] - summary["epochs"])
    metrics |= {f"prediction_{name}": value for name, value in _numbers(summary["quality"] or {}).items()}
    if summary["best"]:
        metrics[f"best_final_{valid_name(summary['metric'])}"] = summary["best"][summary["metric"]]
    return metrics


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


def _number(value: Any) -> Any:
    """JSON knows no nan."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
