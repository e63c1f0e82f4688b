"""The table of all rules."""

from neurocap_search.comparison.report.page import Record, Section, Table
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.sections.regret import record
from neurocap_search.comparison.report.words import UNKNOWN, probability, share
from neurocap_search.comparison.statistics import Difference, FrontRow, compare_with_all
from neurocap_search.comparison.statistics.words import count

_METHOD = (
    "Pairs of runs on the same pool, seed and number of workers, averaged within a pool; the interval "
    "resamples tasks and pools, p is Wilcoxon's signed-rank test over the pools after Holm's correction over "
    "all rows. Won, tied and lost count pools."
)


def rules_section(scene: Scene) -> Section:
    """Return what every rule spent and lost, and how the candidate stands against each."""
    return Section("Every rule in numbers", tables=[_costs(scene), _against(scene)])


def _costs(scene: Scene) -> Table:
    """Return a row for each rule with the most workers, best first; the file has all numbers of workers."""
    workers, unit = scene.workers[-1], scene.numbers.unit
    rows = sorted((row for row in scene.front if row.workers == workers), key=lambda row: row.regret.value)
    return Table(
        "rules", f"What each rule spent and lost, {count(workers, 'worker')}",
        ["rule", "epochs spent", f"regret ({unit})", "no better than"],
        [[row.rule, share(row.epochs), scene.numbers.estimate(row.regret), _dominated(row)] for row in rows],
        scene.pair,
        f"Means over {count(rows[0].units, 'pool')} of networks; in brackets the 95 % interval. “No better "
        "than” names i-epoch rules that lost no more with no more epochs, by the means alone.",
        [record(row) for row in scene.front],
    )  # fmt: skip


def _dominated(row: FrontRow) -> str:
    return ", ".join(row.dominated_by) or UNKNOWN


def _against(scene: Scene) -> Table:
    candidate, unit = scene.results.candidate, scene.numbers.unit
    found = sorted(compare_with_all(scene.results, candidate), key=lambda made: made.difference.value)
    header = ["rule", f"{candidate}'s regret less its own ({unit})", "p (Holm)", "won", "tied", "lost"]
    return Table(
        "against", f"{candidate} against every other rule", header, [_row(scene, made) for made in found],
        frozenset({scene.results.rival}),
        f"Below zero {candidate} loses less. {_METHOD}", [_record(made) for made in found],
    )  # fmt: skip


def _row(scene: Scene, made: Difference) -> list[str]:
    counts = [str(number) for number in (made.wins, made.ties, made.losses)]
    return [made.b, scene.numbers.estimate(made.difference), probability(made.p_holm), *counts]


def _record(made: Difference) -> Record:
    return {
        "rule": made.a, "against": made.b, "regret": made.mean_a, "regret_of_other": made.mean_b,
        "difference": made.difference.value, "low": made.difference.low, "high": made.difference.high,
        "p": made.p, "p_holm": made.p_holm, "wins": made.wins, "ties": made.ties, "losses": made.losses,
        "tasks": made.tasks, "runs": made.runs,
    }  # fmt: skip
