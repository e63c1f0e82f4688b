"""The thread that follows a search's journal and sends it to MLflow."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from neurocap_search.tracking.journal_tail import JournalTail
from neurocap_search.tracking.mlflow_mirror import MlflowMirror
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.redaction import one_line
from neurocap_search.tracking.replica import Replica

_log = logging.getLogger(__name__)

_GATHER = 1.0  # seconds in which records are gathered into a batch: each batch costs MLflow milliseconds
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0  # between attempts while MLflow is away
_PAUSE = 0.2  # between attempts at the end
_PATIENCE_AWAY = 0.8  # at the end, for a server that did not answer before
_PATIENCE = 5.0  # at the end, for an answer of a server that has answered all the time


class MlflowSender:
    """Sends what the journal gains, on a thread of its own, until the search ends.

    The search only says that there is news, which costs microseconds; it never waits for MLflow
    before its end. While MLflow is away the journal keeps everything, and the thread tries again
    after growing waits.

    Args:
        store: The store; from now on this thread's alone.
        replica: Empty replica of the search.
        tail: The search's journal.
        mirror: Sends the replica to the store.

    Attributes:
        last_error: Why the latest attempt failed.
    """

    def __init__(self, store: MlflowStore, replica: Replica, tail: JournalTail, mirror: MlflowMirror) -> None:
        self._store, self._replica, self._tail, self._mirror = store, replica, tail, mirror
        self._news, self._ending, self._done = threading.Event(), threading.Event(), threading.Event()
        self._summary: Mapping[str, Any] | None = None
        self._wait, self._busy_since = 0.0, time.monotonic()
        self._loaded, self.last_error = False, "it does not answer"
        self._thread = threading.Thread(target=self._run, name="mlflow-sender", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that the journal has grown."""
        self._news.set()

    def finish(self, summary: Mapping[str, Any] | None) -> bool:
        """Send the rest and close the runs, as long as MLflow answers.

        Args:
            summary: The summary's JSON; None for a search that was cut off before it had one.

        Returns:
            True if MLflow has everything. Otherwise it did not answer for a second, or for five if it
            had answered until then; the thread is left to itself and ends after its call in progress.
        """
        self._summary = summary
        self._ending.set()
        self._news.set()
        began = time.monotonic()
        while not self._done.wait(0.05) and self._thread.is_alive():
            if time.monotonic() > self._deadline(began):
                self._store.abandoned = True
                return False
        self._thread.join(1.0)
        return True

    def _deadline(self, began: float) -> float:
        if self._wait:
            return began + _PATIENCE_AWAY
        return max(began + _PATIENCE_AWAY, max(self._store.last_answer, self._busy_since) + _PATIENCE)

    def _run(self) -> None:
        while not (self._done.is_set() or self._store.abandoned):
            self._rest()
            self._busy_since = time.monotonic()
            try:
                self._send()
            except Exception as error:  # whatever it is, the search must go on
                self._note_failure(error)
            else:
                self._wait = 0.0

    def _rest(self) -> None:
        """Wait for news, or after a failure for the time to try again; the end cuts both short."""
        if self._wait:
            time.sleep(_PAUSE)
            self._ending.wait(self._wait)
        else:
            self._news.wait()
            self._ending.wait(_GATHER)
        self._news.clear()

    def _send(self) -> None:
        ending = self._ending.is_set()  # before the journal is read: all of it is then written
        self._replica.apply_all(self._tail.read())
        touched = self._replica.take_touched()
        if not self._loaded:
            self._mirror.load(going_on=not ending)
            self._loaded, touched = True, set(self._replica.by_number())
            if self._wait:
                _log.warning("MLflow answers again; what it lacks is being sent")
                self._wait = 0.0
        if ending:
            self._mirror.finish(self._summary)
            self._done.set()
        else:
            self._mirror.bring(touched)

    def _note_failure(self, error: Exception) -> None:
        if self._store.abandoned:
            return
        self._loaded, self.last_error = False, one_line(error)
        if not self._wait:
            _log.warning(
                "MLflow does not answer (%s). The search goes on, its journal keeps what MLflow lacks.",
                self.last_error,
            )
        self._wait = min(_LONGEST_WAIT, 2 * self._wait) if self._wait else _FIRST_WAIT
