"""One rule on one stream of recorded trainings."""

import math
from collections.abc import Sequence
from statistics import median

from neurocap_search.comparison.finals import final_of, finals_of, last_report, metric_on_test
from neurocap_search.comparison.guesses import guesses_of
from neurocap_search.comparison.plan import ReplayPlan
from neurocap_search.comparison.results import Guess, Incumbent, RunResult, Unit
from neurocap_search.rules import make_rule
from neurocap_search.traces.replayed import End, Replayed, ReplayedTrial
from neurocap_search.traces.simulator import simulate
from neurocap_search.traces.trace import Trace


def replay_rule(plan: ReplayPlan, rule: str, unit: Unit, seed: int) -> list[RunResult]:
    """Replay a rule on a pool in one order, once for each number of workers.

    What a rule predicted is kept of the smallest seed and number of workers only: the same trials
    in another order would give nearly the same predictions, and they are no new evidence.
    """
    context = plan.context(unit, seed)
    runs = []
    for workers in plan.config.workers:
        keep = (seed, workers) == (min(plan.seeds), min(plan.config.workers))
        replayed = simulate(
            make_rule(rule).policy(context),
            context.stream,
            workers=workers,
            epochs=context.max_t,
            metric=plan.metric,
            mode=plan.mode,
            keep_decisions=keep,
        )
        runs.append(_result(plan, rule, unit, seed, workers, replayed))
    return runs


def _result(
    plan: ReplayPlan, rule: str, unit: Unit, seed: int, workers: int, replayed: Replayed
) -> RunResult:
    metric, epochs = plan.metric, plan.epochs[unit.task]
    pool = [trial.trace for trial in replayed.trials.values()]
    ended = [final for final in finals_of(pool, epochs, metric) if not math.isnan(final)]
    best = max(ended) if plan.mode == "max" else min(ended)
    winners = [t for t in replayed.trials.values() if final_of(t.trace, epochs, metric) == best]
    pick = replayed.trials[replayed.incumbents[-1][2]].trace if replayed.incumbents else None
    return RunResult(
        rule=rule,
        unit=unit,
        seed=seed,
        workers=workers,
        trials=len(pool),
        epochs=replayed.epochs,
        full_epochs=sum(min(len(trace.reports), epochs) for trace in pool),
        seconds=replayed.makespan,
        pick=None if pick is None else str(pick.key.trial),
        final=math.nan if pick is None else final_of(pick, epochs, metric),
        best=best,
        median=median(ended),
        test=math.nan if pick is None else _test(pick, epochs, metric),
        best_test=_test(winners[0].trace, epochs, metric),
        winner_pruned_at=_pruned_at(winners),
        incumbents=tuple(
            Incumbent(seconds, spent, final_of(replayed.trials[key].trace, epochs, metric))
            for seconds, spent, key in replayed.incumbents
        ),
        guesses=tuple(
            guess for trial in replayed.trials.values() for guess in _guesses(trial, epochs, metric)
        ),
    )


def _test(trace: Trace, epochs: int, metric: str) -> float:
    report = last_report(trace, epochs)
    value = None if report is None else report.get(metric_on_test(metric))
    return math.nan if value is None else value


def _pruned_at(winners: Sequence[ReplayedTrial]) -> float | None:
    """Return the epoch at which the last of equally good trials was pruned; None if one was not."""
    if any(trial.end is not End.PRUNED for trial in winners):
        return None
    return max(trial.epochs for trial in winners)


def _guesses(trial: ReplayedTrial, epochs: int, metric: str) -> list[Guess]:
    """Return the real predictions of a trial that has a final metric, before its last epoch."""
    final = final_of(trial.trace, epochs, metric)
    if math.isnan(final):
        return []
    return guesses_of(trial.decisions, final, epochs, trial.end is End.PRUNED)
