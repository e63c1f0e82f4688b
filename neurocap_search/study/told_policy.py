"""A policy that is told what happens in an Optuna study, each thing once."""

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from neurocap_search.prediction import Report
from neurocap_search.pruning import PruningPolicy
from neurocap_search.study.decision_log import Entry, read, write
from neurocap_search.study.reports import trial_report


class _Event(NamedTuple):
    """Something the policy does not know yet; sorts by when it happened."""

    time: float
    number: int
    step: float
    trial: FrozenTrial
    entry: Entry | None
    """The answered report, or None where the trial ended."""


class ToldPolicy:
    """A policy with a memory of what it has been told; one study's, in one process.

    The study's storage is the truth. Whatever other processes have written there since is told before each
    decision, in the order of time; a new process is told all of it at its first.

    Args:
        policy: Knows nothing yet.
        study: The study.
        metric: The policy's name for the objective.
    """

    def __init__(self, policy: PruningPolicy, study: Study, metric: str) -> None:
        self.policy, self._metric = policy, metric
        self._storage, self._study_id = study._storage, study._study_id
        self._latest: dict[int, Report | None] = {}
        self._added = 0
        self._ended: set[int] = set()
        self._pruned: set[int] = set()

    def belongs_to(self, study: Study) -> bool:
        """Return whether this is the study's."""
        return study._storage is self._storage and study._study_id == self._study_id

    def prunes(self, study: Study, trial: FrozenTrial) -> bool:
        """Answer a running trial's reports that were not answered yet; return whether it is pruned.

        A trial is told its steps in ascending order. A step below one that was answered comes too late.
        """
        self.catch_up(study)
        self._add(trial.number)
        for step in self._unanswered(trial):
            if trial.number in self._ended:
                break
            report = trial_report(trial, step, self._metric)
            entry = Entry(report, self.policy.on_report(str(trial.number), report), time.time())
            write(study, trial, entry)
            self._note(trial.number, entry)
        return trial.number in self._pruned

    def catch_up(self, study: Study) -> None:
        """Tell the policy whatever has been written in the storage since."""
        trials = study.get_trials(deepcopy=False)
        unknown = [t for t in trials if t.number not in self._ended and t.state is not TrialState.WAITING]
        for event in sorted((event for t in unknown for event in self._news(t)), key=lambda event: event[:3]):
            self._add(event.number)
            if event.entry is not None:
                self.policy.on_report(str(event.number), event.entry.report)
                self._note(event.number, event.entry)
            elif event.number not in self._ended:
                self._finish(event.trial)

    def _news(self, trial: FrozenTrial) -> Iterator[_Event]:
        entries = read(trial, after=self._last_step(trial.number))
        yield from (_Event(entry.time, trial.number, entry.step, trial, entry) for entry in entries)
        if trial.state.is_finished():
            ended = trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0
            after = max([ended, *(entry.time for entry in entries)])
            yield _Event(after, trial.number, math.inf, trial, None)

    def _add(self, number: int) -> None:
        """Add a trial and all before it: what a policy draws for each is then the same in every process."""
        for each in range(self._added, number + 1):
            self._latest[each] = None
            self.policy.on_add(str(each))
        self._added = max(self._added, number + 1)

    def _note(self, number: int, entry: Entry) -> None:
        """Remember an answered report; a pruned trial has ended, as it has under Ray."""
        self._latest[number] = entry.report
        if entry.prunes:
            self._pruned.add(number)
            self._end(number, failed=False)

    def _finish(self, trial: FrozenTrial) -> None:
        """Tell the rest of a trial that ended by itself: what it never asked about counts too."""
        for step in self._unanswered(trial):
            report = trial_report(trial, step, self._metric)
            self.policy.on_report(str(trial.number), report)
            self._latest[trial.number] = report
        self._end(trial.number, failed=trial.state is TrialState.FAIL)

    def _end(self, number: int, *, failed: bool) -> None:
        report = self._latest.pop(number)
        self._ended.add(number)
        if failed:
            self.policy.on_error(str(number))
        else:
            self.policy.on_complete(str(number), report)

    def _unanswered(self, trial: FrozenTrial) -> list[int]:
        last = self._last_step(trial.number)
        return sorted(step for step in trial.intermediate_values if step > last)

    def _last_step(self, number: int) -> int:
        report = self._latest.get(number)
        return -1 if report is None else int(report.epoch)
