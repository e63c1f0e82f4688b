"""What the user sees while a search runs: a live table, or plain lines where there is no terminal."""

import math

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from neurocap_search.tracking import SearchListener, SearchRecord, Summary, TrialRecord, TrialState

_STYLE = {
    TrialState.RUNNING: "cyan",
    TrialState.COMPLETED: "bold green",
    TrialState.PRUNED: "yellow",
    TrialState.FAILED: "bold red",
    TrialState.INTERRUPTED: "magenta",
}


class LiveTable(SearchListener):
    """Shows the trials of a running search with overall progress.

    On a terminal a table that is drawn anew; elsewhere a line for each trial that ends.

    Args:
        console: Where to show it.
        rows: Trials shown at once: the running ones and those that ended last.
    """

    def __init__(self, console: Console, rows: int = 16) -> None:
        self._console, self._rows = console, rows
        self._progress = Progress(
            TextColumn("[bold]trials ended"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._live: Live | None = None

    def on_search_start(self, record: SearchRecord) -> None:
        """Begin to draw."""
        self._bar = self._progress.add_task("trials", total=record.num_trials, completed=len(record.finished))
        if self._console.is_terminal:
            self._live = Live(self._draw(record), console=self._console, refresh_per_second=4)
            self._live.start()

    def on_trial_start(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Show the new trial."""
        self._update(record)

    def on_report(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Show the new epoch."""
        self._update(record)

    def on_trial_end(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Count the trial, and without a terminal say how it ended."""
        self._progress.update(self._bar, completed=len(record.finished))
        self._update(record)
        if self._live is None:
            done = f"{len(record.finished)}/{record.num_trials}"
            self._console.print(
                f"{done:>7}  {_line(record, trial)}", markup=False, highlight=False, soft_wrap=True
            )

    def on_search_end(self, record: SearchRecord, summary: Summary) -> None:
        """Draw a last time and leave the table on the screen."""
        self.close()

    def close(self) -> None:
        """Give the terminal back, also after an error."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _update(self, record: SearchRecord) -> None:
        if self._live is not None:
            self._live.update(self._draw(record))

    def _draw(self, record: SearchRecord) -> RenderableType:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("trial", "architecture", "epoch", record.metric, "beta_eff", "predicted final", "state"):
            right = name in ("trial", "epoch", record.metric, "beta_eff", "predicted final")
            table.add_column(
                name.replace("_accuracy", " acc"), justify="right" if right else "left", no_wrap=True
            )
        room = max(4, min(self._rows, self._console.height - 6))
        for trial in list(record)[-room:]:
            table.add_row(*_cells(record, trial), style=_STYLE[trial.state])
        return Group(table, self._progress)


def _cells(record: SearchRecord, trial: TrialRecord) -> list[str]:
    prediction = trial.prediction
    guess = "" if prediction is None else f"{prediction}{'' if prediction.fallback is None else ' (seen)'}"
    return [
        str(trial.number),
        trial.description,
        f"{trial.epochs}/{record.max_t}",
        number(trial.value(record.metric), ".3f"),
        number(trial.value("beta_eff"), ".1e"),
        guess,
        trial.state.value,
    ]


def _line(record: SearchRecord, trial: TrialRecord) -> str:
    end = trial.error or (trial.decisions[-1].reason if trial.decisions else "not started")
    accuracy = number(trial.value(record.metric), ".3f")
    return (
        f"{trial.name}  {trial.description:<30} {trial.state.value:<10} {record.metric} {accuracy:<6} {end}"
    )


def number(value: float | None, form: str) -> str:
    """Return a number in the given format, or a dash where there is none.

    Example:
        >>> number(0.5, ".2f"), number(None, ".2f"), number(float("nan"), ".2f")
        ('0.50', '-', 'nan')
    """
    if value is None:
        return "-"
    return "nan" if math.isnan(value) else format(value, form)
