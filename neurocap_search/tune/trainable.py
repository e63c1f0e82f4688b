"""One trial as Ray Tune runs it."""

import math
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import torch
from ray import tune
from ray.exceptions import RayError

from neurocap_search.training import Training
from neurocap_search.training.distributed import PeerLostError
from neurocap_search.training.task import Task
from neurocap_search.tune.results import FAILURE, RESUME_FROM
from neurocap_search.tune.worker import free_memory
from neurocap_search.tune.workers import ParallelTraining, pool_of_this_process

Result = tuple[dict[str, Any], tune.Checkpoint | None]


def train_trial(config: dict[str, Any], task: Task) -> None:
    """Train one architecture and report every epoch; the reports at milestones carry a checkpoint.

    An error of the trial's own, also lack of memory, is reported and no reason to try again: the same
    architecture would fail in the same way. A worker that dies is Ray's to replace, and so is a report
    that cannot be stored. Ray ends a trial by ``SystemExit`` out of ``tune.report``.

    Args:
        config: ``architecture`` and ``training`` (the searched hyper-parameters), and ``resume_from`` if a
            resumed search goes on with the trial.
        task: What all trials share.
    """
    torch.set_num_threads(task.threads)
    try:
        # Closed also where Ray ends the trial: its traceback would keep the generator and the network.
        with closing(_results(config, task)) as results:
            for metrics, checkpoint in results:
                tune.report(metrics, checkpoint=checkpoint)
    finally:
        free_memory()  # the process goes on with the next trial


def _results(config: dict[str, Any], task: Task) -> Generator[Result]:
    """Yield what is to be reported; the trial's own error is the last of it."""
    try:
        yield from _epochs(config, task)
        return
    except (RayError, PeerLostError):
        raise
    except Exception as error:
        failure = _one_line(error)
    # Outside of the handler, whose traceback keeps the network in memory.
    yield {task.metric: math.nan, FAILURE: failure}, None


def _epochs(config: dict[str, Any], task: Task) -> Iterator[Result]:
    last = task.settings(config).epochs
    training = _training(config, task)
    for report in training.reports(task.early_stops):
        # Ray wants the metric in every result; within the first epoch nobody knows it.
        unknown = {task.metric: math.nan} if report.is_early else {}
        result = {**unknown, **report.metrics, "epoch": report.epoch, "epoch_seconds": report.seconds}
        if report.epoch < last and report.epoch not in task.milestones:
            yield result, None
            continue
        with tempfile.TemporaryDirectory() as folder:
            training.save(Path(folder))
            yield result, tune.Checkpoint.from_directory(folder)


def _training(config: dict[str, Any], task: Task) -> Training | ParallelTraining:
    """Begin a training, or go on from Ray's checkpoint, or else from that of a search which is resumed."""
    with ExitStack() as stack:
        checkpoint, folder = tune.get_checkpoint(), config.get(RESUME_FROM)
        if checkpoint is not None:
            folder = stack.enter_context(checkpoint.as_directory())
        start = Path(folder) if folder is not None else None
        if task.resources.workers_per_trial > 1:
            return ParallelTraining(pool_of_this_process(task), config, start)
        training = task.start(config)
        if start is not None:
            training.load(start)
        return training


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
