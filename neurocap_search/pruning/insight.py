"""What a policy has learned of its signals, and how its audit judges it: for people to see."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Any, NamedTuple

import numpy as np

from neurocap_search.prediction.combination import GROUPS
from neurocap_search.pruning.audit import Estimates


class SignalShares(NamedTuple):
    """What each signal was worth at one rung.

    Attributes:
        epoch: Epoch of the rung.
        trials: How many trials have reached it.
        shares: Share of each signal in the predicted differences between them. They add up to 1; negative
            for a signal that only corrects others, all 0 where nobody differs.
    """

    epoch: float
    trials: int
    shares: Mapping[str, float]

    @property
    def by_group(self) -> dict[str, float]:
        """The shares added up by the groups of signals."""
        return {group: sum(self.shares.get(name, 0.0) for name in names) for group, names in GROUPS.items()}


class Insight(NamedTuple):
    """What :meth:`PruningPolicy.insight` returns.

    Attributes:
        rungs: The rungs that trials have reached, the lowest first.
        audit: What the trials that are never pruned say about the predictions.
        policies: How many policies it is of: one, or one for each class of sizes.
        by_metric: How many of them compare trials by the metric, because of their audit.

    Example:
        >>> shares = SignalShares(1, 40, {"metric": 0.25, "train_loss": 0.5, "beta_eff": 0.25})
        >>> insight = Insight((shares,), Estimates(9, 0.6, 0.4, 0.0))
        >>> insight.rungs[0].by_group["learning curve"]
        0.75
        >>> print(insight.sentence)
        9 trials were exempt from pruning, to check on the prediction: it ranks them with a correlation of \
0.60 with their finals, the metric seen with 0.40 (Kendall), and 0% of their best fifth would have been \
pruned. The combination decides.
        >>> Insight.from_json(insight.to_json()) == insight
        True
    """

    rungs: tuple[SignalShares, ...]
    audit: Estimates
    policies: int = 1
    by_metric: int = 0

    @property
    def sentence(self) -> str:
        """What the audit says, and what decides for that reason."""
        return f"{_audited(self.audit)} {self._decides}"

    @property
    def _decides(self) -> str:
        if not self.by_metric:
            return "The combination decides."
        why = "because the prediction ranks no better"
        if self.by_metric == self.policies:
            return f"The metric decides, {why}."
        return f"In {self.by_metric} of {self.policies} classes the metric decides, {why}."

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; a number that is not known is None."""
        audit = {name: _or_none(value) for name, value in self.audit._asdict().items()}
        rungs = [{**rung._asdict(), "shares": dict(rung.shares)} for rung in self.rungs]
        return {"rungs": rungs, "audit": audit, "policies": self.policies, "by_metric": self.by_metric}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Insight":
        """Return what :meth:`to_json` was called on."""
        audit: dict[str, Any] = {n: nan if value is None else value for n, value in state["audit"].items()}
        rungs = tuple(SignalShares(**rung) for rung in state["rungs"])
        return cls(rungs, Estimates(**audit), state["policies"], state["by_metric"])


def pooled(insights: Sequence[Insight]) -> Insight | None:
    """Return the insight of several policies of which each had its own trials; None without any.

    Shares and wrongly pruned are means weighted by trials, rank correlations by pairs of trials: only
    trials of one policy were compared with each other. Policies without any trial do not count.

    Args:
        insights: One of each policy.
    """
    if not insights:
        return None
    used = [insight for insight in insights if insight.rungs] or list(insights[:1])
    epochs = sorted({rung.epoch for insight in used for rung in insight.rungs})
    at_epoch = [[rung for one in used for rung in one.rungs if rung.epoch == epoch] for epoch in epochs]
    audit = _pooled_audit([insight.audit for insight in used])
    return Insight(
        tuple(map(_pooled_shares, at_epoch)),
        audit,
        sum(insight.policies for insight in used),
        sum(insight.by_metric for insight in used),
    )


def _pooled_shares(rungs: Sequence[SignalShares]) -> SignalShares:
    trials = sum(rung.trials for rung in rungs)
    names = dict.fromkeys(name for rung in rungs for name in rung.shares)
    shares = {n: sum(rung.trials * rung.shares.get(n, 0.0) for rung in rungs) / trials for n in names}
    return SignalShares(rungs[0].epoch, trials, shares)


def _pooled_audit(audits: Sequence[Estimates]) -> Estimates:
    trials = sum(audit.trials for audit in audits)
    known = [audit for audit in audits if audit.trials > 1]
    if not known:
        return Estimates(trials, nan, nan, nan)
    counts = np.array([audit.trials for audit in known])
    pairs = counts * (counts - 1)
    _, predicted, seen, wrongly = np.array(known).T
    predicted, seen = (float(np.average(values, weights=pairs)) for values in (predicted, seen))
    return Estimates(trials, predicted, seen, float(np.average(wrongly, weights=counts)))


def _audited(audit: Estimates) -> str:
    if not audit.trials:
        return "No trial that was exempt from pruning has finished: nothing checks the prediction."
    if not isfinite(audit.predicted):
        return f"Only {audit.trials} of the trials exempt from pruning finished: too few to say."
    few = "" if audit.is_enough else ", too few to rely on"
    return (
        f"{audit.trials} trials were exempt from pruning, to check on the prediction{few}: it ranks them "
        f"with a correlation of {audit.predicted:.2f} with their finals, the metric seen with "
        f"{audit.seen:.2f} (Kendall), and {audit.wrongly_pruned:.0%} of their best fifth would have been "
        "pruned."
    )


def _or_none(value: float) -> float | None:
    return value if isfinite(value) else None
