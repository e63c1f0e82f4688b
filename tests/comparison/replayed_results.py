"""Results for the report's tests: the real rules, replayed on made-up trainings of the real kind."""

import math
from functools import cache

from neurocap_search.comparison.results import Guess, Incumbent, Results, RunResult, Unit
from neurocap_search.rules import RuleContext, make_rule
from neurocap_search.traces.bank import disjoint_pools
from neurocap_search.traces.replayed import End
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.simulator import simulate
from neurocap_search.traces.trace import Trace
from tests.rules.streams import random_stream

RULES = (
    "beta_eff",
    "asha",
    "i_epoch:1",
    "i_epoch:2",
    "i_epoch:3",
    "full",
    "oracle",
    "median",
    "halving:train_loss",
)


@cache
def example():
    """Results of two made-up tasks, and the tasks."""
    tasks = [made_up_task("moons", seed=3), made_up_task("spirals", seed=4)]
    return replayed(tasks), {task.task: task for task in tasks}


def made_up_task(name="moons", trials=40, epochs=9, seed=0):
    """A task of networks with two seeds each, with a test accuracy at the end."""
    stream = [*random_stream(trials, epochs, seed), *random_stream(trials, epochs, seed)]
    return TaskTraces(
        name, epochs, tuple(_with_test(trace, k >= trials) for k, trace in enumerate(stream)),
        protocol={"training": {"epochs": epochs}}, libraries={"torch": "2.14.1"}, data_licence="made up",
    )  # fmt: skip


def _with_test(trace, again):
    *early, last = trace.reports
    final = last.metrics["val_accuracy"] - 0.01 * again
    last = type(last)(last.epoch, {**last.metrics, "val_accuracy": final, "test_accuracy": final - 0.02}, 1.0)
    key = trace.key._replace(seed=int(again))
    return Trace(key, trace.architecture, {}, trace.description, 0, (*early, last))


def replayed(tasks, rules=RULES, *, size=20, seeds=2, workers=(1, 4), kind="replayed"):
    """All rules on disjoint pools of all tasks."""
    runs = [
        _run(rule, Unit(task.task, number), _shuffled(pool, seed), seed, task.epochs, width)
        for rule in rules
        for task in tasks
        for number, pool in enumerate(disjoint_pools(task, size, 0))
        for seed in range(seeds)
        for width in workers
    ]
    return Results(tuple(runs), kind=kind)


def _shuffled(pool, seed):
    return sorted(pool, key=lambda trace: math.sin(1 + seed + 7 * trace.key.trial))


def _run(rule, unit, stream, seed, epochs, workers):
    context = RuleContext(max_t=epochs, seed=seed, stream=stream, trials=len(stream))
    played = simulate(make_rule(rule).policy(context), stream, workers=workers, epochs=epochs)
    finals = {str(k): made.last("val_accuracy") for k, made in enumerate(stream)}
    best = max(finals, key=finals.get)
    done = {k: finals[k] for k, trial in played.trials.items() if trial.end is End.COMPLETED}
    pick = max(done, key=done.get, default=None)
    winner = played.trials[best]
    return RunResult(
        rule, unit, seed, workers, len(stream), played.epochs, epochs * len(stream), played.makespan, pick,
        math.nan if pick is None else finals[pick], finals[best], sorted(finals.values())[len(finals) // 2],
        math.nan if pick is None else stream[int(pick)].last("test_accuracy"),
        stream[int(best)].last("test_accuracy"),
        winner.epochs if winner.end is End.PRUNED else None,
        tuple(Incumbent(seconds, spent, finals[key]) for seconds, spent, key in played.incumbents),
        tuple(_guesses(played, finals)),
    )  # fmt: skip


def _guesses(played, finals):
    for key, trial in played.trials.items():
        for made in trial.decisions:
            if (predicted := made.prediction) is not None:
                spread = math.nan if predicted.std is None else predicted.std
                pruned = trial.end is End.PRUNED
                yield Guess(made.epoch, predicted.mean, spread, finals[key], pruned)
