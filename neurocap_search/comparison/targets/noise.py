"""Tasks on which nothing that is seen early says anything."""

from dataclasses import replace

import numpy as np

from neurocap_search.prediction import Report
from neurocap_search.traces.bank import first_seeds
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace


def shuffled(task: TaskTraces, seed: int) -> TaskTraces:
    """Return a task whose trials report somebody else's numbers at every epoch but the last.

    At each epoch another order is drawn, so that no number says anything of the end or of the epoch before.
    The last report and the seconds stay a trial's own. Trials that failed are left out.

    Args:
        task: A recorded task; every architecture's first training is taken.
        seed: Draws the orders.
    """
    traces = [trace for trace in first_seeds(task) if trace.failure is None]
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(traces)) for _ in range(task.epochs - 1)]
    mixed = [_mixed(trace, number, traces, orders) for number, trace in enumerate(traces)]
    # Drawn last, so that a bank without them is shuffled in the same way.
    others = rng.permutation(len(traces))
    mixed = [replace(trace, early=traces[k].early) for trace, k in zip(mixed, others, strict=True)]
    return replace(task, task=f"{task.task}, shuffled", traces=tuple(mixed))


def _mixed(trace: Trace, number: int, traces: list[Trace], orders: list[np.ndarray]) -> Trace:
    early = tuple(
        Report(own.epoch, traces[order[number]].reports[k].metrics, own.seconds)
        for k, (own, order) in enumerate(zip(trace.reports, orders, strict=False))
    )
    return replace(trace, reports=(*early, *trace.reports[len(early) :]))
