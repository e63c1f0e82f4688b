"""Write docs/evidence.md, docs/evidence_learned.md and their figures from a bank of recorded trainings alone.

python scripts/evidence.py
python scripts/evidence.py --bank my_curves --rules asha hyperband --candidate hyperband --output mine
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from neurocap_search.comparison.config import DEFAULT_RULES, ReplayConfig
from neurocap_search.comparison.figures.render import png
from neurocap_search.comparison.replaying import cores, replay_bank
from neurocap_search.comparison.report.compose import compose
from neurocap_search.comparison.report.markdown import markdown
from neurocap_search.comparison.report.page import Page, Section
from neurocap_search.comparison.targets.page import learned_page
from neurocap_search.errors import UserError
from neurocap_search.prediction.combination import read_prior
from neurocap_search.traces.bank import BUNDLED, load_bank
from neurocap_search.traces.schema import TaskTraces

_NOTE = "<!-- Written by scripts/evidence.py from the bank alone; do not edit. -->\n<!-- {command} -->\n\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay the bank and write the pages; return the exit code."""
    options = _options().parse_args(arguments)
    try:
        _write(options)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bank", type=Path, default=BUNDLED, help="folder of traces; default: the bundled bank"
    )
    parser.add_argument("--tasks", nargs="+", help="only these tasks")
    parser.add_argument("--rules", nargs="+", default=list(DEFAULT_RULES), help="names of the rules")
    parser.add_argument("--candidate", default="beta_eff", help="the rule that is judged")
    parser.add_argument("--rival", default="asha", help="the rule it is judged against")
    parser.add_argument("--trials", type=int, default=50, help="architectures of a pool")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16, 64], help="trials at a time")
    parser.add_argument("--seeds", type=int, default=30, help="orders of the trials")
    parser.add_argument(
        "--no-learned",
        dest="learned",
        action="store_false",
        help="leave out the page on the learned combination, whose pools are twice as large",
    )
    parser.add_argument("--name", default="evidence", help="name of the page")
    parser.add_argument("--output", type=Path, default=Path("docs"), help="folder of the page")
    return parser


def _write(options: argparse.Namespace) -> None:
    bank = load_bank(options.bank)
    tasks = {name: bank[name] for name in options.tasks} if options.tasks else bank
    config = ReplayConfig(rules=tuple(options.rules), trials=options.trials, workers=tuple(options.workers))
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("replays", total=None)
        results = replay_bank(
            tasks,
            config,
            range(options.seeds),
            candidate=options.candidate,
            rival=options.rival,
            processes=cores(),
            on_progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    page = compose(results, tasks)
    print(page.sentence)
    _write_page(page, options.name, options)  # the replays took long; what follows may be interrupted
    tuning = {name: task for name, task in tasks.items() if name in read_prior().tasks}
    reporting = {name: task for name, task in tasks.items() if name not in tuning}
    if options.learned and len(tuning) > 1 and reporting:
        learned, name = _learned(tuning, reporting, options), f"{options.name}_learned"
        print(learned.sentence)
        _write_page(learned, name, options)
        page = replace(page, sections=[*page.sections, _targets(learned, name)])
        _write_page(page, options.name, options)


def _targets(learned: Page, name: str) -> Section:
    """Return the table of targets of the other page, so that all that was wanted stands on one."""
    text = [f"{learned.sentence} How each was measured stands in {name}.md.", *learned.sections[0].text]
    return Section("What the learned combination was to reach", text, tables=learned.sections[0].tables)


def _learned(
    tuning: dict[str, TaskTraces], reporting: dict[str, TaskTraces], options: argparse.Namespace
) -> Page:
    """Return the page on the learned combination: fitted on some tasks, reported on the others."""
    trials, seeds = 2 * options.trials, options.seeds
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("replays of the learned combination", total=None)
        return learned_page(
            tuning,
            reporting,
            trials=trials,
            seeds=seeds,
            processes=cores(),
            on_progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )


def _write_page(page: Page, name: str, options: argparse.Namespace) -> None:
    figures = options.output / name
    figures.mkdir(parents=True, exist_ok=True)
    for picture in page.pictures:
        (figures / f"{picture.name}.png").write_bytes(png(picture.figure))
    text = _NOTE.format(command=_command(options)) + markdown(page, name)
    (options.output / f"{name}.md").write_text(text, encoding="utf-8")


def _command(options: argparse.Namespace) -> str:
    """Return the command that writes the page again, without what names a place on this machine."""
    parser = _options()
    given = [
        f"--{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in vars(options).items()
        if name not in ("bank", "output", "learned") and value != parser.get_default(name)
    ]
    bank = [] if options.bank == BUNDLED else [f"--bank {options.bank.name}"]
    part = [] if options.learned else ["--no-learned"]
    return " ".join(["python scripts/evidence.py", *bank, *given, *part])


if __name__ == "__main__":
    sys.exit(main())
