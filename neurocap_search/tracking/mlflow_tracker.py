"""MLflow's record of a search: one parent run, one child run for each trial."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurocap_search.tracking.journal_tail import JournalTail
from neurocap_search.tracking.listener import SearchListener
from neurocap_search.tracking.mlflow_mirror import MlflowMirror
from neurocap_search.tracking.mlflow_sender import MlflowSender
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.mlflow_target import JOURNAL_FILE, MlflowTarget
from neurocap_search.tracking.record import SearchRecord, TrialRecord
from neurocap_search.tracking.replica import Replica
from neurocap_search.tracking.summary import Summary


class MlflowTracker(SearchListener):
    """Logs a search through MLflow's client with explicit run ids, never through a global active run.

    The parent holds the configuration, the summary, tables and figures. A child holds the
    architecture as parameters and artifact, the metrics of every epoch, each prediction with its
    spread at its epoch (``predicted_mean``, ``predicted_std``), all decisions with their reasons as a
    table (``decisions.json``; the last one as tags), the final metric (``final_val_accuracy``) of a
    fully trained trial or the ``pruned_epoch``, and what it cost (``epochs``, ``epochs_saved``,
    ``seconds``).

    A thread sends it all from the search's journal. If MLflow goes away, the search does not wait for
    it: what is missing is sent when it is back, or later by
    :func:`~neurocap_search.tracking.sync.sync_run`.

    Args:
        folder: The run directory; the search must keep its journal there.
        uri: Tracking URI; None keeps ``mlflow.db`` in the run directory.
        experiment: Name of the MLflow experiment.
        params: Parameters of the parent run; JSON-ready.
        registered_model: Name of a registered model of which the best network becomes a version.
        tags: Further tags of the parent run; with MLflow's own ``mlflow.parentRunId`` it becomes itself a
            child, of a comparison.

    Attributes:
        uri: The tracking URI in use.
        lacking: Records that MLflow does not have, once the search has ended.
        why_lacking: Why it does not have them.

    Raises:
        UserError: If the store cannot be used or the server cannot be reached.
    """

    def __init__(
        self,
        folder: Path,
        uri: str | None,
        experiment: str,
        params: dict[str, Any],
        registered_model: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder.resolve()
        self._given = (uri, experiment, params, registered_model)
        self._tags = dict(tags or {})
        self._store = MlflowStore(self._folder, uri, experiment)
        self.uri, self.lacking, self.why_lacking = self._store.uri, 0, ""
        self._mirror: MlflowMirror | None = None
        self._sender: MlflowSender | None = None

    @property
    def run_id(self) -> str:
        """The parent run; empty before MLflow has it."""
        return self._mirror.parent.run_id if self._mirror else ""

    def on_search_start(self, record: SearchRecord) -> None:
        """Begin to send; a resumed search finds its runs again and sends what they lack."""
        search = {name: getattr(record, name) for name in ("metric", "max_t", "num_trials", "mode")}
        self._target = MlflowTarget(*self._given, search, self._tags)
        self._target.write(self._folder)
        replica = Replica(self._target.empty_record())
        self._mirror = MlflowMirror(self._store, replica, self._folder, self._target)
        self._sender = MlflowSender(self._store, replica, JournalTail(self._journal), self._mirror)
        self._sender.wake()

    def on_trial_start(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Say that there is news."""
        self._wake()

    def on_trial_resume(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Say that there is news."""
        self._wake()

    def on_report(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Say that there is news."""
        self._wake()

    def on_trial_end(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Say that there is news."""
        self._wake()

    def on_search_end(self, record: SearchRecord, summary: Summary) -> None:
        """Send the rest and close all runs, as long as MLflow answers; then count what it lacks."""
        self._finish(summary.to_json())

    def close(self) -> None:
        """Close all runs of a search that ended by an error, without a summary."""
        self._finish(None)

    @property
    def _journal(self) -> Path:
        return self._folder / JOURNAL_FILE

    def _wake(self) -> None:
        if self._sender is not None:
            self._sender.wake()

    def _finish(self, summary: dict[str, Any] | None) -> None:
        if self._sender is None or self._mirror is None:
            return
        sender, self._sender = self._sender, None
        if sender.finish(summary) and not self._mirror.refusals:
            return
        whole = Replica(self._target.empty_record()).apply_all(JournalTail(self._journal).read())
        self.lacking = self._mirror.lacking(whole)
        self.why_lacking = next(iter(self._mirror.refusals.values()), sender.last_error)
