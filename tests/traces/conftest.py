"""Small traces, made up or really recorded."""

from neurocap_search.prediction import Report
from neurocap_search.traces.trace import Trace, TraceKey


def made_up(trial: int, *accuracies: float, seed: int = 0, failure: str | None = None) -> Trace:
    """A trace that reports the given accuracies, a second for each epoch."""
    reports = tuple(
        Report(epoch, {"val_accuracy": value, "parameters": 10.0 * (trial + 1)}, 1.0)
        for epoch, value in enumerate(accuracies, start=1)
    )
    architecture = {"space": "mlp", "widths": [trial + 1]}
    return Trace(
        TraceKey(trial, seed), architecture, {"batch_size": 8}, f"net {trial}", 100, reports, failure
    )
