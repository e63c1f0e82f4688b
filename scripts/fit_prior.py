"""Fit the prior of the learned combination on recorded tasks and write it as JSON.

python scripts/fit_prior.py
python scripts/fit_prior.py --bank my_traces --tasks task_a task_b --output prior.json

Of each task every architecture's first training counts. Its signals after some epochs become normal scores,
and the task's weights are those that best say which of two trainings ends better, over all pairs of which one
is in the better half: the top has to be kept, the order of the worse half does not matter. The weights start
from the order by running accuracy and training loss (``PLAIN``) and move away from it against a penalty. A
departure's mean over the tasks is shrunk by how much the tasks disagree about it; half of their disagreement
is its standard deviation. Which tasks: those on which nothing is reported; who fits on a task has seen it.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.prediction.combination.peers import cohort_scores
from neurocap_search.prediction.combination.prior import BUNDLED_PRIOR, PLAIN, VERSION
from neurocap_search.prediction.combination.signals import (
    METRIC,
    SIGNALS,
    Floats,
    SignalCourse,
    normal_scores,
)
from neurocap_search.traces.bank import BUNDLED, first_seeds, load_bank
from neurocap_search.traces.schema import TaskTraces

TUNING_TASKS = ("cifar10-cell", "cifar10-mlp-hp", "fashion-cell-hp", "fashion-mlp")
"""Every choice was made on these; all others of the bank are for reporting."""
EARLY = (0.25, 0.5, 0.75)
"""Shares of the first epoch; fitted where all that is fitted on was recorded there."""
EPOCHS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
BETTER = 0.5
"""Pairs of two trainings of the worse share are left out."""
_PENALTY = 1.0
"""Chosen, like the pairs, by fitting on three tuning tasks and pruning the fourth."""
_LEAST_SD = 0.05
_SURENESS = 0.5
"""Tasks seem to disagree more than they do, because each task's fit is uncertain too. Chosen likewise."""


def fit(tasks: Sequence[TaskTraces]) -> dict[str, Any]:
    """Return the prior as JSON-ready values."""
    traces = [trace for task in tasks for trace in first_seeds(task) if trace.failure is None]
    early = [mark for mark in EARLY if all(trace.seen_at(mark) for trace in traces)]
    epochs = {str(epoch): _fit_epoch(tasks, epoch) for epoch in (*early, *EPOCHS)}
    names = [signal.name for signal in SIGNALS]
    return {"version": VERSION, "tasks": [task.task for task in tasks], "signals": names, "epochs": epochs}


def _fit_epoch(tasks: Sequence[TaskTraces], epoch: float) -> dict[str, Any]:
    fits = [_fit_task(task, epoch) for task in tasks]
    shares = np.array([fit.plain for fit in fits])
    departures = np.array([fit.departure for fit in fits])
    weights = departures + shares[:, None] * PLAIN
    noise = np.sqrt(np.mean([fit.noise**2 for fit in fits]))
    sd = _SURENESS * np.sqrt(weights.var(axis=0, ddof=1) + _LEAST_SD**2)
    mean = shares.mean() * PLAIN + agreed(departures)
    return {"mean": mean.round(4).tolist(), "sd": sd.round(4).tolist(), "noise": round(float(noise), 4)}


def agreed(departures: Floats) -> Floats:
    """Return the mean over the tasks, (tasks, signals), of each departure, shrunk where they disagree."""
    mean, between = departures.mean(axis=0), departures.var(axis=0, ddof=1)
    spread = mean**2 + between / len(departures)
    return np.divide(mean**3, spread, out=np.zeros_like(mean), where=spread > 0)


class Fit(NamedTuple):
    """What a task says, in standings.

    Attributes:
        plain: How much running accuracy and training loss count.
        departure: (signals,), what is added to that.
        noise: Standard deviation of the final standing around the prediction.
    """

    plain: float
    departure: Floats
    noise: float


def _fit_task(task: TaskTraces, epoch: float) -> Fit:
    rows, finals = cohort(task, epoch)
    if len(np.unique(finals)) < 2:
        raise UserError(
            f"The {len(finals)} usable trainings of task {task.task!r} do not differ in their final "
            f"{task.metric}, so no order can be learned from them; leave it out of --tasks."
        )
    scores, standings = cohort_scores(rows), normal_scores(finals[:, None])[:, 0]
    plain, departure = fit_order(scores, finals)
    predicted = scores @ (plain * PLAIN + departure)
    # Log-odds become standings: the scale that fits the final order best.
    scale = float(predicted @ standings / (predicted @ predicted))
    residual = float(np.sqrt(np.mean((standings - scale * predicted) ** 2)))
    return Fit(scale * plain, scale * departure, residual)


def fit_order(scores: Floats, finals: Floats, plain: Floats = PLAIN) -> tuple[float, Floats]:
    r"""Return a and d of :math:`\operatorname{logit} P(i \succ j) = (a p + d)^\top (x_i - x_j)`; p: plain.

    Bradley and Terry's likelihood of which of two trainings ends better, over the pairs whose better one is
    in the better half, weighted so that they count as much as there are trainings, with the penalty
    :math:`\lambda |d|^2 / 2` on the departure from the plain order.
    """
    better, worse = np.nonzero((finals[:, None] > finals) & (finals >= np.quantile(finals, BETTER))[:, None])
    ahead = scores[better] - scores[worse]
    design, weight = np.column_stack([ahead @ plain, ahead]), len(scores) / len(ahead)
    penalty = np.array([0.0, *[_PENALTY] * scores.shape[1]])

    def loss(v: Floats) -> tuple[float, Floats]:
        margins = design @ v
        slope = -weight * (design.T @ expit(-margins)) + penalty * v
        return float(-weight * log_expit(margins).sum() + penalty @ v**2 / 2), slope

    found = minimize(loss, np.zeros(design.shape[1]), jac=True).x
    return float(found[0]), np.asarray(found[1:], dtype=np.float64)


def cohort(task: TaskTraces, epoch: float) -> tuple[Floats, Floats]:
    """Return the signals of all architectures of a task after an epoch, and their final metrics."""
    sign = 1 if task.mode == "max" else -1
    names = [task.metric if signal.name == METRIC else signal.name for signal in SIGNALS]
    rows, finals = [], []
    for trace in first_seeds(task):
        final = trace.last(task.metric)
        if trace.failure is not None or final is None or not np.isfinite(final):
            continue
        course = SignalCourse(names)
        for report in trace.seen_at(epoch):
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
