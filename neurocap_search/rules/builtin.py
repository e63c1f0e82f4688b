"""The rules of this package."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from neurocap_search.prediction import CapacitanceRidge
from neurocap_search.pruning import (
    FullTrainingPolicy,
    HyperbandPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SuccessiveHalvingPolicy,
    SynchronousHalvingPolicy,
)
from neurocap_search.rules.arguments import no_arguments, whole_number
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.curve import CURVES, curve
from neurocap_search.rules.front import i_epoch
from neurocap_search.rules.learned import learned
from neurocap_search.rules.optuna_names import PRUNERS, optuna_pruner
from neurocap_search.rules.oracle import oracle
from neurocap_search.rules.rule import PolicyMaker
from neurocap_search.rules.signals import halving


class Known(NamedTuple):
    """A rule of this package.

    Attributes:
        parse: From what follows the name's colon, or None, to what makes the policy.
        about: One line.
        form: What may follow the name, for people.
        members: A line about each name that must follow the colon, where these are few.
    """

    parse: Callable[[str | None], PolicyMaker]
    about: str
    form: str = ""
    members: Mapping[str, str] = {}


def _plain(name: str, make: PolicyMaker, about: str) -> dict[str, Known]:
    """Return a rule whose name is all there is to say."""

    def parse(arguments: str | None) -> PolicyMaker:
        no_arguments(name, arguments)
        return make

    return {name: Known(parse, about)}


def _ridge(context: RuleContext) -> CapacitanceRidge:
    return CapacitanceRidge(metric=context.metric, mode=context.mode, bounds=context.bounds)


def _signature(context: RuleContext) -> PruningPolicy:
    from neurocap_search.prediction.graph_signature import SignatureRegressor  # and with it scikit-learn

    regressor = SignatureRegressor(
        metric=context.metric, mode=context.mode, bounds=context.bounds, seed=context.seed
    )
    return SuccessiveHalvingPolicy(**context.halving(), predictor=regressor)


def _ray_asha(arguments: str | None) -> PolicyMaker:
    brackets = 1 if arguments is None else whole_number(f"ray_asha:{arguments}", "brackets", arguments)

    def make(context: RuleContext) -> PruningPolicy:
        from neurocap_search.rules.ray_rules import ray_asha

        return ray_asha(context, brackets)

    return make


def _ray_median(context: RuleContext) -> PruningPolicy:
    from neurocap_search.rules.ray_rules import ray_median

    return ray_median(context)


BUILTIN: dict[str, Known] = {
    **_plain("full", lambda c: FullTrainingPolicy(max_t=c.max_t), "no pruning: random search, fully trained"),
    "i_epoch": Known(i_epoch, "all train N epochs, the best K (default 3) to the end", ":N[:K]"),
    **_plain(
        "asha",
        lambda c: SuccessiveHalvingPolicy(**c.halving()),
        "asynchronous successive halving, stopping type: the decisions of Ray's ASHAScheduler",
    ),
    **_plain(
        "asha_promotion",
        lambda c: PromotionHalvingPolicy(**c.halving()),
        "asynchronous successive halving, promotion type: trials pause and the best go on",
    ),
    "ray_asha": Known(_ray_asha, "Ray's own AsyncHyperBandScheduler", "[:BRACKETS]"),
    **_plain("ray_median", _ray_median, "Ray's own MedianStoppingRule"),
    **_plain(
        "sync_halving",
        lambda c: SynchronousHalvingPolicy(**c.halving()),
        "synchronous successive halving: nobody goes on before all of a rung are there",
    ),
    **_plain(
        "hyperband",
        lambda c: HyperbandPolicy(**c.halving()),
        "Hyperband: brackets that begin to prune at different epochs",
    ),
    **_plain(
        "hyperband_promotion",
        lambda c: HyperbandPolicy(**c.halving(), type="promotion"),
        "Hyperband whose trials pause and go on",
    ),
    **_plain("median", lambda c: MedianPolicy(**c.compared()), "Vizier's median stopping rule"),
    "optuna": Known(optuna_pruner, "Optuna's own pruners", ":PRUNER", PRUNERS),
    "halving": Known(
        halving,
        "asha on another number: train_loss, running_mean, parameters, beta_eff or any that is reported",
        ":NAME[:min|max]",
    ),
    **_plain(
        "beta_eff",
        lambda c: SuccessiveHalvingPolicy(
            **c.halving(), predictor=_ridge(c), rng=np.random.default_rng(c.seed)
        ),
        "asha on the final metric that the paper's ridge predicts from beta_eff",
    ),
    **_plain(
        "beta_eff_promotion",
        lambda c: PromotionHalvingPolicy(**c.halving(), predictor=_ridge(c)),
        "asha_promotion on the final metric that the paper's ridge predicts from beta_eff",
    ),
    "curve": Known(
        curve,
        "asha on the final metric that a predictor of learning curves predicts",
        ":NAME",
        {name: known.about for name, known in CURVES.items()},
    ),
    **_plain(
        "signature",
        _signature,
        "asha on the final metric that support vectors tell from the graph in the first five epochs",
    ),
    "learned": Known(
        partial(learned, "learned", "stopping"),
        "halving by the learned combination of many signals, stopping type, with an audit",
        "[:no_audit,no_early,no_bank,no_size,no_beta_eff,no_graph]",
    ),
    "learned_promotion": Known(
        partial(learned, "learned_promotion", "promotion"),
        "the same, promotion type: trials pause and the best go on",
        "[:no_audit,no_early,no_bank,no_size,no_beta_eff,no_graph]",
    ),
    **_plain("oracle", oracle, "knows the finals, trains only the best: the bound, in a replay only"),
}
"""By name; what is not here is looked for among installed rules and on Python's path."""
