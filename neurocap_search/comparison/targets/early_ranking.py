"""How well the combination ranks networks after a few epochs, beside single signals."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr

from neurocap_search.comparison.bootstrap import Array, Estimate, Resampling
from neurocap_search.comparison.results import Unit
from neurocap_search.prediction.combination import GROUPS, SIGNALS, Cohort, LearnedCombination
from neurocap_search.traces.bank import disjoint_pools
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace

EPOCHS = (1, 2, 3, 5)
_TOP = 0.1
WHOLE = "combination"
WITHOUT: Mapping[str, tuple[str, ...]] = {
    WHOLE: (),
    "without beta_eff": GROUPS["beta_eff"],
    "without graph": GROUPS["graph"],
    "without size": GROUPS["size"],
}


class Early(NamedTuple):
    """A way to rank networks.

    Attributes:
        name: The combination, whole or without a part, or a signal.
        epoch: After which they are ranked.
        overall: Spearman's correlation with the final metric, mean of the pools with interval.
        top: The same among the best tenth of each pool.
        ahead: Difference of ``overall`` to the best single signal at that epoch.
        ahead_top: The same for ``top``.
    """

    name: str
    epoch: int
    overall: Estimate
    top: Estimate
    ahead: Estimate
    ahead_top: Estimate


def early_rankings(tasks: Mapping[str, TaskTraces], size: int, seed: int = 0) -> list[Early]:
    """Rank the networks of each pool after some epochs, as a search does before anything has finished.

    The best single signal is chosen in hindsight, at each epoch and for each column: the one with the highest
    mean over these very pools. That is to the signals' advantage.

    Args:
        tasks: Tasks of one metric.
        size: Architectures of a pool.
        seed: Cuts the pools and draws the resamples.
    """
    pools = {
        Unit(name, number): pool
        for name, task in tasks.items()
        for number, pool in enumerate(disjoint_pools(task, size, seed))
    }
    resampling = Resampling.of(pools, seed)
    rows = []
    for epoch in EPOCHS:
        found = [_pool(tasks[unit.task], pools[unit], epoch) for unit in resampling.units]
        rows += _rows(found, epoch, resampling)
    return rows


def _rows(
    found: Sequence[Mapping[str, tuple[float, float]]], epoch: int, resampling: Resampling
) -> list[Early]:
    values = {name: np.array([pool[name] for pool in found]) for name in found[0]}
    single = [name for name in values if name not in WITHOUT]
    best = [max(single, key=lambda name: float(resampling.mean(values[name][:, k]))) for k in (0, 1)]
    rivals = np.stack([values[best[k]][:, k] for k in (0, 1)], axis=1)
    return [
        Early(
            name if name not in best[:1] else f"{name} (best single)",
            epoch,
            *(resampling.estimate(list(column)) for column in value.T),
            *(resampling.estimate(list(column)) for column in (value - rivals).T),
        )
        for name, value in values.items()
    ]


def _pool(task: TaskTraces, pool: Sequence[Trace], epoch: int) -> dict[str, tuple[float, float]]:
    """Return Spearman's correlation of each way to rank, overall and in the top tenth."""
    sign = 1 if task.mode == "max" else -1
    ended = [t for t in pool if t.failure is None and np.isfinite(t.last(task.metric) or np.nan)]
    finals = np.array([sign * (trace.last(task.metric) or 0.0) for trace in ended])
    top = finals >= np.quantile(finals, 1 - _TOP)
    found = {}
    for name, left_out in WITHOUT.items():
        combination = LearnedCombination(
            metric=task.metric, mode="max" if sign == 1 else "min", leave_out=left_out
        )
        scores = combination.rank([_cohort(combination, ended, epoch)], finals={})[0].mean
        found[name] = _both(scores, finals, top)
    for signal in (task.metric, "train_loss", "val_loss", "train_accuracy"):
        direction = -1 if signal.endswith("loss") else 1
        last = np.array([trace.reports[epoch - 1].get(signal) or np.nan for trace in ended])
        direction = sign if signal == task.metric else direction
        found[signal] = _both(direction * last, finals, top)
    return found


def _cohort(combination: LearnedCombination, pool: Sequence[Trace], epoch: int) -> Cohort:
    rows = []
    for trace in pool:
        course = combination.course()
        for report in trace.reports[:epoch]:
            course.follow(report)
        rows.append(course.row())
    return Cohort(epoch, tuple(str(k) for k in range(len(rows))), np.array(rows).reshape(-1, len(SIGNALS)))


def _both(scores: Array, finals: Array, top: Array) -> tuple[float, float]:
    return _spearman(scores, finals), _spearman(scores[top], finals[top])


def _spearman(x: Array, y: Array) -> float:
    there = np.isfinite(x)
    if there.sum() < 3 or np.ptp(x[there]) == 0 or np.ptp(y[there]) == 0:
        return 0.0  # who ranks nobody is worth nothing, and is not left out
    return float(spearmanr(x[there], y[there]).statistic)
