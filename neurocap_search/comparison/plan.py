"""What a replay will do: which rules on which pools, checked before anything begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np

from neurocap_search.comparison.config import ReplayConfig
from neurocap_search.comparison.finals import finals_of
from neurocap_search.comparison.results import Unit
from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.rules import RuleContext, i_epoch_front, make_rule
from neurocap_search.traces.bank import disjoint_pools
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace

BOUNDS = ("full", "oracle")
"""Added to every replay beside the i-epoch front: what pruning is for, and the most it can do."""


@dataclass(frozen=True)
class ReplayPlan:
    """A comparison on recorded trainings, ready to run.

    Attributes:
        config: What was asked for.
        seeds: Each is an order of the trials, the same for all rules, and the seed of the rules.
        epochs: Epochs of full training, by task.
        metric: What is optimised, in all tasks.
        mode: ``max`` or ``min``.
        pools: The disjoint pools of architectures.
        rules: Names of the rules, in the order they were asked for; then those that are always added.
        left_out: Why a rule that was asked for is not among them, by its name.
    """

    config: ReplayConfig
    seeds: tuple[int, ...]
    epochs: Mapping[str, int]
    metric: str
    mode: Literal["max", "min"]
    pools: Mapping[Unit, Sequence[Trace]] = field(repr=False)
    rules: tuple[str, ...]
    left_out: Mapping[str, str]

    @property
    def replays(self) -> int:
        """How many streams will be replayed."""
        return len(self.rules) * len(self.pools) * len(self.seeds) * len(self.config.workers)

    def stream(self, unit: Unit, seed: int) -> list[Trace]:
        """Return the trials of a pool in the order of a seed."""
        pool = self.pools[unit]
        return [pool[k] for k in np.random.default_rng([seed, unit.pool]).permutation(len(pool))]

    def context(self, unit: Unit, seed: int) -> RuleContext:
        """Return what a rule is told of a stream."""
        return RuleContext(
            metric=self.metric,
            mode=self.mode,
            max_t=self.epochs[unit.task],
            seed=seed,
            stream=self.stream(unit, seed),
            trials=len(self.pools[unit]),
            grace_period=self.config.grace_period,
            reduction_factor=self.config.reduction_factor,
        )


def plan_replay(tasks: Mapping[str, TaskTraces], config: ReplayConfig, seeds: Sequence[int]) -> ReplayPlan:
    """Cut the pools and find the rules that can run on all of them.

    A comparison needs one metric, since regrets in accuracy and in perplexity have no mean; and all its rules
    need the same pools. So a rule that cannot run on one of the tasks is left out of all.

    Args:
        tasks: The bank.
        config: Which tasks and rules, how many trials and workers.
        seeds: Orders of the trials; the first one also cuts the pools.

    Raises:
        UserError: If there is no such task or rule, the tasks have several metrics, one has too few
            architectures for a pool, or no training of a pool came to its end.
    """
    chosen = _chosen(tasks, config.tasks)
    metric, mode = _one_metric(chosen)
    pools = {
        Unit(name, number): pool
        for name, task in chosen.items()
        for number, pool in enumerate(disjoint_pools(task, config.trials, seeds[0]))
    }
    epochs = {name: task.epochs for name, task in chosen.items()}
    _check_finals(pools, epochs, metric)
    names = dict.fromkeys([*config.rules, *i_epoch_front(min(epochs.values())), *BOUNDS])
    plan = ReplayPlan(config, tuple(seeds), epochs, metric, mode, pools, tuple(names), {})
    left_out = {name: why for name in names if (why := _misfit(name, plan)) is not None}
    rules = tuple(name for name in names if name not in left_out)
    return ReplayPlan(config, tuple(seeds), epochs, metric, mode, pools, rules, left_out)


def _chosen(tasks: Mapping[str, TaskTraces], names: Sequence[str]) -> dict[str, TaskTraces]:
    for name in names:
        if name not in tasks:
            near = did_you_mean(name, tasks)
            raise UserError(f"There is no task {name!r} in the bank.{near} It has {', '.join(tasks)}.")
    return {name: tasks[name] for name in names or tasks}


def _one_metric(tasks: Mapping[str, TaskTraces]) -> tuple[str, Literal["max", "min"]]:
    kinds = {(task.metric, task.mode) for task in tasks.values()}
    if len(kinds) > 1:
        listed = ", ".join(f"{name} ({task.metric})" for name, task in tasks.items())
        raise UserError(
            f"The tasks have several metrics, whose regrets have no common mean: {listed}. Choose tasks of "
            "one metric, by --task or tasks: in the configuration."
        )
    metric, mode = kinds.pop()
    if mode not in ("max", "min"):
        raise UserError(f"The traces of {', '.join(tasks)} have mode {mode!r}; it must be max or min.")
    return metric, cast(Literal["max", "min"], mode)


def _check_finals(pools: Mapping[Unit, Sequence[Trace]], epochs: Mapping[str, int], metric: str) -> None:
    for unit, pool in pools.items():
        if np.isnan(finals_of(pool, epochs[unit.task], metric)).all():
            raise UserError(
                f"Task {unit.task!r}: no training of a pool of {len(pool)} came to its end with a "
                f"{metric}, so there is nothing to find in it. Ask for larger pools, or leave the task out."
            )


def _misfit(name: str, plan: ReplayPlan) -> str | None:
    """Return why a rule cannot run on a task, or None if it can on all."""
    rule = make_rule(name)
    for task in plan.epochs:
        unit = Unit(task, 0)
        try:
            policy = rule.policy(plan.context(unit, plan.seeds[0]))
        except UserError as error:
            return f"task {task!r}: {error}"
        reported = {
            number for trace in plan.pools[unit] for report in trace.reports for number in report.metrics
        }
        if missing := [signal for signal in policy.required if signal not in reported]:
            return f"task {task!r}: it looks at {' and '.join(missing)}, which nobody reported there"
    return None
