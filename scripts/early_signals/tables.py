"""The recorded early signals as arrays, and what adding some of them to the combination's own brings."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from fit_prior import agreed, fit_order
from numpy.typing import NDArray
from scipy.stats import spearmanr

from neurocap_search.errors import UserError
from neurocap_search.prediction.combination.peers import cohort_scores
from neurocap_search.prediction.combination.prior import PLAIN
from neurocap_search.prediction.combination.signals import METRIC, SIGNALS, normal_scores
from neurocap_search.traces.bank import first_seeds
from neurocap_search.traces.schema import TaskTraces

Floats = NDArray[np.float64]
_SPLITS, _STREAMS, _TRIALS, _RIDGE = 100, 300, 100, 20.0


class Task(NamedTuple):
    """A task's networks with what was measured early and how they ended.

    Attributes:
        finals: (networks,), the final metric that was recorded.
        sizes: (networks,), numbers of parameters.
        marks: Epochs after which was measured.
        values: (networks,) by name and mark.
    """

    finals: Floats
    sizes: Floats
    marks: tuple[float, ...]
    values: dict[tuple[str, float], Floats]

    def mean(self, name: str, epoch: float) -> Floats:
        """Return the mean over whole epochs; of ``size:NAME`` that of the absolute value."""
        name, absolute = name.removeprefix("size:"), name.startswith("size:")
        ends = [mark for mark in self.marks if mark <= epoch and mark == int(mark)]
        values = np.array([self._epoch(name, end) for end in ends])
        return np.mean(np.abs(values) if absolute else values, axis=0)

    def over_marks(self, name: str, epoch: float) -> Floats:
        """Return the mean over all marks up to an epoch."""
        return np.mean([self.values[name, mark] for mark in self.marks if mark <= epoch], axis=0)

    def last(self, name: str, epoch: float) -> Floats:
        """Return the value of the last mark; of training figures, since the mark before."""
        return self.values[name, epoch]

    def _epoch(self, name: str, end: float) -> Floats:
        if not name.startswith("train_"):
            return self.values[name, end]
        # Training figures are those since the mark before: an epoch's is their mean, by their lengths.
        within = [mark for mark in self.marks if end - 1 < mark <= end]
        lengths = np.diff([end - 1, *within])
        return np.average([self.values[name, mark] for mark in within], axis=0, weights=lengths)


def load(folder: Path, task: TaskTraces) -> Task:
    """Read what ``record_early_signals.py`` wrote of a task; those that diverged are left out."""
    lines = [line for file in folder.glob(f"{task.task}.*.jsonl") for line in file.read_text().splitlines()]
    rows = {row["trial"]: row["marks"] for row in map(json.loads, lines) if row["failure"] is None}
    ended = {t.key.trial: t for t in first_seeds(task) if t.failure is None and t.key.trial in rows}
    if not ended:
        raise UserError(
            f"{folder} holds no networks of {task.task}. Measure some: "
            f"python scripts/record_early_signals.py configs/bank/{task.task}.yaml --output {folder}"
        )
    numbers = sorted(ended)
    marks = tuple(sorted(map(float, rows[numbers[0]])))
    names = {name for mark in rows[numbers[0]].values() for name in mark}
    values = {
        (name, mark): np.array([rows[n][str(mark)].get(name, np.nan) for n in numbers], dtype=float)
        for name in names
        for mark in marks
    }
    finals = np.array([ended[n].last(task.metric) for n in numbers], dtype=float)
    sizes = np.array([ended[n].reports[0].metrics["parameters"] for n in numbers])
    return Task(finals, sizes, marks, values)


def own_signals(task: Task, epoch: float) -> Floats:
    """Return what the combination looks at by itself, (networks, signals)."""
    columns = []
    for signal in SIGNALS:
        if signal.kind == "peers":
            columns.append(np.full(len(task.finals), np.nan))
        elif signal.name == "parameters":
            columns.append(task.sizes)
        else:
            name = "val_accuracy" if signal.name == METRIC else signal.name
            read = {"mean": task.mean, "last": task.last}.get(signal.kind)
            columns.append(read(name, epoch) if read else task.mean(f"size:{name}", epoch))
    return np.stack(columns, axis=1)


def within(task: Task, epoch: float, more: Sequence[Floats]) -> tuple[float, float]:
    """Fit on one half of a task's networks, rank the other: the most that signals may add.

    Returns:
        Spearman's correlation with the final metric, and that in the best quarter; means of many halvings.
    """
    scores = cohort_scores(np.column_stack([own_signals(task, epoch), *more]))
    best = task.finals >= np.quantile(task.finals, 0.75)
    found = []
    for seed in range(_SPLITS):
        order = np.random.default_rng(seed).permutation(len(scores))
        fit, test = np.array_split(order, 2)
        gram = scores[fit].T @ scores[fit] + _RIDGE * np.eye(scores.shape[1])
        targets = normal_scores(task.finals[fit][:, None])[:, 0]
        predicted = scores[test] @ np.linalg.solve(gram, scores[fit].T @ targets)
        top = best[test]
        pairs = ((predicted, task.finals[test]), (predicted[top], task.finals[test][top]))
        found.append([spearmanr(x, y).statistic for x, y in pairs])
    overall, quarter = np.mean(found, axis=0).tolist()
    return overall, quarter


def transferred(tuning: Sequence[Task], epoch: float, names: Sequence[str]) -> Floats:
    """Fit weights as the prior is fitted, with further signals, on the tuning tasks."""
    plain = np.concatenate([PLAIN, np.zeros(len(names))])
    shares, departures = [], []
    for task in tuning:
        scores = all_scores(task, epoch, names)
        share, departure = fit_order(scores, task.finals, plain)
        shares.append(share)
        departures.append(departure)
    return np.asarray(np.mean(shares) * plain + agreed(np.array(departures)))


def all_scores(
    task: Task, epoch: float, names: Sequence[str], chosen: NDArray[np.int64] | None = None
) -> Floats:
    """Return the normal scores of own and further signals, of all networks or among some."""
    values = np.column_stack([own_signals(task, epoch), *(task.mean(name, epoch) for name in names)])
    return cohort_scores(values if chosen is None else values[chosen])


def regret(task: Task, weights: dict[int, Floats], names: Sequence[str]) -> float:
    """Return the mean regret of keeping six of 100 after epoch 1 and five after epoch 2."""
    lost = []
    for seed in range(_STREAMS):
        alive = np.random.default_rng(seed).choice(len(task.finals), _TRIALS, replace=False)
        best = task.finals[alive].max()
        for epoch, keep in ((1, 6), (2, 5)):
            scores = all_scores(task, epoch, names, alive) @ weights[epoch]
            alive = alive[np.argsort(-scores, kind="stable")[:keep]]
        lost.append(best - task.finals[alive].max())
    return float(np.mean(lost))
