"""Traces on disk: one Parquet file for each task, one row for each report."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.traces.trace import Trace, TraceKey

VERSION = 2
"""Since 2 with rows from within the first epoch, whose ``epoch`` is below 1."""
_READABLE = (1, 2)
METADATA = b"neurocap_traces"
_OWN = {
    "task": pa.string(),
    "space": pa.string(),
    "trial": pa.int32(),
    "seed": pa.int64(),
    "epoch": pa.float64(),
    "architecture": pa.string(),
    "training": pa.string(),
    "description": pa.string(),
    "multiply_adds": pa.int64(),
    "failure": pa.string(),
    "seconds": pa.float64(),
}


@dataclass(frozen=True)
class TaskTraces:
    """All traces of one task.

    Attributes:
        task: Name of the task.
        epochs: Epochs of full training.
        traces: Sorted by trial and seed.
        metric: The number that is optimised.
        mode: ``max`` or ``min``.
        protocol: How the traces were made.
        libraries: Versions of the libraries that made them.
        data_licence: Of the images.
    """

    task: str
    epochs: int
    traces: tuple[Trace, ...]
    metric: str = "val_accuracy"
    mode: str = "max"
    protocol: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    data_licence: str = "not stated"

    def head(self) -> dict[str, Any]:
        """Return all but the traces, JSON-ready."""
        return {
            "version": VERSION,
            "task": self.task,
            "epochs": self.epochs,
            "metric": self.metric,
            "mode": self.mode,
            "protocol": dict(self.protocol),
            "libraries": dict(self.libraries),
            "data_licence": self.data_licence,
        }


def write_traces(task: TaskTraces, path: Path) -> None:
    """Write the traces of a task to a Parquet file, which is replaced in one step.

    A trial that failed has one more row, with the reason under ``failure`` and no numbers.
    """
    rows = [row for trace in task.traces for row in _rows(task.task, trace)]
    names = sorted({name for row in rows for name in row} - _OWN.keys())
    schema = pa.schema([*_OWN.items(), *((name, pa.float64()) for name in names)])
    schema = schema.with_metadata({METADATA: json.dumps(task.head())})
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    pq.write_table(pa.Table.from_pylist(rows, schema), draft, compression="zstd", compression_level=15)
    draft.replace(path)


def read_traces(path: Path) -> TaskTraces:
    """Read what :func:`write_traces` wrote.

    Raises:
        UserError: If the file is missing, damaged, no file of traces or of another version.
    """
    table = _read(path)
    try:
        head = json.loads((table.schema.metadata or {})[METADATA])
        version = head.pop("version")
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path} holds no traces; give a file that 'neurocap record' wrote.") from None
    if version not in _READABLE:
        readable = " and ".join(map(str, _READABLE))
        raise UserError(f"{path} has version {version!r} of the traces, this release reads {readable}.")
    try:
        return TaskTraces(traces=_traces(table), **head)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error!r}. Record it again or take another copy.") from None


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise UserError(f"No traces at {path}; give a folder or file that 'neurocap record' wrote.")
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path} cannot be read as Parquet: {reason} Take another copy.") from None


def _rows(task: str, trace: Trace) -> Iterable[dict[str, Any]]:
    fixed = {
        "task": task,
        "space": trace.architecture.get("space", ""),
        **trace.key._asdict(),
        "architecture": json.dumps(trace.architecture, sort_keys=True),
        "training": json.dumps(trace.training, sort_keys=True),
        "description": trace.description,
        "multiply_adds": trace.multiply_adds,
    }
    for report in (*trace.early, *trace.reports):
        yield {**fixed, "epoch": report.epoch, "seconds": report.seconds, **report.metrics}
    if trace.failure is not None:
        yield {**fixed, "epoch": len(trace.reports) + 1, "failure": trace.failure}


def _traces(table: pa.Table) -> tuple[Trace, ...]:
    rows = table.to_pylist()
    metrics = [name for name in table.column_names if name not in _OWN]
    rows.sort(key=lambda row: (*_key(row), row["epoch"]))
    return tuple(_trace(key, list(epochs), metrics) for key, epochs in groupby(rows, _key))


def _key(row: dict[str, Any]) -> TraceKey:
    return TraceKey(row["trial"], row["seed"])


def _trace(key: TraceKey, rows: list[dict[str, Any]], metrics: list[str]) -> Trace:
    failure = rows[-1]["failure"]
    trained = [_report(row, metrics) for row in (rows if failure is None else rows[:-1])]
    return Trace(
        key=key,
        architecture=json.loads(rows[0]["architecture"]),
        training=json.loads(rows[0]["training"]),
        description=rows[0]["description"],
        multiply_adds=rows[0]["multiply_adds"],
        reports=tuple(report for report in trained if not report.is_early),
        failure=failure,
        early=tuple(report for report in trained if report.is_early),
    )


def _report(row: dict[str, Any], metrics: list[str]) -> Report:
    """Return the report of a row; a number it does not have was not reported."""
    numbers = {name: row[name] for name in metrics if row[name] is not None}
    seconds, epoch = row["seconds"], row["epoch"]
    return Report(
        int(epoch) if epoch >= 1 else epoch,
        numbers,
        None if seconds is None or math.isnan(seconds) else seconds,
    )
