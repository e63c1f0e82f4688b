"""``neurocap compare`` as the command line runs it: replayed or live, with MLflow."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from neurocap_search.closing_words import compare_resume_command, store_command
from neurocap_search.comparison.config import CompareConfig
from neurocap_search.comparison.mlflow_comparison import ComparisonRun
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.results_file import RESULTS_FILE, read_results
from neurocap_search.comparison_words import Concluded, conclude, print_costs, print_end
from neurocap_search.config_reader import dump_config, flat_keys
from neurocap_search.progress import progress_bar
from neurocap_search.replay_words import Planned, plan_of, run_replays
from neurocap_search.replay_words import dry_run as dry_run_replays
from neurocap_search.run_folder import new_folder
from neurocap_search.syncing import quieten_mlflow
from neurocap_search.tracking.tables import write_text

if TYPE_CHECKING:
    from neurocap_search.comparison.live import Progress


def run_compare(
    config: CompareConfig, console: Console, resume: Path | None = None, processes: int | None = None
) -> Concluded:
    """Compare, and log it to MLflow.

    Args:
        config: The whole configuration.
        console: Where progress and answer are shown.
        resume: Folder of the comparison to go on with; None begins a new one in ``output.dir``.
        processes: Replays at once; None: one for each core.

    Raises:
        UserError: If anything the user gave cannot be used.
    """
    planned = plan_of(config) if config.replay else None
    folder = resume or new_folder(config.output.dir, config.name)
    write_text(folder / "config.yaml", dump_config(config))
    quieten_mlflow()
    with _resumable(console, folder):
        run = ComparisonRun(folder, config.tracking, flat_keys(config.model_dump(mode="json")))
        try:
            results = _results(planned, config, folder, run.run_id, console, processes)
            tasks, left_out = (planned.tasks, planned.plan.left_out) if planned else ({}, {})
            concluded = conclude(results, tasks, folder, left_out)
            print_costs(console, concluded)
            with progress_bar(console, "runs for MLflow") as show:
                run.send(concluded.results, concluded.found, show)
        except BaseException:
            with contextlib.suppress(Exception):  # the store may be what failed
                run.cut_off()
            raise
    mlflow = {"uri": run.uri, "run_id": run.run_id, "open": store_command(run.uri)}
    concluded = replace(concluded, mlflow=mlflow)
    print_end(console, concluded)
    return concluded


def dry_run(config: CompareConfig, console: Console) -> dict[str, Any]:
    """Say what would be compared, and compare nothing; return it JSON-ready."""
    if config.live is None:
        return dry_run_replays(config, console)
    search = config.live.search
    size = {
        "searches": config.seeds * len(config.rules),
        "rules": list(config.rules),
        "seeds": config.seeds,
        "trials": search.search.num_trials,
        "epochs": search.training.epochs,
    }
    lines = [
        f"Rules           {', '.join(config.rules)}",
        f"Searches        {size['searches']}: one for each rule and each of {config.seeds} seeds",
        f"Each            at most {search.search.num_trials} trials of {search.training.epochs} epochs",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return size


def _results(
    planned: Planned | None,
    config: CompareConfig,
    folder: Path,
    parent_run: str,
    console: Console,
    processes: int | None,
) -> Results:
    """Return all runs: those of an earlier attempt if it had come so far."""
    if (folder / RESULTS_FILE).exists():
        return read_results(folder)
    if planned is not None:
        return run_replays(planned, config, console, processes)
    from neurocap_search.comparison.live import compare_live

    def show(progress: "Progress") -> None:
        line = f"{progress.done:>5}/{progress.total}  {progress.search.rule}, seed {progress.search.seed}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    return compare_live(config, folder, parent_run=parent_run, on_progress=show)


@contextlib.contextmanager
def _resumable(console: Console, folder: Path) -> Iterator[None]:
    """Say how to go on with a comparison that was cut off; one that has not begun leaves no folder."""
    try:
        yield
    except BaseException:
        if (folder / "comparison_id").exists():
            line = f"Go on with: {compare_resume_command(folder)}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        elif {path.name for path in folder.iterdir()} == {"config.yaml"}:
            shutil.rmtree(folder)
        raise
