"""Fit the prior of the learned combination on recorded tasks and write it as JSON.

python scripts/fit_prior.py
python scripts/fit_prior.py --bank my_traces --tasks task_a task_b --output prior.json

Of each task every architecture's first training counts. Its signals after some epochs and its final metric
become normal scores, and a ridge regression gives the task's weights. A weight's mean over the tasks is
shrunk by how much the tasks disagree about it; their disagreement is its standard deviation. Which tasks:
those on which nothing is reported, because whoever fits on a task has seen it.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.prediction.combination.prior import BUNDLED_PRIOR, VERSION
from neurocap_search.prediction.combination.signals import (
    METRIC,
    SIGNALS,
    Floats,
    SignalCourse,
    normal_scores,
)
from neurocap_search.traces.bank import BUNDLED, first_seeds, load_bank
from neurocap_search.traces.schema import TaskTraces

TUNING_TASKS = ("cifar10-cell", "fashion-mlp")
"""Every choice was made on these two; all others of the bank are for reporting."""
EPOCHS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
_RIDGE = 10.0
_LEAST_SD = 0.05


def fit(tasks: Sequence[TaskTraces]) -> dict[str, Any]:
    """Return the prior as JSON-ready values."""
    epochs = {str(epoch): _fit_epoch(tasks, epoch) for epoch in EPOCHS}
    names = [signal.name for signal in SIGNALS]
    return {"version": VERSION, "tasks": [task.task for task in tasks], "signals": names, "epochs": epochs}


def _fit_epoch(tasks: Sequence[TaskTraces], epoch: int) -> dict[str, Any]:
    fits = [_fit_task(task, epoch) for task in tasks]
    weights = np.array([weight for weight, _ in fits])
    mean, between = weights.mean(axis=0), weights.var(axis=0, ddof=1)
    shrunk = mean * mean**2 / (mean**2 + between / len(tasks))
    noise = np.sqrt(np.mean([residual for _, residual in fits]))
    sd = np.sqrt(between + _LEAST_SD**2)
    return {"mean": shrunk.round(4).tolist(), "sd": sd.round(4).tolist(), "noise": round(float(noise), 4)}


def _fit_task(task: TaskTraces, epoch: int) -> tuple[Floats, float]:
    rows, finals = cohort(task, epoch)
    scores, targets = normal_scores(rows), normal_scores(finals[:, None])[:, 0]
    gram = scores.T @ scores + _RIDGE * np.eye(scores.shape[1])
    weights = np.asarray(np.linalg.solve(gram, scores.T @ targets), dtype=np.float64)
    return weights, float(np.mean((targets - scores @ weights) ** 2))


def cohort(task: TaskTraces, epoch: int) -> tuple[Floats, Floats]:
    """Return the signals of all architectures of a task after an epoch, and their final metrics."""
    sign = 1 if task.mode == "max" else -1
    names = [task.metric if signal.name == METRIC else signal.name for signal in SIGNALS]
    rows, finals = [], []
    for trace in first_seeds(task):
        final = trace.last(task.metric)
        if trace.failure is not None or final is None or not np.isfinite(final):
            continue
        course = SignalCourse(names)
        for report in trace.reports[:epoch]:
            course.follow(report)
        row = course.row()
        rows.append([sign * row[0], *row[1:]])
        finals.append(sign * final)
    return np.array(rows), np.array(finals)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bank", type=Path, default=BUNDLED, help="folder of traces; default: the bundled bank"
    )
    parser.add_argument("--tasks", nargs="+", default=list(TUNING_TASKS), help="at least two tasks to fit on")
    parser.add_argument("--output", type=Path, default=BUNDLED_PRIOR, help="the file to write")
    options = parser.parse_args(arguments)
    try:
        prior = fit(_chosen(load_bank(options.bank), options.tasks))
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    options.output.write_text(json.dumps(prior, indent=1) + "\n", encoding="utf-8")
    print(f"{options.output}: fitted on {', '.join(prior['tasks'])}")
    return 0


def _chosen(bank: dict[str, TaskTraces], names: Sequence[str]) -> list[TaskTraces]:
    for name in names:
        if name not in bank:
            hint = did_you_mean(name, bank) or f" Tasks of the bank: {', '.join(bank)}."
            raise UserError(f"The bank has no task {name!r}.{hint}")
    if len(set(names)) < 2:
        raise UserError(
            f"A prior needs two tasks or more to see how much they disagree, received {list(names)}."
        )
    return [bank[name] for name in dict.fromkeys(names)]


if __name__ == "__main__":
    sys.exit(main())
