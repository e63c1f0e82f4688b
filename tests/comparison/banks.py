"""Small banks of made-up traces."""

from dataclasses import replace
from pathlib import Path

from neurocap_search.prediction import Report
from neurocap_search.traces.schema import TaskTraces, write_traces
from neurocap_search.traces.trace import Trace
from tests.rules.streams import random_stream


def random_task(name: str = "t", trials: int = 24, epochs: int = 9, seed: int = 0) -> TaskTraces:
    """A task of rising curves with a beta_eff, and a test accuracy at the end."""
    stream = random_stream(trials, epochs, seed)
    return TaskTraces(name, epochs, tuple(_with_test(trace) for trace in stream))


def write_bank(folder: Path, *tasks: TaskTraces) -> Path:
    """Write tasks into a folder and return it."""
    for task in tasks:
        write_traces(task, folder / f"{task.task}.parquet")
    return folder


def without(task: TaskTraces, *names: str) -> TaskTraces:
    """The task as if some numbers had not been reported."""
    return replace(task, traces=tuple(_without(trace, names) for trace in task.traces))


def _without(trace: Trace, names: tuple[str, ...]) -> Trace:
    reports = (
        Report(r.epoch, {k: v for k, v in r.metrics.items() if k not in names}, r.seconds)
        for r in trace.reports
    )
    return replace(trace, reports=tuple(reports))


def _with_test(trace: Trace) -> Trace:
    *rest, last = trace.reports
    tested = Report(last.epoch, {**last.metrics, "test_accuracy": last.metrics["val_accuracy"] - 0.01}, 1.0)
    return replace(trace, reports=(*rest, tested))
