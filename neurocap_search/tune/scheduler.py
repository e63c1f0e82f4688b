"""The neural capacitance scheduler: a drop-in for Ray's ``ASHAScheduler``."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from ray.tune.result import DEFAULT_METRIC

from neurocap_search.prediction import CapacitanceRidge
from neurocap_search.prediction.combination import LearnedCombination
from neurocap_search.pruning import (
    GuardedPolicy,
    LearnedHalvingPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SizeClassPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.tune.policy_scheduler import PolicyScheduler

Mode = Literal["max", "min"]


class NeuralCapacitanceScheduler(PolicyScheduler):
    r"""Prunes trials after an epoch or two by what many signals tell: a drop-in for ``ASHAScheduler``.

    By default a learned combination of signals decides, beta_eff among them: the running metric and losses,
    the network's size, beta_eff with its numerator and denominator, summaries of its graph
    (:class:`~neurocap_search.pruning.LearnedHalvingPolicy`). It learns in the search how much each is
    worth, and after ``grace_period`` epochs one trial in the square of ``reduction_factor`` goes on.
    Trainables report the signals beside the metric; those that are not reported are not looked at.

    With ``predictor="capacitance"`` trials compete by the final metric that the source paper predicts from
    beta_eff alone: asynchronous successive halving with rungs at ``grace_period * reduction_factor**k``,
    where a trial goes on if its *predicted* final metric is among the top ``1 / reduction_factor`` of those
    before it (:class:`~neurocap_search.prediction.CapacitanceRidge`). A trial that reports no beta_eff, or
    too few values, competes by its metric as under ASHA.

    When not to use it: for fewer than about 20 trials, and where trials report nothing but the metric, take
    ASHA. With ``predictor="capacitance"`` and a ``grace_period`` below 3 the first rung comes before a
    prediction is possible, and beta_eff alone is not known to rank networks better than their training loss
    on any task: compare both on yours.

    Args:
        time_attr: The result's key for the epoch.
        metric: The result's key that is optimised; None takes the one of ``tune.TuneConfig``.
        mode: ``"max"`` or ``"min"``; None takes the one of ``tune.TuneConfig``.
        max_t: Epochs of full training; trials are stopped there.
        grace_period: Epochs before the first rung.
        reduction_factor: One in how many goes on at each rung; for the combination one in its square.
            Default: 4, and for the combination 2.5 when it decides for good (``promotion=False``), or else
            3.5 with ``early_stops``.
        brackets: Brackets of successive halving, for ``predictor="capacitance"`` only.
        predictor: ``"combination"`` or ``"capacitance"``.
        names: The results' keys for signals of the combination that have other names there, such as
            ``{"train_loss": "loss", "parameters": "num_params"}``.
        early_stops: Shares of the first epoch, such as ``(0.25,)``, at each of which the combination ends the
            worse half of the trials. Only where trainables report there: ``time_attr`` 0.25, their training
            loss and accuracy so far (and the size, with ``size_attr``), and NaN for the metric, which they do
            not know yet.
        audit: Share of trials that the combination never prunes, to measure what pruning costs.
        capacitance_attr: The result's key for beta_eff.
        bounds: Range of the metric, such as ``(0, 1)`` for an accuracy; predictions are clipped to it.
        seed: Draws brackets and audit.
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
        >>> scheduler = NeuralCapacitanceScheduler(metric="acc", mode="max", max_t=16)
        >>> scheduler.debug_string()
        'NeuralCapacitanceScheduler: 0 of 0 trials pruned, 0 paused, 0 errors'
    """

    def __init__(
        self,
        time_attr: str = "training_iteration",
        metric: str | None = None,
        mode: Mode | None = None,
        max_t: float = 100,
        grace_period: float = 1,
        reduction_factor: float | None = None,
        brackets: int = 1,
        *,
        predictor: Literal["combination", "capacitance"] = "combination",
        names: Mapping[str, str] | None = None,
        early_stops: Sequence[float] = (),
        audit: float = 0.05,
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
        if predictor not in ("combination", "capacitance"):
            raise ValueError(f"predictor must be 'combination' or 'capacitance', received {predictor!r}.")
        if promotion and brackets > 1:
            raise ValueError(f"brackets must be 1 with promotion=True, received {brackets}.")
        if brackets < 1 or (brackets > 1 and predictor == "combination"):
            raise ValueError(
                "brackets must be at least 1, and 1 unless predictor='capacitance', "
                f"received {brackets} with predictor={predictor!r}."
            )
        if early_stops and predictor != "combination":
            raise ValueError(f"early_stops: only the combination has them, received predictor={predictor!r}.")
        rungs: dict[str, Any] = {"max_t": max_t, "grace_period": grace_period}

        def learned(metric: str, mode: Mode) -> PruningPolicy:
            signals = {"beta_eff": capacitance_attr, **(names or {})}
            return LearnedHalvingPolicy(
                metric=metric,
                mode=mode,
                type="promotion" if promotion else "stopping",
                audit=audit,
                combination=LearnedCombination(metric=metric, mode=mode, names=signals),
                max_paused=max_paused,
                bounds=bounds,
                seed=seed,
                reduction_factor=reduction_factor,
                early_stops=early_stops,
                **rungs,
            )

        def halving(metric: str, mode: Mode) -> PruningPolicy:
            ridge = CapacitanceRidge(metric=metric, capacitance=capacitance_attr, mode=mode, bounds=bounds)
            common: dict[str, Any] = {"metric": metric, "mode": mode, "predictor": ridge, **rungs}
            common["reduction_factor"] = 4 if reduction_factor is None else reduction_factor
            if promotion:
                return PromotionHalvingPolicy(**common, max_paused=max_paused)
            rng = np.random.default_rng(seed)
            return SuccessiveHalvingPolicy(**common, brackets=brackets, rng=rng)

        def guarded(metric: str, mode: Mode) -> PruningPolicy:
            policy = learned(metric, mode) if predictor == "combination" else halving(metric, mode)
            if not patience and not protect_best:
                return policy
            return GuardedPolicy(
                policy, metric=metric, mode=mode, patience=patience, protect_best=protect_best
            )

        def make_policy(metric: str, mode: Mode) -> PruningPolicy:
            if size_attr is None:
                return guarded(metric, mode)
            return SizeClassPolicy(lambda size_class: guarded(metric, mode), size=size_attr)

        super().__init__(make_policy, time_attr=time_attr, metric=metric, mode=mode, journal=journal)
        guarded(metric or DEFAULT_METRIC, mode or "max")  # wrong arguments fail here, not in mid-search
