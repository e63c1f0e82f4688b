"""The neural capacitance scheduler: a drop-in for Ray's ``ASHAScheduler``."""

from typing import Any, Literal

import numpy as np
from ray.tune.result import DEFAULT_METRIC

from neurocap_search.prediction import CapacitanceRidge
from neurocap_search.pruning import (
    GuardedPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SizeClassPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.tune.policy_scheduler import PolicyScheduler


class NeuralCapacitanceScheduler(PolicyScheduler):
    r"""Prunes trials by their final metric as predicted from beta_eff: a drop-in for ``ASHAScheduler``.

    Asynchronous successive halving with rungs at ``grace_period * reduction_factor**k``. At a rung a
    trial goes on if its *predicted* final metric is among the top ``1 / reduction_factor`` of those
    before it. The prediction is a Bayesian ridge regression of the metric on beta_eff over the epochs
    seen, read off at beta_eff = 0 (:class:`~neurocap_search.prediction.CapacitanceRidge`). A trial
    that reports no beta_eff, or too few values, competes by its metric as under ASHA.

    Trainables report ``beta_eff`` beside the metric, for example from
    :meth:`~neurocap_search.network_science.NeuralCapacitanceProbe.measure`.

    When not to use it: with a ``grace_period`` below 3 the first rung comes before a prediction is
    possible. beta_eff is not known to rank networks better than their training loss on every task:
    compare both on yours.

    Args:
        time_attr: The result's key for the epoch.
        metric: The result's key that is optimised; None takes the one of ``tune.TuneConfig``.
        mode: ``"max"`` or ``"min"``; None takes the one of ``tune.TuneConfig``.
        max_t: Epochs of full training; trials are stopped there.
        grace_period: Epochs before the first rung.
        reduction_factor: One in how many goes on at each rung.
        brackets: Brackets of successive halving.
        capacitance_attr: The result's key for beta_eff.
        bounds: Range of the metric, such as ``(0, 1)`` for an accuracy; predictions are clipped to it.
        seed: Draws the brackets.
        promotion: Pause trials at the rungs and let the best go on later, instead of deciding for good; the
            trainable must report checkpoints at the rungs. No brackets then.
        max_paused: Most trials that may be paused, each with a checkpoint on disk.
        patience: A trial whose metric improved within so many epochs is not pruned.
        protect_best: Trials whose best metric is among the best so many of all are not pruned.
        size_attr: The result's key for a network's size; trials compete only with those of similar size.
        journal: Keep a journal in the experiment's directory, from which ``Tuner.restore`` brings the
            scheduler back.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> scheduler = NeuralCapacitanceScheduler(metric="acc", mode="max", max_t=16, grace_period=4)
        >>> scheduler.debug_string()
        'NeuralCapacitanceScheduler: 0 of 0 trials pruned, 0 paused, 0 errors'
    """

    def __init__(
        self,
        time_attr: str = "training_iteration",
        metric: str | None = None,
        mode: Literal["max", "min"] | None = None,
        max_t: float = 100,
        grace_period: float = 1,
        reduction_factor: float = 4,
        brackets: int = 1,
        *,
        capacitance_attr: str = "beta_eff",
        bounds: tuple[float, float] | None = None,
        seed: int = 0,
        promotion: bool = False,
        max_paused: int | None = None,
        patience: int = 0,
        protect_best: int = 0,
        size_attr: str | None = None,
        journal: bool = True,
    ) -> None:
        rungs = {"max_t": max_t, "grace_period": grace_period, "reduction_factor": reduction_factor}
        if promotion and brackets > 1:
            raise ValueError(f"brackets must be 1 with promotion=True, received {brackets}.")

        def halving(metric: str, mode: Literal["max", "min"]) -> PruningPolicy:
            predictor = CapacitanceRidge(
                metric=metric, capacitance=capacitance_attr, mode=mode, bounds=bounds
            )
            common: dict[str, Any] = {"metric": metric, "mode": mode, "predictor": predictor, **rungs}
            if promotion:
                return PromotionHalvingPolicy(**common, max_paused=max_paused)
            rng = np.random.default_rng(seed)
            return SuccessiveHalvingPolicy(**common, brackets=brackets, rng=rng)

        def guarded(metric: str, mode: Literal["max", "min"]) -> PruningPolicy:
            policy = halving(metric, mode)
            if not patience and not protect_best:
                return policy
            return GuardedPolicy(
                policy, metric=metric, mode=mode, patience=patience, protect_best=protect_best
            )

        def make_policy(metric: str, mode: Literal["max", "min"]) -> PruningPolicy:
            if size_attr is None:
                return guarded(metric, mode)
            return SizeClassPolicy(lambda size_class: guarded(metric, mode), size=size_attr)

        super().__init__(make_policy, time_attr=time_attr, metric=metric, mode=mode, journal=journal)
        guarded(metric or DEFAULT_METRIC, mode or "max")  # wrong arguments fail here, not in mid-search
