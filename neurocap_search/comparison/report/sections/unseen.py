"""What the winners are worth on data that nobody chose by."""

from math import isnan

from neurocap_search.comparison.report.page import Record, Section, Table
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.words import probability
from neurocap_search.comparison.statistics import Difference, compare_with_all

_REPLAYED = (
    "Test metric of the network each rule ends with, from its recorded training: no rule saw it, and nothing "
    "was chosen by it. So it is free of the luck by which the best of many validation results looks too good."
)
_LIVE = (
    "Each rule's winner was trained again with another seed and measured on test data: what is left of its "
    "lead is no luck of one training."
)


def unseen_section(scene: Scene) -> Section:
    """Return the table of test metrics; nothing where they are unknown."""
    if all(isnan(run.test) for run in scene.results.runs):
        return Section("")
    live = scene.results.kind == "live"
    title = "After retraining the winner" if live else "On test data"
    return Section(title, [_LIVE if live else _REPLAYED], tables=[_table(scene)])


def _table(scene: Scene) -> Table:
    candidate, numbers = scene.results.candidate, scene.numbers
    found = compare_with_all(scene.results, candidate, "test")
    best_first = sorted(found, key=lambda made: made.mean_b, reverse=scene.results.mode == "max")
    rows = [
        [m.b, numbers.plain(m.mean_b), numbers.estimate(m.difference), probability(m.p_holm)]
        for m in best_first
    ]
    header = ["rule", f"test ({numbers.value_unit})", f"{candidate} less it ({numbers.unit})", "p (Holm)"]
    own = numbers.plain(found[0].mean_a) if found else ""
    caption = f"Test metric of each rule's winner; {candidate}: {own}"
    return Table(
        "test", caption, header, rows, frozenset({scene.results.rival}), data=[_record(m) for m in best_first]
    )


def _record(made: Difference) -> Record:
    return {"rule": made.a, "against": made.b, "test": made.mean_a, "test_of_other": made.mean_b,
            "difference": made.difference.value, "low": made.difference.low, "high": made.difference.high,
            "p": made.p, "p_holm": made.p_holm}  # fmt: skip
