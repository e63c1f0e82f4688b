"""A search's record sent to MLflow after the search: what it lacks, or all of it to another store."""

import json
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from neurocap_search.errors import UserError
from neurocap_search.tracking.events import Journal
from neurocap_search.tracking.mlflow_mirror import MlflowMirror
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.mlflow_target import JOURNAL_FILE, MlflowTarget
from neurocap_search.tracking.redaction import one_line
from neurocap_search.tracking.replica import Replica


@dataclass(frozen=True)
class Synced:
    """What :func:`sync_run` did.

    Attributes:
        uri: The store.
        run_id: The parent run.
        runs: Runs something was sent to.
        records: Reports and ends of trials that were sent, and the end of the search.
        refusals: What MLflow would not take, by trial number.
    """

    uri: str
    run_id: str
    runs: int
    records: int
    refusals: dict[int, str]


def sync_run(folder: Path, uri: str | None = None) -> Synced:
    """Send what MLflow lacks of a search that has ended or was cut off.

    Doing it twice sends nothing the second time. A search that is still running sends its record
    itself, and is left alone.

    Args:
        folder: The run directory.
        uri: Tracking URI of another store; None takes the one the search was tracked in.

    Raises:
        UserError: If the folder is no run directory, the search is running, or MLflow cannot be used
            or goes away.
    """
    folder = folder.resolve()
    target = MlflowTarget.read(folder)
    try:
        with FileLock(folder / ".lock", timeout=0):
            return _sync(folder, target, uri)
    except Timeout:
        raise UserError(
            f"The search in {folder} is still running and sends its record itself. Wait for its end."
        ) from None


def _sync(folder: Path, target: MlflowTarget, uri: str | None) -> Synced:
    replica = Replica(target.empty_record()).apply_all(Journal(folder / JOURNAL_FILE).read())
    store = MlflowStore(folder, uri or target.uri, target.experiment)
    mirror = MlflowMirror(store, replica, folder, target)
    summary = folder / "summary.json"
    try:
        mirror.load(going_on=False)
        mirror.finish(json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else None)
    except Exception as error:  # each kind of store has its own errors
        raise UserError(
            f"MLflow at {store.uri} went away: {one_line(error)}. {mirror.records_sent} records were sent; "
            "start the server and run the command again for the others."
        ) from None
    return Synced(store.uri, mirror.parent.run_id, len(store.runs_sent), mirror.records_sent, mirror.refusals)
