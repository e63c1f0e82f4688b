"""A search read back, as the report's sections take it."""

from dataclasses import dataclass
from functools import cached_property
from math import isnan
from pathlib import Path
from typing import Any

from neurocap_search.comparison.concurrency import trials_at_once
from neurocap_search.comparison.live_results import run_results
from neurocap_search.comparison.live_search import LiveSearch, read_live_search
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.words import Numbers
from neurocap_search.comparison.results import Results
from neurocap_search.config import SearchConfig
from neurocap_search.config_reader import read_config
from neurocap_search.errors import UserError
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace, TraceKey
from neurocap_search.tracking import Journal, SearchRecord, Summary, TrialRecord, TrialState, summarise


@dataclass(frozen=True)
class SearchSubject:
    """A search and what its run directory says of it; it may still be running.

    Attributes:
        config: Its configuration.
        search: Its trials, incumbents and time.
        libraries: Versions it began with.
    """

    config: SearchConfig
    search: LiveSearch
    libraries: dict[str, str]

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Return whether a folder looks like the run directory of a search."""
        return (folder / "config.yaml").is_file() and (folder / "journal.jsonl").is_file()

    @classmethod
    def read(cls, folder: Path) -> "SearchSubject":
        """Read a run directory.

        Raises:
            UserError: If its configuration or journal cannot be used, or it holds no trial yet.
        """
        config = read_config(folder / "config.yaml")
        head: dict[str, Any] = next(Journal(folder / "journal.jsonl").read())
        search = read_live_search(config, config.scheduler.name, folder)
        if not any(trial.reports for trial in search.record):
            raise UserError(f"{folder} holds no trained epoch yet: wait for its search, or resume it.")
        return cls(config, search, dict(head["libraries"]))

    @property
    def record(self) -> SearchRecord:
        """The trials."""
        return self.search.record

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials by number."""
        return list(self.record)

    @property
    def completed(self) -> list[TrialRecord]:
        """The trials trained to the end."""
        return self.record.in_state(TrialState.COMPLETED)

    @property
    def numbers(self) -> Numbers:
        """How values are written."""
        return Numbers(self.record.metric)

    @cached_property
    def summary(self) -> Summary:
        """The figures."""
        test = None if isnan(self.search.test) else self.search.test
        return summarise(self.record, self.config.scheduler.grace_period, test)

    @cached_property
    def scene(self) -> Scene:
        """The search as a comparison of its one rule with itself, for the sections that take one."""
        rule = self.search.rule
        runs = run_results(
            self.config.name, [self.search], trials_at_once(self.config), lambda search: search.test
        )
        return Scene(Results(tuple(runs), rule, rule, "live", self.record.metric), {})

    @property
    def traces(self) -> TaskTraces:
        """The trials trained to the end, as recorded trainings."""
        traces = tuple(_trace(trial, self.config.seed) for trial in self.completed)
        return TaskTraces(self.config.name, self.record.max_t, traces, self.record.metric)


def _trace(trial: TrialRecord, seed: int) -> Trace:
    return Trace(
        key=TraceKey(trial.number, seed),
        architecture=trial.config["architecture"],
        training=trial.config["training"],
        description=trial.description,
        multiply_adds=trial.multiply_adds,
        reports=tuple(trial.curve),
    )
