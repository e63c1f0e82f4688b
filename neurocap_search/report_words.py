"""``neurocap report`` as the command line runs it: the pages of a search or of a comparison."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from neurocap_search.comparison.config import CompareConfig
from neurocap_search.comparison.report.compose import compose
from neurocap_search.comparison.report.page import Page
from neurocap_search.comparison.report.write import write_report
from neurocap_search.comparison.results_file import RESULTS_FILE, read_results
from neurocap_search.comparison.search_report import SearchSubject, compose_search
from neurocap_search.config_reader import read_as
from neurocap_search.errors import UserError
from neurocap_search.replay_words import plan_of
from neurocap_search.run_folder import unwritable
from neurocap_search.traces.schema import TaskTraces


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Attributes:
        report: The page.
        sentence: What it says first.
        beside: What belongs beside it.
        remark: What had to be left out; empty if nothing.
    """

    report: Path
    sentence: str
    beside: tuple[str, ...]
    remark: str = ""

    def to_json(self) -> dict[str, object]:
        """Return a JSON-ready dict."""
        said = {"sentence": self.sentence, "beside": list(self.beside)}
        return {"report": str(self.report), **said, "remark": self.remark or None}


def run_report(run_dir: Path, console: Console, output: Path | None = None) -> Written:
    """Write the report of a search or a comparison, and print what it says.

    Args:
        run_dir: Run directory of a search, or folder of a comparison.
        console: The screen.
        output: Folder for the files; None: ``report`` in the run directory.

    Raises:
        UserError: If the folder is neither, its files cannot be used, or the report cannot be written.
    """
    page, remark = _page(run_dir)
    folder = output or run_dir / "report"
    try:
        report = write_report(page, folder)
    except OSError as error:
        raise unwritable(folder, str(error.strerror)) from None
    written = Written(report, page.sentence, tuple(page.beside), remark)
    lines = [f"Report          {report}", *([f"Left out        {remark}"] if remark else [])]
    for line in [*lines, "", *page.beside, "", page.sentence]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return written


def _page(run_dir: Path) -> tuple[Page, str]:
    if not run_dir.is_dir():
        raise UserError(f"{run_dir} is no folder. Give the run directory of a search or a comparison.")
    if (run_dir / RESULTS_FILE).is_file():
        tasks, remark = _tasks(run_dir)
        return compose(read_results(run_dir), tasks), remark
    if SearchSubject.is_at(run_dir):
        return compose_search(SearchSubject.read(run_dir)), ""
    if (run_dir / "config.yaml").is_file():
        raise UserError(
            f"{run_dir} holds nothing to report on yet: it has neither {RESULTS_FILE} nor journal.jsonl. "
            "Wait for its end, or go on with it by --resume."
        )
    raise UserError(
        f"{run_dir} is no run directory: it has no config.yaml. Give the folder of a search, or of what "
        "'neurocap compare' or 'neurocap replay' wrote."
    )


def _tasks(run_dir: Path) -> tuple[Mapping[str, TaskTraces], str]:
    """Return the recorded trainings that were replayed; without them what signals are worth is left out."""
    try:
        config = read_as(CompareConfig, run_dir / "config.yaml")
        return (plan_of(config).tasks, "") if config.replay else ({}, "")
    except UserError as error:
        return {}, f"what each signal is worth, for the traces cannot be read any more: {error}"
