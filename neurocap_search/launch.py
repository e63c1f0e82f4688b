"""A search as the command line runs it: with a screen, MLflow and a run directory."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from neurocap_search.closing_words import mlflow_command, print_outcome, resume_command
from neurocap_search.config import SearchConfig
from neurocap_search.config_reader import dump_config, flat_keys
from neurocap_search.display import LiveTable
from neurocap_search.errors import UserError
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
        }
        resume = resume_command(self.folder) if self.outcome.interrupted else None
        return {
            **self.outcome.summary.to_json(),
            "run_dir": str(self.folder),
            "mlflow": mlflow,
            "interrupted_search": self.outcome.interrupted,
            "resume": resume,
            "warnings": self.outcome.failures,
        }


def launch(config: SearchConfig, folder: Path, console: Console, *, resume: bool = False) -> Launched:
    """Run a search and print its outcome.

    Args:
        config: The whole configuration.
        folder: The run directory; made unless ``resume``.
        console: Where progress and outcome are shown.
        resume: Go on with the search in ``folder``.

    Raises:
        UserError: If anything the user gave cannot be used.
    """
    made: list[SearchListener] = []

    def listeners() -> Sequence[SearchListener]:
        tracking = config.tracking
        params = flat_keys(config.model_dump(mode="json"))
        made.append(MlflowTracker(folder, tracking.uri, tracking.experiment, params))
        made.append(LiveTable(console))
        return made

    if not resume:
        _make(folder, config)
    try:
        outcome = run_search(config, folder, listeners, resume=resume)
    except (UserError, KeyboardInterrupt):
        _leave(folder, console, ours=not resume)
        raise
    finally:
        for table in made:
            if isinstance(table, LiveTable):
                table.close()
    tracker = next(listener for listener in made if isinstance(listener, MlflowTracker))
    print_outcome(console, outcome, folder, tracker)
    return Launched(outcome, folder, tracker)


def _make(folder: Path, config: SearchConfig) -> None:
    try:
        folder.mkdir(parents=True)
        write_text(folder / "config.yaml", dump_config(config))
    except OSError as error:
        raise UserError(
            f"output.dir: {folder} cannot be written ({error.strerror}). Choose another output.dir."
        ) from None


def _leave(folder: Path, console: Console, *, ours: bool) -> None:
    """Say how to go on; remove a run directory that we made and in which nothing has happened yet."""
    if (folder / "journal.jsonl").exists():
        console.print(f"Go on with: {resume_command(folder)}", markup=False, highlight=False, soft_wrap=True)
    elif ours:
        shutil.rmtree(folder, ignore_errors=True)
