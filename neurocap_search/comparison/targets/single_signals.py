"""Every single signal as a way to rank networks: what the combination has to be better than."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from scipy.stats import spearmanr

from neurocap_search.comparison.bootstrap import Array
from neurocap_search.prediction.combination import (
    GROUPS,
    METRIC,
    SIGNALS,
    Cohort,
    LearnedCombination,
    Prior,
)
from neurocap_search.prediction.combination.peers import rank_among_peers
from neurocap_search.prediction.combination.signals import AMONG_PEERS, NATURAL, SIZE
from neurocap_search.traces.bank import first_seeds
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace

Directions = Mapping[tuple[str, int], int]
"""By signal and epoch: 1 if larger values are taken for better, else -1."""


def finals_of(task: TaskTraces, pool: Sequence[Trace]) -> tuple[list[Trace], Array]:
    """Return the trainings that ended well, and their final metrics, larger is better."""
    sign = 1 if task.mode == "max" else -1
    lasts = [np.nan if t.failure or (last := t.last(task.metric)) is None else last for t in pool]
    ended = [trace for trace, last in zip(pool, lasts, strict=True) if np.isfinite(last)]
    return ended, sign * np.array([last for last in lasts if np.isfinite(last)])


def combination_for(
    task: TaskTraces, prior: Prior | None = None, leave_out: Sequence[str] = ()
) -> LearnedCombination:
    """Return the combination for the metric of a task."""
    mode: Literal["max", "min"] = "min" if task.mode == "min" else "max"
    return LearnedCombination(metric=task.metric, mode=mode, prior=prior, leave_out=leave_out)


def cohort_of(combination: LearnedCombination, pool: Sequence[Trace], epoch: float) -> Cohort:
    """Return what the combination sees of a pool after an epoch."""
    rows = []
    for trace in pool:
        course = combination.course()
        for report in trace.seen_at(epoch):
            course.follow(report)
        rows.append(course.row())
    return Cohort(epoch, tuple(str(k) for k in range(len(rows))), np.array(rows).reshape(-1, len(SIGNALS)))


def signal_values(task: TaskTraces, pool: Sequence[Trace], epoch: int) -> dict[str, Array]:
    """Return each signal of a pool: as the combination reads it, and curves by their last value too.

    Args:
        task: The task of the pool.
        pool: Trainings that ended well.
        epoch: After which they are ranked.

    Returns:
        (trainings,) by name; ``train_loss, last`` is the last epoch's, ``train_loss`` the running mean.
    """
    sign = 1 if task.mode == "max" else -1
    rows = cohort_of(combination_for(task), pool, epoch).rows
    values = {signal.name: rows[:, k].copy() for k, signal in enumerate(SIGNALS)}
    values[METRIC] *= sign
    values[AMONG_PEERS] = rank_among_peers(values[METRIC], values[SIZE])
    for name in GROUPS["learning curve"]:
        reported, factor = (task.metric, sign) if name == METRIC else (name, 1)
        last = [trace.reports[epoch - 1].get(reported) for trace in pool]
        values[f"{name}, last"] = factor * np.array([np.nan if v is None else v for v in last])
    return values


def directions(tuning: Mapping[str, TaskTraces], epochs: Sequence[int]) -> Directions:
    """Return which way each signal ranks better on the tuning tasks.

    Chosen in hindsight on the reporting tasks it would flatter a signal that says nothing.
    """
    found: dict[tuple[str, int], int] = {}
    for epoch in epochs:
        sums: dict[str, float] = {}
        for task in tuning.values():
            ended, finals = finals_of(task, first_seeds(task))
            for name, values in signal_values(task, ended, epoch).items():
                sums[name] = sums.get(name, 0.0) + spearman(values, finals)
        for name, total in sums.items():
            natural = NATURAL.get(name.removesuffix(", last"))
            found[name, epoch] = natural or (1 if total >= 0 else -1)
    return found


def spearman(x: Array, y: Array) -> float:
    """Return the rank correlation where x is known, 0 where it ranks nobody."""
    there = np.isfinite(x)
    if there.sum() < 3 or np.ptp(x[there]) == 0 or np.ptp(y[there]) == 0:
        return 0.0  # who ranks nobody is worth nothing, and is not left out
    return float(spearmanr(x[there], y[there]).statistic)
