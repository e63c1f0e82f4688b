"""From the results of a comparison to the page about them."""

from collections.abc import Mapping
from types import MappingProxyType

from neurocap_search.comparison.report.page import Page
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.sections.calibration import calibration_section
from neurocap_search.comparison.report.sections.health import health_section
from neurocap_search.comparison.report.sections.incumbents import incumbents_section
from neurocap_search.comparison.report.sections.predictions import predictions_section
from neurocap_search.comparison.report.sections.protocol import protocol_section
from neurocap_search.comparison.report.sections.ranks import ranks_section
from neurocap_search.comparison.report.sections.regret import regret_section
from neurocap_search.comparison.report.sections.rules import rules_section
from neurocap_search.comparison.report.sections.signals import signals_section
from neurocap_search.comparison.report.sections.unseen import unseen_section
from neurocap_search.comparison.report.sections.winner import winner_section
from neurocap_search.comparison.report.sections.workers import workers_section
from neurocap_search.comparison.report.words import listed
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.verdict import verdict
from neurocap_search.comparison.statistics.words import count
from neurocap_search.traces.schema import TaskTraces

_NONE: Mapping[str, TaskTraces] = MappingProxyType({})
_SECTIONS = (
    health_section,
    regret_section,
    rules_section,
    incumbents_section,
    ranks_section,
    unseen_section,
    signals_section,
    predictions_section,
    calibration_section,
    winner_section,
    workers_section,
    protocol_section,
)
"""In the order of the page: first whether to believe it, then what it cost, then why."""


def compose(results: Results, tasks: Mapping[str, TaskTraces] = _NONE) -> Page:
    """Return the page about a comparison. The same results give the same page.

    Args:
        results: The comparison; the candidate and the rival must be among its rules.
        tasks: The recorded trainings by task, for what each signal is worth; without them that part is left
            out.

    Raises:
        ValueError: If the rules have no run in common, or candidate or rival have none.
    """
    scene, found = Scene(results, tasks), verdict(results)
    return Page(
        title=f"{results.candidate} against {results.rival}",
        sentence=found.sentence,
        beside=found.beside,
        about=_about(scene),
        sections=[section for make in _SECTIONS if (section := make(scene))],
    )


def _about(scene: Scene) -> str:
    results = scene.results
    units = {run.unit for run in results.runs}
    kind = "Replays of recorded trainings" if results.kind == "replayed" else "Live searches"
    seeds = len({run.seed for run in results.runs})
    return (
        f"{kind}: {count(len(results.rules), 'rule')} on {count(len(units), 'pool')} of networks of "
        f"{count(len({unit.task for unit in units}), 'task')}, {count(seeds, 'seed')} each, "
        f"{listed(scene.workers)} {'worker' if scene.workers == [1] else 'workers'}."
    )
