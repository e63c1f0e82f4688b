"""The pruners of Optuna that can be compared, by the names of their classes."""

from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.pruning import PruningPolicy
from neurocap_search.rules.arguments import no_arguments, whole_number
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.rule import PolicyMaker

PRUNERS = {
    "MedianPruner": "Optuna's median rule, after its five startup trials",
    "PercentilePruner": "Optuna's percentile rule; optuna:PercentilePruner:25 keeps the best quarter",
    "SuccessiveHalvingPruner": "Optuna's asynchronous successive halving",
    "HyperbandPruner": "Optuna's Hyperband",
    "PatientPruner": "Optuna's median rule with patience: one epoch, or optuna:PatientPruner:2",
}
_UNFIT = {
    "WilcoxonPruner": "it compares trials on the same folds or instances, not at the same epochs",
    "ThresholdPruner": "it needs a bound for the metric, which nobody knows beforehand",
    "NopPruner": "it prunes nothing; write full",
}


def optuna_pruner(arguments: str | None) -> PolicyMaker:
    """Return what makes ``optuna:NAME`` or ``optuna:NAME:NUMBER``.

    Raises:
        UserError: If Optuna has no such pruner, or it cannot be compared.
    """
    name, colon, text = (arguments or "").partition(":")
    if name in _UNFIT:
        raise UserError(f"Rule 'optuna:{name}' cannot be compared: {_UNFIT[name]}.")
    if name not in PRUNERS:
        near = did_you_mean(name, PRUNERS, "optuna:")
        raise UserError(f"Unknown pruner of Optuna {name!r}.{near} Known: {', '.join(PRUNERS)}.")
    number = _number(name, text if colon else None)

    def make(context: RuleContext) -> PruningPolicy:
        from neurocap_search.rules.optuna_rule import optuna_policy

        return optuna_policy(name, number, context)

    return make


def _number(name: str, text: str | None) -> float | None:
    rule = f"optuna:{name}"
    if text is not None and name == "PatientPruner":
        return whole_number(f"{rule}:{text}", "the patience", text)
    if text is not None and name == "PercentilePruner":
        return _percentile(f"{rule}:{text}", text)
    no_arguments(rule, text)
    return None


def _percentile(rule: str, text: str) -> float:
    try:
        percentile = float(text)
    except ValueError:
        percentile = -1.0
    if not 0 < percentile < 100:
        raise UserError(f"Rule {rule!r}: the percentile must be above 0 and below 100, received {text!r}.")
    return percentile
