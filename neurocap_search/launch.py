"""A search as the command line runs it: with a screen, MLflow and a run directory."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from neurocap_search.closing_words import mlflow_command, print_outcome, resume_command, sync_command
from neurocap_search.config import SearchConfig
from neurocap_search.config_reader import dump_config, flat_keys
from neurocap_search.display import LiveTable
from neurocap_search.run_folder import new_folder, unwritable
from neurocap_search.tracking import SearchListener
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from neurocap_search.tracking.tables import write_text
from neurocap_search.tune import SearchOutcome, run_search


@dataclass(frozen=True)
class Launched:
    """A finished launch: the outcome, and where it is kept."""

    outcome: SearchOutcome
    folder: Path
    tracker: MlflowTracker

    @property
    def exit_code(self) -> int:
        """0 for a finished search, 1 if no trial was trained to the end, 130 if interrupted."""
        if self.outcome.interrupted:
            return 130
        return 0 if self.outcome.summary.completed else 1

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict for machines."""
        mlflow = {
            "uri": self.tracker.uri,
            "run_id": self.tracker.run_id,
            "open": mlflow_command(self.tracker),
            "lacking_records": self.tracker.lacking,
            "sync": sync_command(self.folder) if self.tracker.lacking else None,
        }
        resume = resume_command(self.folder) if self.outcome.interrupted else None
        return {
            **self.outcome.summary.to_json(),
            "run_dir": str(self.folder),
            "mlflow": mlflow,
            "interrupted_search": self.outcome.interrupted,
            "resume": resume,
            "warnings": self.outcome.warnings,
        }


def launch(config: SearchConfig, console: Console, resume: Path | None = None) -> Launched:
    """Run a search and print its outcome.

    Args:
        config: The whole configuration.
        console: Where progress and outcome are shown.
        resume: Run directory of the search to go on with; None begins a new one in ``output.dir``.

    Raises:
        UserError: If anything the user gave cannot be used.
    """
    folder = resume or _make_folder(config)
    made: list[SearchListener] = []

    def listeners() -> Sequence[SearchListener]:
        to = config.tracking
        params = flat_keys(config.model_dump(mode="json"))
        made.append(MlflowTracker(folder, to.uri, to.experiment, params, to.registered_model))
        made.append(LiveTable(console))
        return made

    try:
        outcome = run_search(config, folder, listeners, resume=resume is not None)
    except BaseException:
        _leave(folder, console, ours=resume is None)
        raise
    finally:
        for listener in made:
            if isinstance(listener, LiveTable | MlflowTracker):
                listener.close()
    tracker = next(listener for listener in made if isinstance(listener, MlflowTracker))
    print_outcome(console, outcome, folder, tracker)
    return Launched(outcome, folder, tracker)


def _make_folder(config: SearchConfig) -> Path:
    """Make the run directory, with the configuration in it."""
    folder = new_folder(config.output.dir, config.name)
    try:
        write_text(folder / "config.yaml", dump_config(config))
    except OSError as error:
        raise unwritable(folder, str(error.strerror)) from None
    return folder


def _leave(folder: Path, console: Console, *, ours: bool) -> None:
    """Say how to go on; remove a run directory that we made and in which nothing has happened yet."""
    if (folder / "journal.jsonl").exists():
        console.print(f"Go on with: {resume_command(folder)}", markup=False, highlight=False, soft_wrap=True)
    elif ours:
        shutil.rmtree(folder, ignore_errors=True)
