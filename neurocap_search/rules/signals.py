"""Successive halving, stopping type, on any number."""

from typing import Literal

from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.pruning import PruningPolicy, SuccessiveHalvingPolicy
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.derived import Derived, Magnitude, RunningMean, Signal
from neurocap_search.rules.derived_policy import DerivedPolicy
from neurocap_search.rules.rule import PolicyMaker

Mode = Literal["max", "min"]


def halving(arguments: str | None) -> PolicyMaker:
    """Return what makes ``halving:NAME`` or ``halving:NAME:max`` or ``halving:NAME:min``.

    ``running_mean`` is the mean of the optimised metric so far. ``beta_eff`` is its distance from 0, the
    smaller the better: at convergence beta_eff is 0, and its sign depends on a convention of the source
    paper (whether the weights' velocity or the gradient is written down) and flips from epoch to epoch.
    ``beta_eff:max`` and ``beta_eff:min`` take the signed number. Of any other number that is not the
    optimised metric, smaller is better if its name ends in ``loss``, and larger otherwise.

    A trial whose metric or loss is not finite has diverged. One that lacks another number for an epoch, as
    beta_eff is undefined now and then in a training that is well, is not compared there and goes on.
    """
    name, _, direction = (arguments or "").partition(":")
    if not name:
        raise UserError("Rule 'halving' needs a number to compare by: write halving:train_loss, for example.")
    if direction not in ("", "max", "min") or (arguments or "").endswith(":"):
        raise UserError(
            f"Rule 'halving:{arguments}': after the name comes max or min, received {direction!r}. Write "
            f"halving:{name} or halving:{name}:min."
        )
    return lambda context: _policy(name, direction, context)


def _policy(name: str, direction: str, context: RuleContext) -> PruningPolicy:
    rule, mode = f"halving:{name}", _mode(name, direction, context)
    derived = _derived(name, direction, context)
    if derived is not None:
        return halving_on(rule, derived, mode, context)
    _check_reported(rule, name, context)
    return _halving(name, mode, context)


def halving_on(rule: str, derived: Derived, mode: Mode, context: RuleContext) -> PruningPolicy:
    """Return successive halving on a number that is computed from the reports.

    Raises:
        UserError: If no training of the stream reports what it is computed from.
    """
    _check_reported(rule, derived.source, context)
    return DerivedPolicy(lambda number: _halving(number, mode, context), derived)


def _derived(name: str, direction: str, context: RuleContext) -> Derived | None:
    if name == "running_mean":
        return RunningMean(context.metric)
    if name == "beta_eff" and not direction:
        return Magnitude(name)
    return None if name == context.metric or name.endswith("loss") else Signal(name)


def _mode(name: str, direction: str, context: RuleContext) -> Mode:
    if direction:
        return "max" if direction == "max" else "min"
    if name in (context.metric, "running_mean"):
        return context.mode
    return "min" if name == "beta_eff" or name.endswith("loss") else "max"


def _halving(name: str, mode: Mode, context: RuleContext) -> PruningPolicy:
    return SuccessiveHalvingPolicy(**{**context.halving(), "metric": name, "mode": mode})


def _check_reported(rule: str, name: str, context: RuleContext) -> None:
    """Refuse a number that nobody reports before the end: the rule would prune nobody and say nothing."""
    early = (report for trace in context.stream for report in trace.reports[: context.max_t - 1])
    known = {number for report in early for number in report.metrics}
    if known and name not in known:
        near, reported = did_you_mean(name, known), ", ".join(sorted(known))
        raise UserError(
            f"Rule {rule!r}: no training reports {name!r} before its end.{near} Reported: {reported}."
        )
