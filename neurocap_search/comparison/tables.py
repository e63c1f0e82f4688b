"""What every rule spent and lost, in one table over all numbers of workers."""

from typing import NamedTuple

from neurocap_search.comparison.bootstrap import RESAMPLES, Estimate, Resampling
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics import winner_pruned
from neurocap_search.comparison.statistics.units import MEASURES, common_means


class RuleCost(NamedTuple):
    """A rule in numbers, from the runs that all rules have; each a mean over workers, seeds, pools and tasks.

    Attributes:
        rule: Name of the rule.
        epochs: Epochs spent, as a share of full training, with interval.
        regret: Mean regret in the unit of the metric, with interval.
        winner_pruned: Share of the runs in which it pruned the best network, with interval.
    """

    rule: str
    epochs: Estimate
    regret: Estimate
    winner_pruned: Estimate


def rule_costs(results: Results, *, seed: int = 0, resamples: int = RESAMPLES) -> list[RuleCost]:
    """Return a row for each rule, least regret first.

    Raises:
        ValueError: If the rules have no run in common.
    """
    shares = common_means(results, MEASURES["epochs"])
    regrets = common_means(results, MEASURES["regret"])
    pruned = {row.rule: row.share for row in winner_pruned(results, seed=seed, resamples=resamples)}
    resampling = Resampling.of(next(iter(shares.values())).keys(), seed, resamples)
    rows = [
        RuleCost(
            rule,
            resampling.estimate(list(shares[rule].values())),
            resampling.estimate(list(regrets[rule].values())),
            pruned[rule],
        )
        for rule in results.rules
    ]
    return sorted(rows, key=lambda row: (row.regret.value, row.epochs.value))
