"""Pruning policies by the names of a configuration."""

from typing import Any, Literal

import numpy as np

from neurocap_search.config import SchedulerConfig
from neurocap_search.prediction import CapacitanceRidge, Predictor
from neurocap_search.prediction.combination import LearnedCombination
from neurocap_search.pruning import (
    FullTrainingPolicy,
    GuardedPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    LearnedHalvingPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SizeClassPolicy,
    SuccessiveHalvingPolicy,
)

Mode = Literal["max", "min"]


def make_policy(
    settings: SchedulerConfig,
    *,
    metric: str,
    mode: Mode,
    max_t: float,
    seed: int = 0,
    bounds: tuple[float, float] | None = None,
    capacitance: str = "beta_eff",
) -> PruningPolicy:
    """Return the policy a configuration names, with its guards and size classes.

    Args:
        settings: Name and options.
        metric: Name of the number that trials compete by.
        mode: Whether it is to be large or small.
        max_t: Epochs of full training.
        seed: Draws brackets and audit.
        bounds: Range of the metric; predictions are clipped to it.
        capacitance: Name of beta_eff in the reports.

    Raises:
        ValueError: If an option is out of its range.

    Example:
        >>> settings = SchedulerConfig(name="asha", type="promotion", protect_best=2)
        >>> make_policy(settings, metric="acc", mode="max", max_t=16).pauses
        True
    """

    def one() -> PruningPolicy:
        if settings.name == "learned":
            policy = _learned(settings, metric, mode, max_t, seed, bounds, capacitance)
        else:
            predictor = _predictor(settings, metric, mode, bounds, capacitance)
            policy = _rule(settings, metric, mode, max_t, seed, predictor)
        return _guarded(settings, policy, metric, mode)

    if settings.size_ratio is None:
        return one()
    return SizeClassPolicy(lambda size_class: one(), ratio=settings.size_ratio)


def _learned(
    settings: SchedulerConfig,
    metric: str,
    mode: Mode,
    max_t: float,
    seed: int,
    bounds: tuple[float, float] | None,
    capacitance: str,
) -> PruningPolicy:
    names = {"beta_eff": capacitance}
    return LearnedHalvingPolicy(
        metric=metric,
        mode=mode,
        max_t=max_t,
        grace_period=settings.grace_period,
        reduction_factor=settings.reduction_factor,
        early_stops=settings.early_stops,
        type=settings.type,
        audit=settings.audit,
        combination=LearnedCombination(metric=metric, mode=mode, names=names),
        max_paused=settings.max_paused,
        bounds=bounds,
        seed=seed,
    )


def _predictor(
    settings: SchedulerConfig,
    metric: str,
    mode: Mode,
    bounds: tuple[float, float] | None,
    capacitance: str,
) -> Predictor | None:
    if settings.name != "neural_capacitance":
        return None
    return CapacitanceRidge(metric=metric, capacitance=capacitance, mode=mode, bounds=bounds)


def _rule(
    settings: SchedulerConfig,
    metric: str,
    mode: Mode,
    max_t: float,
    seed: int,
    predictor: Predictor | None,
) -> PruningPolicy:
    if settings.name == "none":
        return FullTrainingPolicy(max_t=int(max_t))
    if settings.name == "i_epoch":
        return IEpochPolicy(
            metric=metric, mode=mode, epochs=settings.grace_period, keep=settings.keep, max_t=max_t
        )
    if settings.name == "median":
        return MedianPolicy(
            metric=metric,
            mode=mode,
            max_t=max_t,
            grace_period=settings.grace_period,
            min_trials=settings.min_trials,
        )
    rungs: dict[str, Any] = {
        "metric": metric,
        "mode": mode,
        "max_t": max_t,
        "grace_period": settings.grace_period,
        "reduction_factor": settings.reduction_factor,
    }
    if settings.name == "hyperband":
        return HyperbandPolicy(**rungs, type=settings.type, max_paused=settings.max_paused)
    if settings.type == "promotion":
        return PromotionHalvingPolicy(**rungs, predictor=predictor, max_paused=settings.max_paused)
    return SuccessiveHalvingPolicy(
        **rungs, brackets=settings.brackets, predictor=predictor, rng=np.random.default_rng(seed)
    )


def _guarded(settings: SchedulerConfig, policy: PruningPolicy, metric: str, mode: Mode) -> PruningPolicy:
    if not settings.patience and not settings.protect_best:
        return policy
    return GuardedPolicy(
        policy, metric=metric, mode=mode, patience=settings.patience, protect_best=settings.protect_best
    )
