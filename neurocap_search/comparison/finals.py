"""What a recorded training came to."""

import math
from collections.abc import Sequence

from neurocap_search.prediction import Report
from neurocap_search.traces.trace import Trace


def last_report(trace: Trace, epochs: int) -> Report | None:
    """Return the report at the end of full training; None if the training failed before it.

    Args:
        trace: The training.
        epochs: Epochs of full training; a trace is cut there.

    Example:
        >>> from neurocap_search.traces.trace import TraceKey
        >>> reports = tuple(Report(epoch, {"val_accuracy": epoch / 4}) for epoch in (1, 2, 3))
        >>> trace = Trace(TraceKey(0, 0), {}, {}, "", 0, reports)
        >>> last_report(trace, 2).metrics, final_of(trace, 3, "val_accuracy")
        ({'val_accuracy': 0.5}, 0.75)
    """
    failed = trace.failure is not None and len(trace.reports) < epochs
    return None if failed or not trace.reports else trace.reports[min(len(trace.reports), epochs) - 1]


def final_of(trace: Trace, epochs: int, metric: str) -> float:
    """Return a number at the end of full training; nan if the training failed or did not report it."""
    report = last_report(trace, epochs)
    value = None if report is None else report.get(metric)
    return math.nan if value is None or not math.isfinite(value) else value


def finals_of(stream: Sequence[Trace], epochs: int, metric: str) -> list[float]:
    """Return the same of several trainings."""
    return [final_of(trace, epochs, metric) for trace in stream]


def metric_on_test(metric: str) -> str:
    """Return the name of the same number on images that nothing was chosen by.

    Example:
        >>> metric_on_test("val_accuracy")
        'test_accuracy'
    """
    return f"test_{metric.removeprefix('val_')}"
