"""All replays of a comparison, in as many processes as there are cores."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from neurocap_search.comparison.config import ReplayConfig
from neurocap_search.comparison.interrupts import interrupts_deferred
from neurocap_search.comparison.plan import ReplayPlan, plan_replay
from neurocap_search.comparison.replay_run import replay_rule
from neurocap_search.comparison.results import Results, RunResult, Unit
from neurocap_search.errors import UserError
from neurocap_search.traces.schema import TaskTraces

OnProgress = Callable[[int, int], None]
"""Called with the replays that are done, and all."""

_CHUNK = 8
"""Jobs a process is handed at a time: few, so that Ctrl-C does not wait long for those under way."""

_AHEAD = 4
"""Times as many are handed over as there are processes, so that none waits for more."""


class _Job(NamedTuple):
    rule: str
    unit: Unit
    seed: int


def replay_bank(
    tasks: Mapping[str, TaskTraces],
    config: ReplayConfig,
    seeds: Sequence[int],
    *,
    candidate: str = "beta_eff",
    rival: str = "asha",
    processes: int = 1,
    on_progress: OnProgress = lambda done, total: None,
) -> Results:
    """Replay every rule on every pool, in every order, with every number of workers.

    When not to use it: with ``processes`` above 1 in a program whose main module does its work on import.
    Each process imports that module again; put the work under ``if __name__ == "__main__":``.

    Args:
        tasks: The bank, from :func:`~neurocap_search.traces.bank.load_bank`.
        config: Rules, trials and workers.
        seeds: Orders of the trials; the first one also cuts the pools.
        candidate: The rule that is judged.
        rival: The rule it is judged against.
        processes: How many at once. The result is the same, bit for bit, whatever their number.
        on_progress: Told how far it is.

    Raises:
        UserError: See :func:`~neurocap_search.comparison.plan.plan_replay`; or if candidate or rival cannot
            be replayed.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> from neurocap_search.traces.trace import Trace, TraceKey
        >>> def trace(k: int) -> Trace:
        ...     numbers = [{"val_accuracy": k * epoch / 40, "beta_eff": 0.1} for epoch in range(1, 5)]
        ...     return Trace(TraceKey(k, 0), {}, {}, "", 0, tuple(map(Report, range(1, 5), numbers)))
        >>> task = TaskTraces("mine", 4, tuple(trace(k) for k in range(1, 10)))
        >>> config = ReplayConfig(rules=("beta_eff", "asha"), trials=9, workers=(2,))
        >>> results = replay_bank({"mine": task}, config, seeds=[0])
        >>> [(run.rule, run.epochs, run.regret) for run in results.runs if run.rule in ("full", "oracle")]
        [('full', 36, 0.0), ('oracle', 12, 0.0)]
    """
    plan = plan_replay(tasks, config, seeds)
    return replay(plan, candidate, rival, processes=processes, on_progress=on_progress)


def replay(
    plan: ReplayPlan,
    candidate: str,
    rival: str,
    *,
    processes: int = 1,
    on_progress: OnProgress = lambda done, total: None,
) -> Results:
    """Do what a plan says; see :func:`replay_bank`."""
    check_judged(plan, candidate, rival)
    jobs = [_Job(rule, unit, seed) for unit in plan.pools for seed in plan.seeds for rule in plan.rules]
    runs: list[RunResult] = []
    for some in _alone(plan, jobs) if processes == 1 else _together(plan, jobs, processes):
        runs += some
        on_progress(len(runs), plan.replays)
    return Results(tuple(runs), candidate, rival, "replayed", plan.metric, plan.mode)


def check_judged(plan: ReplayPlan, candidate: str, rival: str) -> None:
    """Raise UserError unless candidate and rival are replayed."""
    for role, rule in (("candidate", candidate), ("rival", rival)):
        if rule not in plan.rules:
            why = plan.left_out.get(rule, "it is none of the rules")
            raise UserError(
                f"The {role} {rule!r} cannot be judged here: {why}. Name another {role}, or other tasks. "
                f"Replayed are {', '.join(plan.rules)}."
            )


def cores() -> int:
    """Return how many processes may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _alone(plan: ReplayPlan, jobs: Sequence[_Job]) -> Iterator[list[RunResult]]:
    for job in jobs:
        with threadpool_limits(1):
            runs = replay_rule(plan, *job)
        yield runs


def _together(plan: ReplayPlan, jobs: Sequence[_Job], processes: int) -> Iterator[list[RunResult]]:
    """Give the jobs to processes; their results come in the order of the jobs."""
    fresh = multiprocessing.get_context("spawn")  # a fork would copy the threads of torch and Ray half
    pool = ProcessPoolExecutor(processes, fresh, initializer=_begin, initargs=(plan,))
    waiting: deque[Future[list[list[RunResult]]]] = deque()
    try:
        with interrupts_deferred():
            for _ in range(processes):  # each starts a process
                pool.submit(_replay, [])
        for start in range(0, len(jobs), _CHUNK):
            waiting.append(pool.submit(_replay, jobs[start : start + _CHUNK]))
            if len(waiting) > _AHEAD * processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool:
        raise UserError(
            f"One of {processes} processes of the replay ended unexpectedly, perhaps for want of memory. Try "
            "--processes 1."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


# In a process of the pool ------------------------------------------------------------------------------

_plans: list[ReplayPlan] = []


def _begin(plan: ReplayPlan) -> None:
    """Take the plan once, and do not outlive the parent, to whom Ctrl-C is left."""
    _plans.append(plan)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _replay(jobs: Sequence[_Job]) -> list[list[RunResult]]:
    return [replay_rule(_plans[-1], *job) for job in jobs]
