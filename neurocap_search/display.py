"""What the user sees while a search runs: a live table, or plain lines where there is no terminal."""

import math
import time

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from neurocap_search.tracking import SearchListener, SearchRecord, Summary, TrialRecord, TrialState

_STYLE = {
    TrialState.RUNNING: "cyan",
    TrialState.PAUSED: "blue",
    TrialState.COMPLETED: "bold green",
    TrialState.PRUNED: "yellow",
    TrialState.FAILED: "bold red",
    TrialState.INTERRUPTED: "magenta",
}

_COLUMNS: dict[str, tuple[int, JustifyMethod]] = {
    "trial": (5, "right"),
    "architecture": (10, "left"),
    "epoch": (5, "right"),
    "{metric}": (7, "right"),
    "beta_eff": (8, "right"),
    "predicted final": (20, "right"),
    "state": (11, "left"),
}
_REFRESHES = 4  # a second
# What the other columns and the gaps between all of them take of a line.
_OTHERS = sum(width for width, _ in _COLUMNS.values()) - _COLUMNS["architecture"][0] + 2 * (len(_COLUMNS) - 1)


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
        self._next = 0.0

    def on_search_start(self, record: SearchRecord) -> None:
        """Begin to draw."""
        self._bar = self._progress.add_task("trials", total=record.num_trials, completed=len(record.finished))
        if self._console.is_terminal:
            self._live = Live(self._draw(record), console=self._console, refresh_per_second=_REFRESHES)
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
        self._next = 0.0
        self._update(record)
        self.close()

    def close(self) -> None:
        """Give the terminal back, also after an error."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _update(self, record: SearchRecord) -> None:
        """Draw anew, but no more often than the screen does: with many trials a table takes a while."""
        now = time.monotonic()
        if self._live is not None and now >= self._next:
            self._live.update(self._draw(record))
            self._next = now + 1 / _REFRESHES

    def _draw(self, record: SearchRecord) -> RenderableType:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name, (width, justify) in _COLUMNS.items():
            # Only the architecture gives way on a narrow terminal.
            name = name.format(metric=record.metric.replace("_accuracy", " acc"))
            most = max(width, self._console.width - _OTHERS) if name == "architecture" else None
            table.add_column(
                name, justify=justify, no_wrap=True, overflow="ellipsis", min_width=width, max_width=most
            )
        room = max(4, min(self._rows, self._console.height - 6))
        for trial in _most_telling(record, room):
            table.add_row(*_cells(record, trial), style=_STYLE[trial.state])
        return Group(table, self._progress)


def _most_telling(record: SearchRecord, room: int) -> list[TrialRecord]:
    """Return the running trials and, as far as there is room, those with the highest numbers that ended."""
    running = record.in_state(TrialState.RUNNING)[-room:]
    ended = [trial for trial in record if trial.state is not TrialState.RUNNING]
    return ended[len(ended) - min(len(ended), room - len(running)) :] + running


def _cells(record: SearchRecord, trial: TrialRecord) -> list[str]:
    prediction = trial.prediction
    guess = "" if prediction is None else f"{prediction}{'' if prediction.fallback is None else ' (seen)'}"
    return [
        str(trial.number),
        trial.description,
        f"{trial.epochs:g}/{record.max_t}",
        number(trial.value(record.metric), ".3f"),
        number(trial.value("beta_eff"), ".1e"),
        guess,
        trial.state.value,
    ]


def _line(record: SearchRecord, trial: TrialRecord) -> str:
    end = trial.error or (trial.last_decision.reason if trial.last_decision else "not started")
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
