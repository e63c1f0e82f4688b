"""What the user reads of ``neurocap sync``."""

import logging
from pathlib import Path

from rich.console import Console

from neurocap_search.errors import UserError
from neurocap_search.tracking.sync import Synced, sync_run


def run_sync(console: Console, folder: Path, uri: str | None) -> Synced:
    """Send MLflow what it lacks of a search, and say what was sent.

    Raises:
        UserError: If the folder is no run directory, or MLflow cannot be used.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder. Give the run directory of a search.")
    quieten_mlflow()
    synced = sync_run(folder, uri)
    for line in _words(synced):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return synced


def quieten_mlflow() -> None:
    """Keep MLflow from announcing on the screen that it makes its tables."""
    for talker in ("mlflow", "alembic"):
        logging.getLogger(talker).setLevel(logging.ERROR)


def _words(synced: Synced) -> list[str]:
    lines = [
        f"Sent {synced.records} records to {synced.runs} runs."
        if synced.records
        else "MLflow lacked nothing; nothing was sent."
    ]
    lines += [f"Not taken by MLflow: trial {number}: {why}" for number, why in synced.refusals.items()]
    return [*lines, f"MLflow run      {synced.run_id} in {synced.uri}"]
