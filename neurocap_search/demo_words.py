"""``neurocap demo``: the bundled bank through the rules, in a minute or two."""

import os
import sys
import webbrowser
from pathlib import Path

from rich.console import Console

from neurocap_search.comparison.config import CompareConfig, ReplayConfig
from neurocap_search.comparison_words import Concluded, print_end
from neurocap_search.config import OutputConfig
from neurocap_search.replay_words import replay_to_report

_SEEDS = 3
_WORKERS = (4,)


def demo_config(parent: Path, bank: Path | None = None) -> CompareConfig:
    """Return the comparison of the demo: all rules, few orders of the trials."""
    replay = ReplayConfig(bank=bank, workers=_WORKERS)
    return CompareConfig(name="demo", seeds=_SEEDS, replay=replay, output=OutputConfig(dir=parent))


def run_demo(
    console: Console, parent: Path, *, show: bool, bank: Path | None = None, processes: int | None = None
) -> Concluded:
    """Replay the bundled bank, write the report and open it; the sentence comes last.

    Args:
        console: The screen.
        parent: Where the folder of the demo is made.
        show: Open the report in a browser, where there is a display and a terminal.
        bank: Another bank.
        processes: Replays at once; None: one for each core.

    Raises:
        UserError: If the folder cannot be written, or the bank cannot be read.
    """
    concluded = replay_to_report(demo_config(parent, bank), console, processes=processes)
    if show and can_show():
        webbrowser.open(concluded.report.absolute().as_uri())
    print_end(console, concluded)
    return concluded


def can_show() -> bool:
    """Return whether somebody sits before a screen."""
    has_display = sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return has_display and sys.stdout.isatty()
