"""What the searches of one seed say of their rules."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from math import isfinite, nan
from statistics import median
from typing import NamedTuple

from neurocap_search.comparison.guesses import guesses_of
from neurocap_search.comparison.live_search import LiveSearch
from neurocap_search.comparison.results import Guess, RunResult, Unit
from neurocap_search.tracking import TrialRecord, TrialState


class Pool(NamedTuple):
    """What the searches of one seed know together of their architectures.

    Where one of the rules trains everything, that is all. Otherwise nobody knows what the architectures
    that all rules pruned would have come to, and regrets are lower bounds.

    Attributes:
        finals: Final metric of each architecture that some rule trained to the end, the largest if several
            did: on one kind of processor they are all the same.
    """

    finals: Mapping[str, float]

    @classmethod
    def of(cls, searches: Sequence[LiveSearch]) -> "Pool":
        """Gather what the searches found."""
        finals: dict[str, float] = {}
        for search in searches:
            for trial in search.record:
                final = trial.final(search.record.metric)
                if final is not None and isfinite(final):
                    finals[architecture_of(trial)] = max(final, finals.get(architecture_of(trial), final))
        return cls(finals)

    @property
    def winners(self) -> set[str]:
        """The best architectures: several where they are equally good."""
        return {key for key, final in self.finals.items() if final == self.best}

    @property
    def best(self) -> float:
        """Its final metric; nan if nothing was trained to the end."""
        return max(self.finals.values(), default=nan)

    @property
    def median(self) -> float:
        """Median of the known finals."""
        return median(self.finals.values()) if self.finals else nan


def architecture_of(trial: TrialRecord) -> str:
    """Return architecture and hyper-parameters of a trial as a key."""
    return json.dumps(trial.config, sort_keys=True)


def run_results(
    task: str, searches: Sequence[LiveSearch], workers: int, test: Callable[[LiveSearch], float]
) -> list[RunResult]:
    """Return one result for each search.

    Args:
        task: Name of the task.
        searches: One for each rule, all of one seed.
        workers: Trials at a time.
        test: Test metric of a search's winner.
    """
    pool = Pool.of(searches)
    tests = {search.rule: test(search) for search in searches}
    found = [s.rule for s in searches if s.record.best and architecture_of(s.record.best) in pool.winners]
    best_test = next((tests[rule] for rule in found), nan)
    return [_result(task, search, pool, workers, tests[search.rule], best_test) for search in searches]


def _result(
    task: str, search: LiveSearch, pool: Pool, workers: int, test: float, best_test: float
) -> RunResult:
    record = search.record
    trials, pick = list(record), record.best
    final = None if pick is None else pick.final(record.metric)
    return RunResult(
        rule=search.rule,
        unit=Unit(task, search.seed),
        seed=search.seed,
        workers=workers,
        trials=len(trials),
        epochs=sum(trial.epochs for trial in trials),
        full_epochs=sum(_full_epochs(trial, record.max_t) for trial in trials),
        seconds=search.seconds,
        pick=None if pick is None else str(pick.number),
        final=nan if final is None else final,
        best=pool.best,
        median=pool.median,
        test=test,
        best_test=best_test,
        winner_pruned_at=_pruned_at(trials, pool.winners),
        incumbents=search.incumbents,
        guesses=tuple(guess for trial in trials for guess in _guesses(trial, record.max_t, pool)),
    )


def _full_epochs(trial: TrialRecord, max_t: int) -> float:
    """Return the epochs of full training; a trial that failed would have failed without a rule too."""
    return trial.epochs if trial.state is TrialState.FAILED else max_t


def _pruned_at(trials: Sequence[TrialRecord], winners: Collection[str]) -> float | None:
    """Return the epoch at which the last of equally good trials was pruned; None if one was not."""
    same = [trial for trial in trials if architecture_of(trial) in winners]
    if not same or any(trial.state is not TrialState.PRUNED for trial in same):
        return None
    return max(trial.epochs for trial in same)


def _guesses(trial: TrialRecord, max_t: int, pool: Pool) -> list[Guess]:
    """Return a trial's real predictions before the last epoch, where some rule trained it to the end."""
    final = pool.finals.get(architecture_of(trial))
    if final is None:
        return []
    return guesses_of(trial.decisions, final, max_t, trial.state is TrialState.PRUNED)
