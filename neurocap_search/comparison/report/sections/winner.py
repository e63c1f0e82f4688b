"""Would it have killed the winner?"""

from collections.abc import Iterator, Sequence

from neurocap_search.comparison.figures.winner import draw_winner_pruned
from neurocap_search.comparison.report.page import Picture, Record, Section, Table
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.words import UNKNOWN, listed, share
from neurocap_search.comparison.statistics import WinnerPruned, winner_pruned
from neurocap_search.comparison.statistics.words import percent

_READING = (
    "Dark: pruned early, light: late. The line below a bar is the 95 % interval of the whole bar over tasks "
    "and pools."
)
_NOTE = (
    "Cost is the mean regret of the runs in which it happened; it is small where the second best network is "
    "nearly as good."
)


def winner_section(scene: Scene) -> Section:
    """Return in which share of the runs each rule pruned the best network, when, and what that cost."""
    found = sorted(winner_pruned(scene.results), key=lambda made: made.share.value)
    figure = draw_winner_pruned(found, scene.cast, "Runs in which the best network was pruned")
    picture = Picture("winner_pruned", figure, _finding(scene, found), _READING, list(_by_epoch(found)))
    return Section("Would it have killed the winner?", tables=[_table(scene, found)], pictures=[picture])


def _finding(scene: Scene, found: Sequence[WinnerPruned]) -> str:
    by_rule = {made.rule: made for made in found}
    return " ".join(_said(scene, by_rule[rule]) for rule in (scene.results.candidate, scene.results.rival))


def _said(scene: Scene, made: WinnerPruned) -> str:
    if not made.by_epoch:
        return f"{made.rule} never pruned the best network."
    often = max(made.by_epoch, key=lambda epoch: made.by_epoch[epoch])
    return (
        f"{made.rule} pruned the best network in {percent(made.share.value)} of the runs, most often at "
        f"epoch {often}; these runs lost {scene.numbers.amount(made.cost)} on average."
    )


def _table(scene: Scene, found: Sequence[WinnerPruned]) -> Table:
    rows = [[m.rule, share(m.share), _when(m), scene.numbers.plain(m.cost)] for m in found]
    header = ["rule", "runs", "at epoch", f"cost ({scene.numbers.unit})"]
    data: list[Record] = [
        {"rule": m.rule, "share": m.share.value, "low": m.share.low, "high": m.share.high, "cost": m.cost,
         "runs": m.runs, "pools": m.units} for m in found
    ]  # fmt: skip
    caption = "Runs in which the best network of the pool was pruned"
    return Table("winner_cost", caption, header, rows, scene.pair, _NOTE, data)


def _when(made: WinnerPruned) -> str:
    return listed(list(made.by_epoch)) if made.by_epoch else UNKNOWN


def _by_epoch(found: Sequence[WinnerPruned]) -> Iterator[Record]:
    for made in found:
        for epoch, part in made.by_epoch.items():
            yield {"rule": made.rule, "epoch": epoch, "share": part}
