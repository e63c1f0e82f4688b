"""Each target with what was reached, and whether that is what was wanted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from neurocap_search.comparison.bootstrap import Estimate, Resampling
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.difference import Difference, compare_rules
from neurocap_search.comparison.statistics.front import above_front
from neurocap_search.comparison.statistics.units import MEASURES, common_means
from neurocap_search.comparison.targets.coverage import coverages
from neurocap_search.comparison.targets.early_ranking import WHOLE, Early
from neurocap_search.comparison.targets.judgement import Judgement, judge, worst

AHEAD = 0.05
NOISE_MARGIN = 0.05
COVERED = (0.75, 0.85)
LARGEST_COHORT_MS = 50.0


class Target(NamedTuple):
    """One thing that was to be reached.

    Attributes:
        what: In words, with the figure that was wanted.
        reached: The figure that was reached, with its unit and interval.
        judgement: Whether that is what was wanted.
    """

    what: str
    reached: str
    judgement: Judgement


@dataclass(frozen=True)
class OnTask:
    """A rule on one task beside its rival.

    Attributes:
        task: The task.
        rule: The rule.
        epochs: Difference of the shares of epochs spent.
        share: Epochs spent as a share of the rival's.
        regret: Difference of the regrets.
    """

    task: str
    rule: str
    epochs: Difference
    share: Estimate
    regret: Difference


def on_tasks(results: Results, rules: Sequence[str]) -> list[OnTask]:
    """Compare rules with the rival on each task alone."""
    found = []
    for task in sorted({run.unit.task for run in results.runs}):
        alone = replace(results, runs=tuple(run for run in results.runs if run.unit.task == task))
        for rule in rules:
            epochs = compare_rules(alone, rule, results.rival, "epochs")
            regret = compare_rules(alone, rule, results.rival, "regret")
            found.append(OnTask(task, rule, epochs, epochs_share(alone, rule), regret))
    return found


def epochs_share(results: Results, rule: str) -> Estimate:
    """Return the epochs of a rule as a share of the rival's."""
    means = common_means(results, MEASURES["epochs"])
    pairs = list(zip(means[rule].values(), means[results.rival].values(), strict=True))
    return Resampling.of(means[rule].keys(), seed=0).ratio(pairs)


def ranking_targets(early: Sequence[Early]) -> list[Target]:
    """Return whether the combination is far enough ahead of the best single signal at each epoch."""
    found = []
    for row in early:
        if row.name == WHOLE:
            for where, ahead in (("overall", row.ahead), ("in the top tenth", row.ahead_top)):
                what = f"rank correlation at epoch {row.epoch}, {where}: {AHEAD} above the best single signal"
                found.append(Target(what, _signed(ahead), judge(ahead, low=AHEAD)))
    return found


def half_of_the_epochs(rows: Sequence[OnTask], rule: str) -> list[Target]:
    """Return whether a rule lost no more than the rival at half of its epochs, task by task."""
    found = []
    for row in rows:
        if row.rule != rule:
            continue
        regret = row.regret.difference
        what = f"{row.task}: {rule} loses no more than {row.regret.b} at half of its epochs or less"
        reached = f"{_share(row.share)} of its epochs, regret {_signed(regret, 100)} points"
        found.append(Target(what, reached, worst(judge(row.share, high=0.5), judge(regret, high=0.0))))
    return found


def front_target(results: Results, rule: str) -> Target:
    """Return whether a rule is never outside the i-epoch front."""
    above = above_front(results, rule)
    what = f"{rule} loses no more than the i-epoch front at the epochs it spends ({above.epochs:.1%})"
    reached = f"regret {_signed(above.difference, 100)} points"
    return Target(what, reached, judge(above.difference, high=0.0))


def noise_target(results: Results, rule: str) -> Target:
    """Return whether a rule costs little more than the rival where all signals are noise."""
    share = epochs_share(results, rule)
    what = f"signals shuffled: {rule} spends at most {results.rival}'s epochs plus {NOISE_MARGIN:.0%}"
    return Target(what, f"{_share(share)} of its epochs", judge(share, high=1 + NOISE_MARGIN))


def coverage_targets(results: Results, rule: str) -> list[Target]:
    """Return whether the 80 % intervals of a rule's predictions hold what they say, at each epoch."""
    found = []
    for epoch, (covered, guesses) in coverages(results, rule).items():
        what = f"80 % intervals of {rule} at epoch {epoch} cover 75 to 85 %"
        found.append(Target(what, f"{_share(covered)} of {guesses}", judge(covered, *COVERED)))
    return found


def speed_target(milliseconds: float) -> Target:
    """Return whether learning and ranking is fast enough."""
    what = f"learn and rank 1,000 trials in {LARGEST_COHORT_MS:.0f} ms"
    measured = Estimate(milliseconds, milliseconds, milliseconds)
    return Target(what, f"{milliseconds:.0f} ms", judge(measured, high=LARGEST_COHORT_MS))


def _share(estimate: Estimate) -> str:
    value, low, high = (100 * number for number in estimate)
    return f"{value:.0f}% [{low:.0f}, {high:.0f}]" if estimate.has_interval else f"{value:.0f}%"


def _signed(estimate: Estimate, factor: float = 1) -> str:
    value, low, high = (factor * number for number in estimate)
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]" if estimate.has_interval else f"{value:+.2f}"
