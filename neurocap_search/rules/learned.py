"""The learned combination by name, whole or without some of its parts."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from neurocap_search.config import SchedulerConfig
from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.prediction.combination import GROUPS, LearnedCombination, plain_prior
from neurocap_search.pruning import LearnedHalvingPolicy, PruningPolicy
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.rule import PolicyMaker

_WITHOUT: Mapping[str, tuple[str, ...]] = {
    "no_audit": (),
    "no_early": (),
    "no_bank": (),
    "no_size": GROUPS["size"],
    "no_beta_eff": GROUPS["beta_eff"],
    "no_graph": GROUPS["graph"],
}


def learned(name: str, type: Literal["stopping", "promotion"], arguments: str | None) -> PolicyMaker:
    """Return what makes ``NAME`` or ``NAME:no_audit,no_beta_eff``.

    What is left out is told apart so that a comparison shows what it was worth.
    """
    parts = [] if arguments is None else arguments.split(",")
    for part in parts:
        if part not in _WITHOUT:
            hint = did_you_mean(part, _WITHOUT) or f" It may be {', '.join(_WITHOUT)}."
            raise UserError(f"Rule '{name}:{arguments}' has no option {part!r}.{hint}")
    return partial(_policy, type, frozenset(parts))


def _policy(
    type: Literal["stopping", "promotion"], parts: frozenset[str], context: RuleContext
) -> PruningPolicy:
    settings: dict[str, Any] = {**context.compared(), "type": type, "seed": context.seed}
    if "no_audit" in parts:
        settings["audit"] = 0
    left_out = [signal for part in sorted(parts) for signal in _WITHOUT[part]]
    if "no_early" not in parts and _report_early(context):
        defaults = SchedulerConfig(type=type, grace_period=context.grace_period)
        settings["early_stops"] = defaults.early_stops
    prior = plain_prior() if "no_bank" in parts else None
    combination = LearnedCombination(
        metric=context.metric, mode=context.mode, prior=prior, leave_out=left_out
    )
    return LearnedHalvingPolicy(**settings, combination=combination, bounds=context.bounds)


def _report_early(context: RuleContext) -> bool:
    """Tell whether trials report within their first epoch, as not all recorded ones did."""
    return not context.stream or any(trace.early for trace in context.stream)
