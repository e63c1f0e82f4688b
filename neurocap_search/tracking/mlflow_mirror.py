"""Brings MLflow's runs to where a search stands, however much of it they already hold."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neurocap_search.tracking.mlflow_children import ChildRuns
from neurocap_search.tracking.mlflow_parent import ParentRun
from neurocap_search.tracking.mlflow_store import MlflowStore, refused
from neurocap_search.tracking.mlflow_target import MlflowTarget
from neurocap_search.tracking.redaction import one_line
from neurocap_search.tracking.replica import Replica

_log = logging.getLogger(__name__)


class MlflowMirror:
    """One parent run for the search and one child for each trial, each found again by its tags.

    Every step compares a run with the record and sends what it lacks, in order and with the times of
    the events. So a step that was cut off at any point can simply be taken again: after an error
    :meth:`load` asks MLflow anew what it holds, and nothing is doubled.

    Args:
        store: The store.
        replica: The search so far.
        folder: The run directory, for the files of the parent run.
        target: Parameters of the parent and name of the registered model.

    Attributes:
        parent: The parent run.
        refusals: What MLflow would not take, by trial number.
    """

    def __init__(self, store: MlflowStore, replica: Replica, folder: Path, target: MlflowTarget) -> None:
        self._replica, self._children = replica, ChildRuns(store, replica)
        self.parent = ParentRun(store, replica, folder, target)
        self.refusals: dict[int, str] = {}
        self._ends_sent = 0

    @property
    def records_sent(self) -> int:
        """Reports and ends of trials that were sent, and the end of the search."""
        return self._children.records_sent + self._ends_sent

    def load(self, *, going_on: bool) -> None:
        """Find or make the parent and ask what MLflow holds of the trials."""
        self.parent.load(going_on=going_on)
        self._children.load(self.parent.run_id)

    def bring(self, numbers: Iterable[int], *, over: bool = False) -> None:
        """Send what the runs of these trials lack; ``over`` closes those that have no end."""
        trials = self._replica.by_number()
        for number in sorted(numbers):
            try:
                self._children.bring(trials[number], over=over)
            except Exception as error:
                if not refused(error):
                    raise
                # One record that MLflow will never take must not hold up all others.
                if not self.refusals:
                    _log.warning("MLflow will not take a record of trial %d: %s", number, one_line(error))
                self.refusals[number] = one_line(error)
            else:
                self.refusals.pop(number, None)

    def finish(self, summary: Mapping[str, Any] | None) -> None:
        """Send what is left and close all runs.

        Args:
            summary: The summary's JSON; None for a search that was cut off before it had one.
        """
        if self.refusals:  # such as of a run that was deleted meanwhile
            self.load(going_on=False)
        self.bring(self._replica.by_number(), over=True)
        if not self.parent.complete:
            self.parent.finish(summary)
            self._ends_sent += 1

    def lacking(self, replica: Replica) -> int:
        """Return how many records of a search, as complete as ``replica`` has it, were not sent."""
        attempts = replica.attempts
        trials = sum(self._children.lacking(trial, attempts[trial.number]) for trial in replica.record)
        return trials + (not self.parent.complete)
