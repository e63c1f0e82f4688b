"""Each target with what was reached, met or missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.calibration import Coverage
from neurocap_search.comparison.statistics.difference import Difference, compare_rules
from neurocap_search.comparison.statistics.front import above_front
from neurocap_search.comparison.targets.early_ranking import WHOLE, Early

AHEAD = 0.05
NOISE_MARGIN = 0.05
COVERED = (0.75, 0.85)
LARGEST_COHORT_MS = 50.0


class Target(NamedTuple):
    """One thing that was to be reached.

    Attributes:
        what: In words, with the figure that was wanted.
        reached: The figure that was reached, with its unit and interval.
        met: Whether it was.
    """

    what: str
    reached: str
    met: bool


@dataclass(frozen=True)
class OnTask:
    """A rule on one task beside its rival.

    Attributes:
        task: The task.
        rule: The rule.
        epochs: Difference of the shares of epochs spent.
        regret: Difference of the regrets.
    """

    task: str
    rule: str
    epochs: Difference
    regret: Difference


def on_tasks(results: Results, rules: Sequence[str]) -> list[OnTask]:
    """Compare rules with the rival on each task alone."""
    found = []
    for task in sorted({run.unit.task for run in results.runs}):
        alone = replace(results, runs=tuple(run for run in results.runs if run.unit.task == task))
        for rule in rules:
            epochs = compare_rules(alone, rule, results.rival, "epochs")
            regret = compare_rules(alone, rule, results.rival, "regret")
            found.append(OnTask(task, rule, epochs, regret))
    return found


def ranking_targets(early: Sequence[Early]) -> list[Target]:
    """Return whether the combination is far enough ahead of the best single signal at each epoch."""
    found = []
    for row in early:
        if row.name == WHOLE:
            for where, ahead in (("overall", row.ahead), ("in the top tenth", row.ahead_top)):
                what = f"rank correlation at epoch {row.epoch}, {where}: {AHEAD} above the best single signal"
                found.append(Target(what, _signed(ahead), ahead.value >= AHEAD))
    return found


def half_of_the_epochs(rows: Sequence[OnTask], rule: str) -> list[Target]:
    """Return whether a rule lost no more than the rival at half of its epochs, task by task."""
    found = []
    for row in rows:
        if row.rule != rule:
            continue
        share = row.epochs.mean_a / row.epochs.mean_b
        what = f"{row.task}: {rule} loses no more than {row.regret.b} at half of its epochs or less"
        reached = f"{share:.0%} of its epochs, regret {_signed(row.regret.difference, 100)} points"
        found.append(Target(what, reached, share <= 0.5 and row.regret.difference.value <= 0))
    return found


def front_target(results: Results, rule: str) -> Target:
    """Return whether a rule is never outside the i-epoch front."""
    above = above_front(results, rule)
    what = f"{rule} loses less than the i-epoch front at the epochs it spends ({above.epochs:.1%})"
    return Target(what, f"regret {_signed(above.difference, 100)} points", above.difference.value < 0)


def noise_target(results: Results, rule: str) -> Target:
    """Return whether a rule costs little more than the rival where all signals are noise."""
    found = compare_rules(results, rule, results.rival, "epochs")
    ratio = found.mean_a / found.mean_b
    what = f"signals shuffled: {rule} spends at most {results.rival}'s epochs plus {NOISE_MARGIN:.0%}"
    return Target(what, f"{ratio:.0%} of its epochs", ratio <= 1 + NOISE_MARGIN)


def coverage_target(coverages: Mapping[str, Sequence[Coverage]]) -> list[Target]:
    """Return whether the 80 % intervals of the predictions hold what they say."""
    found = []
    for rule, rows in coverages.items():
        for row in rows:
            if row.level == 0.8:
                what = f"80 % intervals of {rule} at epoch {row.epoch} cover 75 to 85 %"
                inside = COVERED[0] <= row.observed.value <= COVERED[1]
                found.append(Target(what, f"{row.observed.value:.0%} of {row.guesses}", inside))
    return found


def speed_target(milliseconds: float) -> Target:
    """Return whether learning and ranking is fast enough."""
    what = f"learn and rank 1,000 trials in {LARGEST_COHORT_MS:.0f} ms"
    return Target(what, f"{milliseconds:.0f} ms", milliseconds <= LARGEST_COHORT_MS)


def _signed(estimate: Estimate, factor: float = 1) -> str:
    value, low, high = (factor * number for number in estimate)
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]" if estimate.has_interval else f"{value:+.2f}"
