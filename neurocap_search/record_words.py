"""``neurocap record`` as the command line runs it: progress, and what was written."""

import os
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console

from neurocap_search.errors import UserError
from neurocap_search.progress import progress_bar
from neurocap_search.traces.estimate import Estimate, estimate
from neurocap_search.traces.readme import write_readme
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recorder import head_of, record
from neurocap_search.traces.recording_file import RecordingFile
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace


@dataclass(frozen=True)
class Recorded:
    """What a recording came to.

    Attributes:
        path: The Parquet file.
        traces: Trainings in it.
        failed: How many of them failed.
        missing: Trainings whose worker was lost, in words; record again to try them again.
        interrupted: Whether the recording was cut off.
    """

    path: Path
    traces: int
    failed: int
    missing: list[str]
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 if all is recorded, 130 if interrupted, 1 if trainings are missing."""
        if self.interrupted:
            return 130
        return 1 if self.missing else 0

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {**asdict(self), "path": str(self.path)}


def run_record(config: RecordConfig, console: Console, output: Path) -> Recorded:
    """Record a population and print where it is; Ctrl-C keeps all that is finished.

    Raises:
        UserError: If anything the user gave cannot be used.
    """
    with _locked(output, config.name):
        recording = RecordingFile(output, head_of(config))
        missing, interrupted = _record(config, recording, console)
        task = recording.close()
        if task.traces:
            write_readme(output)
    failed = sum(trace.failure is not None for trace in task.traces)
    recorded = Recorded(recording.path, len(task.traces), failed, missing, interrupted)
    _print_end(console, recorded, task)
    return recorded


def dry_run(config: RecordConfig, console: Console, output: Path) -> Estimate:
    """Print what a recording would take, and record nothing."""
    size = estimate(config, RecordingFile(output, head_of(config)))
    at_once = max(
        1, int((config.resources.num_cpus or os.cpu_count() or 1) / config.resources.cpus_per_trial)
    )
    lines = [
        f"Architectures   {size.architectures}",
        f"Trainings       {size.trainings}, of which {size.recorded} are recorded already",
        f"Epochs          {size.epochs} still to train",
        f"One worker      about {_span(size.seconds)}",
        f"{at_once} at a time".ljust(16)
        + f"about {_span(size.seconds / at_once)} on processors like this one's",
        f"File            about {size.bytes / 1e6:.1f} MB",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return size


def _record(config: RecordConfig, recording: RecordingFile, console: Console) -> tuple[list[str], bool]:
    """Record with a progress bar; return what is missing and whether Ctrl-C ended it."""
    population = config.population
    again = population.repeated + population.repeated_best  # who is best may be among the repeated
    total = population.architectures + again * (population.seeds - 1)
    with progress_bar(console, "trainings") as advance:
        advance(len(recording.traces), total)

        def show(trace: Trace) -> None:
            advance(len(recording.traces), total)
            if not console.is_terminal:
                _print_trace(console, trace, len(recording.traces), total)

        try:
            return record(config, recording, show), False
        except KeyboardInterrupt:
            return [], True


def _print_trace(console: Console, trace: Trace, number: int, total: int) -> None:
    accuracy = trace.last("val_accuracy")
    end = trace.failure or f"val_accuracy {accuracy:.3f}"
    line = (
        f"{number:>5}/{total}  trial {trace.key.trial}, seed {trace.key.seed}  {trace.description:<34}  {end}"
    )
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_end(console: Console, recorded: Recorded, task: TaskTraces) -> None:
    architectures = len({trace.key.trial for trace in task.traces})
    lines = [
        f"{recorded.traces} trainings of {architectures} architectures, {task.epochs} epochs each, "
        f"{recorded.failed} failed",
    ]
    lines += [f"Traces          {recorded.path}"] if task.traces else []
    lines += [f"Not recorded    {words}" for words in recorded.missing]
    if recorded.interrupted or recorded.missing:
        lines += ["The same command goes on with what is missing."]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _locked(output: Path, name: str) -> Any:
    output.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output / f".{name}.lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"Another process is recording {name} in {output}. Wait for it or stop it.") from None


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
