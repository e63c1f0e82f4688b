"""What MLflow is given of a comparison in numbers. Pure functions."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from neurocap_search.comparison.results import Results, RunResult
from neurocap_search.comparison.statistics.units import mean
from neurocap_search.comparison.statistics.verdict import Verdict
from neurocap_search.tracking.mlflow_contents import valid_name

_NUMBERS: dict[str, Callable[[RunResult], float]] = {
    "regret": lambda run: run.regret,
    "epochs": lambda run: run.epochs,
    "epoch_share": lambda run: run.epoch_share,
    "seconds": lambda run: run.seconds,
    "final": lambda run: run.final,
    "test": lambda run: run.test,
    "winner_pruned": lambda run: float(run.winner_pruned_at is not None),
}
_BY_TASK = ("regret", "epoch_share", "winner_pruned")


def pairs_of(results: Results) -> dict[tuple[str, int], list[RunResult]]:
    """Return the runs of each rule and seed: what becomes one run in MLflow."""
    found: dict[tuple[str, int], list[RunResult]] = {}
    for run in results.runs:
        found.setdefault((run.rule, run.seed), []).append(run)
    return found


def pair_metrics(runs: Sequence[RunResult]) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and step of the metrics of one rule and seed.

    Means over all workers, pools and tasks (every task counting the same); some also by task, as
    ``regret/TASK``, and the regret by number of workers: ``regret_by_workers``, whose step is that number.
    What is unknown (nan) stays so: MLflow's store leaves it out.
    """
    for name, number in _NUMBERS.items():
        yield name, task_mean(runs, number), 0
    for task in sorted({run.unit.task for run in runs}):
        own = [run for run in runs if run.unit.task == task]
        for name in _BY_TASK:
            yield valid_name(f"{name}/{task}"), task_mean(own, _NUMBERS[name]), 0
    for workers in sorted({run.workers for run in runs}):
        own = [run for run in runs if run.workers == workers]
        yield "regret_by_workers", task_mean(own, _NUMBERS["regret"]), workers


def difference_metrics(found: Verdict) -> dict[str, float]:
    """Return how far the candidate is from the rival, for the parent."""
    metrics: dict[str, float] = {}
    for name, made in (("regret", found.regret), ("epoch_share", found.epochs)):
        metrics |= {
            f"candidate_{name}": made.mean_a,
            f"rival_{name}": made.mean_b,
            f"{name}_difference": made.difference.value,
            f"{name}_difference_low": made.difference.low,
            f"{name}_difference_high": made.difference.high,
            f"{name}_p_holm": made.p_holm,
            f"{name}_win_rate": made.win_rate,
        }
    return metrics


def task_mean(runs: Iterable[RunResult], number: Callable[[RunResult], float]) -> float:
    """Return the mean of a number over pools, then over tasks; every pool has as many runs."""
    by_task: dict[str, list[float]] = {}
    for run in runs:
        by_task.setdefault(run.unit.task, []).append(number(run))
    return mean(map(mean, by_task.values()))
