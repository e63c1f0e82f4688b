"""One training of a recording, from its first epoch to its last, wherever Ray runs it."""

import time
from collections.abc import Iterator
from dataclasses import replace

import torch

from neurocap_search.prediction import Report
from neurocap_search.traces.population import Candidate
from neurocap_search.traces.trace import Trace, TraceKey
from neurocap_search.training import Training
from neurocap_search.training.task import Task

EARLY_MARKS = (0.25, 0.5, 0.75)
"""Shares of the first epoch at which a recording keeps what training has told by then."""


def record_trace(task: Task, key: TraceKey, candidate: Candidate) -> Trace:
    """Train a network to the end and return its trace; an error of its own ends the trace with the reason.

    Beside what a trial of a search reports, each epoch has ``cpu_seconds``, the processor time it took,
    which other processes on the machine disturb less than ``seconds``; the last has ``test_accuracy`` and
    ``test_loss``. Within the first epoch it reports at ``EARLY_MARKS``.

    Args:
        task: What all trainings share; its seed gives way to that of the key.
        key: Number and seed.
        candidate: The architecture and its hyper-parameters.
    """
    torch.set_num_threads(task.threads)
    reports: list[Report] = []
    early: list[Report] = []
    failure: str | None = None
    config = {"architecture": candidate.architecture, "training": candidate.training}
    try:
        training = task.with_seed(key.seed).start(config)
        for report in _reports(training, task.settings(config).epochs):
            (early if report.is_early else reports).append(report)
    except Exception as error:  # whatever it is, it is a result of this network
        lines = str(error).splitlines()
        failure = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
    cost = task.space.cost(candidate.architecture, task.data.input_shape, task.data.num_classes)
    return Trace(
        key=key,
        architecture=candidate.architecture,
        training=candidate.training,
        description=task.space.describe(candidate.architecture),
        multiply_adds=cost.multiply_adds,
        reports=tuple(reports),
        failure=failure,
        early=tuple(early),
    )


def _reports(training: Training, epochs: int) -> Iterator[Report]:
    """Yield the reports with what they cost; that of epoch 1 has the cost of the whole epoch."""
    start, seconds = time.process_time(), 0.0
    for report in training.reports(EARLY_MARKS):
        more = {"cpu_seconds": time.process_time() - start}
        seconds += report.seconds or 0.0
        if report.epoch == epochs:
            more |= training.test()
        yield replace(report, metrics={**report.metrics, **more}, seconds=seconds)
        if not report.is_early:
            start, seconds = time.process_time(), 0.0
