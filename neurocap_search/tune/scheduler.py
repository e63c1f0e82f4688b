"""The neural capacitance scheduler: a drop-in for Ray's ``ASHAScheduler``."""

from typing import Literal

import numpy as np
from ray.tune.result import DEFAULT_METRIC

from neurocap_search.prediction import CapacitanceRidge
from neurocap_search.pruning import PruningPolicy, SuccessiveHalvingPolicy
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

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> scheduler = NeuralCapacitanceScheduler(metric="acc", mode="max", max_t=16, grace_period=4)
        >>> scheduler.debug_string()
        'NeuralCapacitanceScheduler: 0 of 0 trials pruned, 0 errors'
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
    ) -> None:
        def make_policy(metric: str, mode: Literal["max", "min"]) -> PruningPolicy:
            predictor = CapacitanceRidge(
                metric=metric, capacitance=capacitance_attr, mode=mode, bounds=bounds
            )
            return SuccessiveHalvingPolicy(
                metric=metric,
                mode=mode,
                max_t=max_t,
                grace_period=grace_period,
                reduction_factor=reduction_factor,
                brackets=brackets,
                predictor=predictor,
                rng=np.random.default_rng(seed),
            )

        super().__init__(make_policy, time_attr=time_attr, metric=metric, mode=mode)
        make_policy(metric or DEFAULT_METRIC, mode or "max")  # wrong arguments fail here, not in mid-search
