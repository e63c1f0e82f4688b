"""An inspection as the command line runs it: with progress, a table, and words."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from neurocap_search.display import number
from neurocap_search.inspection import EpochMeasures, Inspection, Subject, inspect
from neurocap_search.inspection.figures.style import evenly
from neurocap_search.inspection.output_folder import TABLE, OutputFolder

MOST_ROWS = 20


def run_inspection(subject: Subject, console: Console, folder: Path | None = None) -> Inspection:
    """Inspect with progress on the screen, and print what was found.

    Args:
        subject: What is inspected.
        console: Where progress and result are shown.
        folder: Where the files go; None takes the subject's own.

    Raises:
        UserError: If anything the user gave cannot be used.
    """
    OutputFolder(folder or subject.folder, subject.identity)  # Refused before any waiting.
    _say(console, subject.opening())
    try:
        with _progress(subject, console) as step:
            found = inspect(subject, folder, step=step)
    except KeyboardInterrupt:
        if (table := (folder or subject.folder) / TABLE).exists():
            _say(console, [f"The epochs measured so far are in {table}."])
        raise
    _print_table(console, found.measures)
    _say(console, [f"Measured: {found.subject.images}.", *found.remarks, ""])
    _say(console, [f"In {found.folder}: {', '.join(found.files)}"])
    return found


@contextmanager
def _progress(subject: Subject, console: Console) -> Iterator[Callable[[int, str], None]]:
    columns = (TextColumn("{task.fields[part]}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("epochs", total=subject.steps, part="reading the data")

        def step(done: int, part: str) -> None:
            progress.update(bar, completed=done, part=f"{part:<32}")

        yield step


def _print_table(console: Console, measures: Sequence[EpochMeasures]) -> None:
    shown = evenly(measures, MOST_ROWS)
    columns = {name: [cell(m) for m in shown] for name, cell in _COLUMNS.items()}
    if any(m.head for m in measures):  # The network's own N and D are in measures.csv.
        del columns["N\nnetwork"], columns["D\nnetwork"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    known = {name: cells for name, cells in columns.items() if set(cells) != {"-"}}
    for name in known:
        table.add_column(name, justify="right", no_wrap=True)
    for cells in zip(*known.values(), strict=True):
        table.add_row(*cells)
    console.print(table)
    console.print()
    if len(shown) < len(measures):
        _say(console, [f"{len(shown)} of {len(measures)} epochs; measures.csv holds all."])


def _metric(name: str, form: str) -> Callable[[EpochMeasures], str]:
    return lambda m: number(m.metrics.get(name), form)


def _capacitance(which: str, part: str) -> Callable[[EpochMeasures], str]:
    def cell(measures: EpochMeasures) -> str:
        measured = getattr(measures, which)
        value = None if measured is None else getattr(measured, part)
        return "no value" if value is not None and math.isnan(value) else number(value, ".1e")

    return cell


def _mean(feature: str) -> Callable[[EpochMeasures], str]:
    return lambda m: number(m.signature(feature).get("mean"), ".3g")  # type: ignore[arg-type]


_COLUMNS: dict[str, Callable[[EpochMeasures], str]] = {
    "epoch": lambda m: str(m.epoch),
    "val\nacc": _metric("val_accuracy", ".3f"),
    "beta_eff\nhead": _capacitance("head", "value"),
    "N\nhead": _capacitance("head", "numerator"),
    "D\nhead": _capacitance("head", "denominator"),
    "beta_eff\nnetwork": _capacitance("whole", "value"),
    "N\nnetwork": _capacitance("whole", "numerator"),
    "D\nnetwork": _capacitance("whole", "denominator"),
    "layer\nfluct.": lambda m: number(m.fluctuation, ".3g"),
    "mean\ndegree": _mean("degree"),
}


def _say(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
