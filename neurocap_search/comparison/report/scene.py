"""What every section of the report works from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from neurocap_search.comparison.figures.style import Cast
from neurocap_search.comparison.report.words import Numbers
from neurocap_search.comparison.results import Results, RunResult
from neurocap_search.comparison.statistics import FrontRow, front
from neurocap_search.comparison.statistics.units import workers_of
from neurocap_search.traces.schema import TaskTraces


@dataclass(frozen=True)
class Scene:
    """A comparison and what is known beside it.

    Attributes:
        results: The comparison.
        tasks: The recorded trainings it was replayed on; empty for a live one.
    """

    results: Results
    tasks: Mapping[str, TaskTraces] = field(default_factory=dict)

    @property
    def cast(self) -> Cast:
        """Who plays which part."""
        return Cast(self.results.candidate, self.results.rival)

    @property
    def pair(self) -> frozenset[str]:
        """Candidate and rival: the rows of a table to set off."""
        return frozenset({self.results.candidate, self.results.rival})

    @property
    def numbers(self) -> Numbers:
        """How values are written."""
        return Numbers(self.results.metric)

    @property
    def workers(self) -> list[int]:
        """Numbers of workers that were compared, ascending."""
        return workers_of(self.results)

    @property
    def clock(self) -> str:
        """What seconds are."""
        return "simulated wall-clock" if self.results.kind == "replayed" else "wall-clock"

    @cached_property
    def front(self) -> list[FrontRow]:
        """Epochs and regret of each rule with each number of workers."""
        return front(self.results)

    @property
    def one_look(self) -> list[RunResult]:
        """The candidate's runs with the first seed and the fewest workers: each network once."""
        runs = self.results.of(self.results.candidate)
        seed, workers = min(run.seed for run in runs), min(run.workers for run in runs)
        return [run for run in runs if (run.seed, run.workers) == (seed, workers)]


def with_workers(workers: int) -> str:
    """Return the number of workers as a title ends with it.

    Example:
        >>> with_workers(1), with_workers(16)
        ('one worker', '16 workers')
    """
    return "one worker" if workers == 1 else f"{workers:,} workers"
