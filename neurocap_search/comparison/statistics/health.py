"""The health card: what to know before believing a comparison."""

from collections.abc import Mapping

from neurocap_search.comparison.bootstrap import RESAMPLES
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.check import Check, State
from neurocap_search.comparison.statistics.health_of_results import checks_of_results
from neurocap_search.comparison.statistics.health_of_signals import checks_of_traces
from neurocap_search.traces.schema import TaskTraces

__all__ = ["Check", "State", "health_card"]


def health_card(
    results: Results, tasks: Mapping[str, TaskTraces], *, seed: int = 0, resamples: int = RESAMPLES
) -> list[Check]:
    """Look for what commonly is wrong with a comparison, or with its candidate.

    When not to use it: as a proof. A card without a failure says that the usual things were looked for.

    Args:
        results: The comparison.
        tasks: The recorded trainings behind it; empty if there are none, as after live searches.
        seed: Of the resampling.
        resamples: How many for the results; those for the traces are fewer.

    Returns:
        What could be checked, first what concerns the runs. What there is nothing for is left out.

    Raises:
        ValueError: If the comparison has no runs of the candidate or of the rival.
    """
    return [*checks_of_results(results, seed, resamples), *checks_of_traces(results, tasks, seed)]
