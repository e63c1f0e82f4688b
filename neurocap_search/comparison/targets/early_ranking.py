"""How well the combination ranks networks after a few epochs, beside single signals."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurocap_search.comparison.bootstrap import Array, Estimate, Resampling
from neurocap_search.comparison.results import Unit
from neurocap_search.comparison.targets.single_signals import (
    Directions,
    cohort_of,
    combination_for,
    finals_of,
    signal_values,
    spearman,
)
from neurocap_search.prediction.combination import GROUPS, plain_prior
from neurocap_search.traces.bank import disjoint_pools
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace

EPOCHS = (1, 2, 3, 5)
_TOP = 0.1
WHOLE = "combination"
NO_BANK = "without the bank"
WITHOUT: Mapping[str, tuple[str, ...]] = {
    WHOLE: (),
    NO_BANK: (),
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
        best: Whether it is the best single signal at that epoch.
        best_top: The same for ``top``.
    """

    name: str
    epoch: int
    overall: Estimate
    top: Estimate
    ahead: Estimate
    ahead_top: Estimate
    best: bool = False
    best_top: bool = False


def early_rankings(
    tasks: Mapping[str, TaskTraces], size: int, directions: Directions, seed: int = 0
) -> list[Early]:
    """Rank the networks of each pool after some epochs, as a search does before anything has finished.

    The best single signal is chosen in hindsight, at each epoch and for each column: the one with the highest
    mean over these very pools. That is to the signals' advantage.

    Args:
        tasks: Tasks of one metric.
        size: Architectures of a pool.
        directions: Which way each signal ranks.
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
        found = [_pool(tasks[unit.task], pools[unit], epoch, directions) for unit in resampling.units]
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
            name,
            epoch,
            overall=resampling.estimate(list(value[:, 0])),
            top=resampling.estimate(list(value[:, 1])),
            ahead=resampling.estimate(list(value[:, 0] - rivals[:, 0])),
            ahead_top=resampling.estimate(list(value[:, 1] - rivals[:, 1])),
            best=name == best[0],
            best_top=name == best[1],
        )
        for name, value in values.items()
    ]


def _pool(
    task: TaskTraces, pool: Sequence[Trace], epoch: int, directions: Directions
) -> dict[str, tuple[float, float]]:
    """Return Spearman's correlation of each way to rank, overall and in the top tenth."""
    ended, finals = finals_of(task, pool)
    top = finals >= np.quantile(finals, 1 - _TOP)
    found = {}
    for name, left_out in WITHOUT.items():
        combination = combination_for(task, plain_prior() if name == NO_BANK else None, left_out)
        scores = combination.rank([cohort_of(combination, ended, epoch)], finals={})[0].mean
        found[name] = _both(scores, finals, top)
    for name, values in signal_values(task, ended, epoch).items():
        found[name] = _both(directions[name, epoch] * values, finals, top)
    return found


def _both(scores: Array, finals: Array, top: NDArray[np.bool_]) -> tuple[float, float]:
    return spearman(scores, finals), spearman(scores[top], finals[top])
