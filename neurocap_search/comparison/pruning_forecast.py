"""How many epochs a rule can be expected to spend, before anything is known of the networks."""

import math
from typing import NamedTuple

import numpy as np

from neurocap_search.config import SchedulerConfig
from neurocap_search.prediction import Report
from neurocap_search.pruning import HyperbandPolicy
from neurocap_search.pruning.learned_rungs import rungs_below
from neurocap_search.traces.simulator import simulate
from neurocap_search.traces.trace import Trace, TraceKey
from neurocap_search.tune.policies import make_policy

_METRIC = "val_accuracy"
_TRIALS = 1000
"""Trials simulated in all, so that a forecast takes a moment whatever the size of the search."""


class Range(NamedTuple):
    """A forecast with its bounds.

    Attributes:
        least: The rule prunes as much as it ever can.
        likely: What is to be expected.
        most: It prunes nobody.
    """

    least: float
    likely: float
    most: float

    def times(self, factor: float) -> "Range":
        """Return all three multiplied."""
        return Range(*(factor * value for value in self))

    def plus(self, other: "Range") -> "Range":
        """Return the sum."""
        return Range(*(a + b for a, b in zip(self, other, strict=True)))


def epochs_of_search(rule: SchedulerConfig, epochs: int, trials: int, workers: int) -> Range:
    """Return the epochs that a search will spend.

    When not to use it: for the guards ``patience``, ``protect_best`` and ``size_ratio`` the least is not
    reached, and the likely figure knows neither learning curves that cross nor sizes.

    Args:
        rule: The scheduler.
        epochs: Epochs of full training.
        trials: Trials of the search.
        workers: Trials at a time.

    Example:
        >>> epochs_of_search(SchedulerConfig(name="none"), epochs=10, trials=4, workers=1)
        Range(least=40, likely=40, most=40)
    """
    most = epochs * trials
    least = min(most, ideal_epochs(rule, epochs, trials))
    if rule.name in ("none", "i_epoch"):  # nothing about them depends on the networks
        return Range(round(least), round(least), round(least))
    likely = min(most, max(least, _simulated(rule, epochs, trials, workers)))
    return Range(round(least), round(likely), most)


def ideal_epochs(rule: SchedulerConfig, epochs: int, trials: int) -> float:
    r"""Return the epochs spent if exactly the wanted share goes on everywhere.

    Successive halving with rungs :math:`r_k = r_0 \eta^k` below :math:`r_K = E` lets
    :math:`n_k = \max(n \eta^{-k}, 1)` trials pass the first k rungs and spends
    :math:`n r_0 + \sum_{k=1}^{K} n_k (r_k - r_{k-1})`. Hyperband shares the trials out among its brackets;
    the median rule lets half go on after the grace period; i_epoch finishes ``keep``.

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning (ASHA), MLSys 2020.

    Example:
        >>> rule = SchedulerConfig(name="asha", grace_period=1, reduction_factor=3)
        >>> ideal_epochs(rule, 9, 9)  # 9 train 1 epoch, 3 go on to epoch 3, 1 of them to epoch 9
        21.0
    """
    grace = min(rule.grace_period, epochs)
    if rule.name == "none":
        return float(trials * epochs)
    if rule.name == "median":
        return trials * (grace + (epochs - grace) / 2)
    if rule.name == "i_epoch":
        return float(trials * grace + min(rule.keep, trials) * (epochs - grace))
    if rule.name == "learned":
        return _learned(rule, grace, epochs, trials)
    if rule.name == "hyperband":
        return _hyperband(rule, epochs, trials)
    return _halving(grace, rule.reduction_factor, epochs, trials)


def _halving(grace: float, factor: float, epochs: int, trials: float) -> float:
    # A trial is stopped after a whole epoch: a rung between two epochs is met at the later one.
    rungs = [math.ceil(grace)]
    while (following := math.ceil(grace * factor ** len(rungs))) < epochs:
        rungs.append(following)
    ends = [*rungs[1:], epochs]
    left = [max(trials / factor ** (k + 1), min(1.0, trials)) for k in range(len(rungs))]
    steps = zip(left, rungs, ends, strict=True)
    return float(trials * rungs[0] + sum(n * (end - start) for n, start, end in steps))


def _learned(rule: SchedulerConfig, grace: int, epochs: int, trials: int) -> float:
    """Return what the rungs leave, and the audit, which is not pruned."""
    least = min(3 if rule.type == "promotion" else 1, trials)
    left, spent, before = float(trials), 0.0, 0.0
    for epoch, share in rungs_below(epochs, grace, rule.reduction_factor, rule.early_stops):
        spent += left * (epoch - before)
        left, before = min(left, max(share * trials, least)), epoch
    pruned = spent + left * (epochs - before)
    return pruned + rule.audit * (trials * epochs - pruned)


def _hyperband(rule: SchedulerConfig, epochs: int, trials: int) -> float:
    grace, factor = rule.grace_period, rule.reduction_factor
    policy = HyperbandPolicy(metric=_METRIC, max_t=epochs, grace_period=grace, reduction_factor=factor)
    shares = [size / sum(policy.sizes) for size in policy.sizes]
    brackets = [(grace * factor**k, share * trials) for k, share in enumerate(shares)]
    return sum(
        _halving(start, factor, epochs, share) if start < epochs else share * epochs
        for start, share in brackets
    )


def _simulated(rule: SchedulerConfig, epochs: int, trials: int, workers: int) -> float:
    """Let the rule itself decide on made-up networks whose order never changes, that come in any order.

    beta_eff's predictions cannot be made up; there the accuracy takes their place, which prunes as many.
    """
    name = "asha" if rule.name == "neural_capacitance" else rule.name
    plain = rule.model_copy(update={"name": name, "size_ratio": None})
    spent = []
    for seed in range(max(1, min(20, _TRIALS // trials))):
        policy = make_policy(plain, metric=_METRIC, mode="max", max_t=epochs, seed=seed)
        qualities = np.random.default_rng(seed).permutation(trials) / trials
        stream = [_made_up(k, float(quality), epochs, rule) for k, quality in enumerate(qualities)]
        spent.append(simulate(policy, stream, workers=workers, epochs=epochs, keep_decisions=False).epochs)
    return float(np.mean(spent))


def _made_up(number: int, quality: float, epochs: int, rule: SchedulerConfig) -> Trace:
    reports = tuple(Report(epoch, {_METRIC: quality}, 1.0) for epoch in range(1, epochs + 1))
    early = tuple(Report(mark, {"train_loss": -quality}) for mark in rule.early_stops)
    return Trace(TraceKey(number, 0), {}, {}, "", 0, reports, early=early)
