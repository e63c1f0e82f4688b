"""Turns what happens into events, keeps them and tells the listeners."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.pruning import Decision, Insight
from neurocap_search.tracking.events import Event, Journal
from neurocap_search.tracking.listener import SearchListener
from neurocap_search.tracking.record import SearchRecord, TrialRecord, TrialState

_log = logging.getLogger(__name__)


class SearchRecorder:
    """The one place a running search reports to.

    Each call becomes an event, which goes to the journal first, then into the record, then to the
    listeners. A listener that fails is logged and left out from then on; the search goes on.

    Args:
        record: The search so far.
        journal: Where events are kept.
        listeners: Told in this order.

    Attributes:
        failures: The listeners that failed, with their error.
    """

    def __init__(
        self, record: SearchRecord, journal: Journal, listeners: Sequence[SearchListener] = ()
    ) -> None:
        self.record, self.journal, self.listeners = record, journal, list(listeners)
        self.failures: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave listeners out of Ray's snapshots: they hold screens and connections."""
        return self.__dict__ | {"listeners": []}

    def begun(self, head: Event) -> None:
        """The search begins; ``head`` opens its journal."""
        self._keep(head)

    def resumed(self, restarted: Sequence[str]) -> None:
        """The search goes on; the trials in ``restarted`` go back to their checkpoints."""
        self._keep({"event": "resumed", "restarted": list(restarted)})

    def suggested(self, trial_id: str, config: dict[str, Any], facts: dict[str, Any]) -> None:
        """A new trial was proposed; ``facts`` are description, parameters and multiply_adds."""
        number = self.record.proposed
        self._keep({"event": "suggested", "trial_id": trial_id, "number": number, "config": config, **facts})

    def restarted(self, old_id: str, trial_id: str) -> None:
        """An interrupted trial runs again; the framework calls it ``trial_id`` now, the record as before."""
        self._keep({"event": "restarted", "old_id": old_id, "trial_id": trial_id})

    def started(self, trial_id: str) -> None:
        """A trial begins to train."""
        trial = self.record.trials[trial_id]
        self.tell(lambda listener: listener.on_trial_start(self.record, trial))

    def continued(self, trial_id: str) -> None:
        """A paused trial goes on."""
        self._keep({"event": "continued", "trial_id": trial_id})
        trial = self.record.trials[trial_id]
        self.tell(lambda listener: listener.on_trial_resume(self.record, trial))

    def dropped(self, trial_id: str) -> None:
        """A trial that began is not known any more, and does not count."""
        self._keep({"event": "dropped", "trial_id": trial_id})

    def retried(self, trial_id: str) -> None:
        """A trial that failed is tried again."""
        self._keep({"event": "retried", "trial_id": trial_id})

    def checkpointed(self, trial_id: str, epoch: int, path: str) -> None:
        """A trial's state after ``epoch`` lies in ``path``, relative to the run directory."""
        self._keep({"event": "checkpoint", "trial_id": trial_id, "epoch": epoch, "path": path})

    def checkpoint_of(self, trial_id: str) -> Path | None:
        """Return the folder of the checkpoint a trial goes on from, if it is still there."""
        path = self.record.trials[trial_id].checkpoint
        folder = None if path is None else (self.journal.path.parent / path).resolve()
        return folder if folder is not None and folder.is_dir() else None

    def reported(self, trial_id: str, report: Report, decision: Decision, *, asked: bool = True) -> None:
        """A trial has reported and got its answer; ``asked`` is False if the policy never saw the report."""
        numbers = report.to_json()
        if None in numbers["metrics"].values():
            report = Report.from_json(numbers)  # so that the record is the one that the journal gives back
        event = {"event": "report", "trial_id": trial_id, "report": numbers, "decision": decision.to_json()}
        self._write({**event, "asked": asked})
        self.record.add_report(trial_id, report, decision)
        trial = self.record.trials[trial_id]
        self.tell(lambda listener: listener.on_report(self.record, trial))

    def ended(
        self,
        trial_id: str,
        state: TrialState,
        *,
        error: str | None = None,
        weights: str | None = None,
        decision: Decision | None = None,
    ) -> None:
        """A trial has ended; ``decision`` is that to give it up while it was paused."""
        event = {"event": "ended", "trial_id": trial_id, "state": state.value}
        given_up = decision.to_json() if decision else None
        self._keep(event | {"error": error, "weights": weights, "decision": given_up})
        trial: TrialRecord = self.record.trials[trial_id]
        self.tell(lambda listener: listener.on_trial_end(self.record, trial))

    def learned(self, insight: Insight | None) -> None:
        """The policy may have learned something; nothing is written if it has not."""
        known = self.record.insight
        if insight is not None and (known is None or known.to_json() != insight.to_json()):
            self._keep({"event": "learned", "insight": insight.to_json()})

    def tell(self, message: Callable[[SearchListener], None]) -> None:
        """Tell every listener; one that fails is left out from then on."""
        for listener in list(self.listeners):
            try:
                message(listener)
            except Exception as error:
                name = type(listener).__name__
                _log.warning("%s failed and is left out from now on", name, exc_info=True)
                self.failures[name] = f"{type(error).__name__}: {error}"
                self.listeners.remove(listener)

    def _keep(self, event: Event) -> None:
        self._write(event)
        self.record.apply(event)

    def _write(self, event: Event) -> None:
        self.journal.append({**event, "time": round(time.time(), 3)})
