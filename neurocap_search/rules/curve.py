"""The predictors of learning curves by name, each as successive halving on what it predicts."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.prediction import Predictor
from neurocap_search.prediction.learning_curve import (
    TSE,
    TSEE,
    TSEEMA,
    BestSeen,
    CurveEnsemble,
    CurveRegression,
    LastSeen,
    PowerLaw,
    RunningMean,
    TrainingSpeed,
)
from neurocap_search.pruning import PruningPolicy, SuccessiveHalvingPolicy
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.derived import LossSum
from neurocap_search.rules.rule import PolicyMaker
from neurocap_search.rules.signals import halving_on


class Curve(NamedTuple):
    """A predictor of learning curves.

    Attributes:
        make: Makes it.
        about: One line on the rule.
    """

    make: Callable[[RuleContext], Predictor]
    about: str


def _aim(context: RuleContext) -> dict[str, Any]:
    return {"metric": context.metric, "mode": context.mode}


def _range(context: RuleContext) -> dict[str, Any]:
    return {**_aim(context), "bounds": context.bounds}


CURVES: Mapping[str, Curve] = {
    "last_seen": Curve(lambda c: LastSeen(metric=c.metric), "asha on the metric last seen, as asha itself"),
    "best_seen": Curve(lambda c: BestSeen(**_aim(c)), "asha on the best metric seen so far"),
    "running_mean": Curve(
        lambda c: RunningMean(metric=c.metric), "asha on the mean metric of the last three epochs"
    ),
    "tse": Curve(lambda c: TSE(**_aim(c)), "asha on the sum of all training losses"),
    "tse_e": Curve(lambda c: TSEE(**_aim(c)), "asha on the training loss of the last epoch"),
    "tse_ema": Curve(lambda c: TSEEMA(**_aim(c)), "asha on a fading sum of the training losses"),
    "power_law": Curve(
        lambda c: PowerLaw(final_epoch=c.max_t, **_range(c)), "asha on a power law fitted to the curve"
    ),
    "ensemble": Curve(
        lambda c: CurveEnsemble(final_epoch=c.max_t, **_range(c)),
        "asha on eleven families of curves, weighted",
    ),
    "regression": Curve(
        lambda c: CurveRegression(**_range(c), seed=c.seed),
        "asha on what support vectors learn from finished curves (BGRN)",
    ),
}
"""By what follows the colon."""


def curve(arguments: str | None) -> PolicyMaker:
    """Return what makes ``curve:NAME``.

    Raises:
        UserError: If there is no such predictor.
    """
    name = arguments or ""
    if name not in CURVES:
        near = did_you_mean(name, CURVES, "curve:")
        raise UserError(f"Unknown predictor of learning curves {name!r}.{near} Known: {', '.join(CURVES)}.")
    return partial(_policy, name)


def _policy(name: str, context: RuleContext) -> PruningPolicy:
    predictor = CURVES[name].make(context)
    if isinstance(predictor, TrainingSpeed):
        # It only orders trials: no reason may call it a predicted metric.
        return halving_on(f"curve:{name}", LossSum(predictor), "min", context)
    return SuccessiveHalvingPolicy(**context.halving(), predictor=predictor)
