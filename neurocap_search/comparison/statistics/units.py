"""What is averaged before anything is compared: the runs of one rule on one pool."""

from collections.abc import Callable, Iterable, Mapping
from math import fsum, isnan
from typing import Literal, NamedTuple

from neurocap_search.comparison.results import Results, RunResult, Unit

Measure = Literal["regret", "epochs", "seconds", "test"]

MEASURES: dict[Measure, Callable[[RunResult], float]] = {
    "regret": lambda run: run.regret,
    "epochs": lambda run: run.epoch_share,
    "seconds": lambda run: run.seconds,
    "test": lambda run: run.test,
}
"""Numbers by which rules are compared; ``epochs`` is a share of full training, so that tasks compare."""


class RunKey(NamedTuple):
    """What two rules have in common in a pair of runs.

    Attributes:
        unit: The pool.
        seed: Of the order of the trials.
        workers: Trials at a time.
    """

    unit: Unit
    seed: int
    workers: int


def key_of(run: RunResult) -> RunKey:
    """Return what pairs a run with those of other rules."""
    return RunKey(run.unit, run.seed, run.workers)


def runs_by_rule(results: Results, workers: int | None = None) -> dict[str, dict[RunKey, RunResult]]:
    """Return the runs of each rule by what pairs them.

    Args:
        results: The comparison.
        workers: Only runs with so many workers; None: all.

    Raises:
        ValueError: If a rule has two runs on the same pool with the same seed and number of workers.
    """
    found: dict[str, dict[RunKey, RunResult]] = {rule: {} for rule in results.rules}
    for run in results.runs:
        if workers not in (None, run.workers):
            continue
        if key_of(run) in found[run.rule]:
            raise ValueError(f"rule {run.rule!r} has two runs on {key_of(run)}; give each run once")
        found[run.rule][key_of(run)] = run
    return found


def values_by_rule(
    results: Results, value: Callable[[RunResult], float], workers: int | None = None
) -> dict[str, dict[RunKey, float]]:
    """Return a number of every run; those where it is nan (unknown) are left out."""
    return {
        rule: {key: number for key, run in by_key.items() if not isnan(number := value(run))}
        for rule, by_key in runs_by_rule(results, workers).items()
    }


def unit_means(values: Mapping[RunKey, float]) -> dict[Unit, float]:
    """Return the mean of each pool over its seeds and numbers of workers, sorted by pool."""
    groups: dict[Unit, list[float]] = {}
    for key, number in values.items():
        groups.setdefault(key.unit, []).append(number)
    return {unit: mean(groups[unit]) for unit in sorted(groups)}


def mean(values: Iterable[float]) -> float:
    """Return the mean, the same whatever the order."""
    numbers = list(values)
    return fsum(numbers) / len(numbers)


def shared_runs(results: Results, workers: int | None = None) -> dict[str, dict[RunKey, RunResult]]:
    """Return each rule's runs on what all rules have run: nobody gains by an easier pool.

    Raises:
        ValueError: If the rules have no run in common.
    """
    runs = runs_by_rule(results, workers)
    shared = sorted(set.intersection(*(set(by_key) for by_key in runs.values()))) if runs else []
    if not shared:
        wanted = "" if workers is None else f" with {workers} workers"
        raise ValueError(
            f"the rules {', '.join(runs) or '(none)'} have no run in common{wanted}; run all of them on the "
            f"same pools, seeds and numbers of workers (there are {workers_of(results)} workers)"
        )
    return {rule: {key: by_key[key] for key in shared} for rule, by_key in runs.items()}


def common_means(
    results: Results, value: Callable[[RunResult], float], workers: int | None = None
) -> dict[str, dict[Unit, float]]:
    """Return each rule's unit means over the runs that all rules have with a known value.

    Raises:
        ValueError: If there are none.
    """
    runs = shared_runs(results, workers)
    values = {rule: {key: value(run) for key, run in by_key.items()} for rule, by_key in runs.items()}
    unknown = {key for numbers in values.values() for key, number in numbers.items() if isnan(number)}
    means = {}
    for rule, numbers in values.items():
        means[rule] = unit_means({key: number for key, number in numbers.items() if key not in unknown})
        if not means[rule]:
            raise ValueError("the value is unknown (nan) for every run that the rules have in common")
    return means


def workers_of(results: Results) -> list[int]:
    """Return the numbers of workers of a comparison, ascending."""
    return sorted({run.workers for run in results.runs})


def check_rule(results: Results, rule: str) -> None:
    """Refuse a rule that has no runs.

    Raises:
        ValueError: If it has none.
    """
    if rule not in results.rules:
        raise ValueError(
            f"there are no runs of the rule {rule!r}; known: {', '.join(results.rules) or 'none'}"
        )
