"""What a recording will take, before it begins."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurocap_search.traces.population import Candidate, draw_population, planned, planned_best
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recorder import make_task
from neurocap_search.traces.recording_file import RecordingFile
from neurocap_search.training.task import Task

BYTES_A_ROW = 190
"""Of the bundled bank, compressed, with all graph measures."""

_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Estimate:
    """Size of a recording.

    Attributes:
        architectures: Different points of the space.
        trainings: All of them, repetitions included.
        recorded: How many of these are recorded already.
        epochs: Epochs still to train.
        seconds: Of one worker for all that is still to train: one epoch was timed of three networks, small,
            middling and large by their multiply-adds.
        bytes: Size of the file in the end.
    """

    architectures: int
    trainings: int
    recorded: int
    epochs: int
    seconds: float
    bytes: int


def estimate(config: RecordConfig, recording: RecordingFile) -> Estimate:
    """Say what a recording will take; trains an epoch of three networks to know.

    Raises:
        UserError: If data or space cannot be used.
    """
    task = make_task(config)
    keys = list(dict.fromkeys(planned(config) + planned_best(config, recording.traces, task.metric)))
    missing = [key for key in keys if key not in recording.traces]
    epochs = len(missing) * config.training.epochs
    candidates = draw_population(config.space, config.population.architectures, config.population.seed)
    each = seconds_an_epoch(task, candidates) if missing else 0.0
    return Estimate(
        architectures=len(candidates),
        trainings=len(keys),
        recorded=len(keys) - len(missing),
        epochs=epochs,
        seconds=epochs * each,
        bytes=len(keys) * config.training.epochs * BYTES_A_ROW,
    )


def seconds_an_epoch(task: Task, candidates: Sequence[Candidate]) -> float:
    """Return the mean wall-clock of an epoch, timed of three networks from small to large."""

    def size(candidate: Candidate) -> int:
        return task.space.cost(
            candidate.architecture, task.data.input_shape, task.data.num_classes
        ).multiply_adds

    ordered = sorted(candidates, key=size)
    chosen = [ordered[int(quantile * (len(ordered) - 1))] for quantile in _QUANTILES]
    return float(np.mean([_time_one(task, candidate) for candidate in chosen]))


def _time_one(task: Task, candidate: Candidate) -> float:
    """Time a second epoch: the first finds out about the network's graph, and memory is fetched."""
    short = replace(task, training=task.training.model_copy(update={"epochs": 2}))
    config = {"architecture": candidate.architecture, "training": candidate.training}
    start = time.perf_counter()
    for _ in short.start(config).reports():
        seconds, start = time.perf_counter() - start, time.perf_counter()
    return seconds
