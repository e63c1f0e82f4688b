"""Average ranks, with the critical difference."""

from math import isnan

from neurocap_search.comparison.figures.critical_difference import draw_critical_difference
from neurocap_search.comparison.report.page import Picture, Record, Section
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.words import probability
from neurocap_search.comparison.statistics import AverageRanks, average_ranks
from neurocap_search.comparison.statistics.words import count

_READING = (
    "Rules joined by a bar on the right do not differ at 5 % (Nemenyi's test on the ranks within each pool; "
    "Demšar 2006). Ranks forget how large a difference is."
)


def ranks_section(scene: Scene) -> Section:
    """Return the critical-difference diagram, or why there is none."""
    ranks = average_ranks(scene.results)
    title = "Ranks of all rules"
    if isnan(ranks.critical_difference):
        return Section(title, [f"No diagram: {ranks.note}."])
    figure = draw_critical_difference(
        ranks.ranks, ranks.critical_difference, scene.cast, "Average rank by regret"
    )
    picture = Picture("critical_difference", figure, _finding(scene, ranks), _READING, _records(ranks))
    return Section(title, [f"{ranks.note.capitalize()}."] if ranks.note else [], pictures=[picture])


def _records(ranks: AverageRanks) -> list[Record]:
    same = {"critical_difference": ranks.critical_difference, "friedman_p": ranks.friedman_p}
    return [{"rule": rule, "average_rank": rank, **same} for rule, rank in ranks.ranks.items()]


def _finding(scene: Scene, ranks: AverageRanks) -> str:
    own, rival = ranks.ranks[scene.results.candidate], ranks.ranks[scene.results.rival]
    apart = "more" if abs(own - rival) > ranks.critical_difference else "no more"
    return (
        f"{scene.results.candidate} has average rank {own:.1f} and {scene.results.rival} {rival:.1f} of "
        f"{count(len(ranks.ranks), 'rule')}, {apart} than the critical difference of "
        f"{ranks.critical_difference:.2f} apart (Friedman's p {probability(ranks.friedman_p)}, "
        f"{count(ranks.blocks, 'pool')})."
    )
