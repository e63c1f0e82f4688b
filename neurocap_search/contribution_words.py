"""What the user reads of the signals when a search that learned from them has ended."""

from rich.console import Console
from rich.table import Table

from neurocap_search.pruning import Insight
from neurocap_search.tracking.contributions import contribution_lines, rung_words


def print_contributions(console: Console, insight: Insight, metric: str) -> None:
    """Print what each signal was worth at each rung, and what the audit says.

    Args:
        console: The screen.
        insight: What was learned.
        metric: Name of the number that is optimised.
    """
    if insight.rungs:
        console.print()
        console.print(_table(insight, metric))
    console.print(f"Audit           {insight.sentence}", markup=False, highlight=False, soft_wrap=True)


def _table(insight: Insight, metric: str) -> Table:
    table = Table(
        title="What the signals were worth",
        caption="Share of the predicted differences between trials; below 0 a signal only corrects others.",
        box=None,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        header_style="dim",
        pad_edge=False,
    )
    table.add_column("signal", no_wrap=True)
    for rung in insight.rungs:
        table.add_column(rung_words(rung), justify="right")
    for line in contribution_lines(insight, metric):
        label = line.label if line.is_group else f"  {line.label}"
        table.add_row(label, *map(in_percent, line.shares), style="bold" if line.is_group else "")
    return table


def in_percent(share: float) -> str:
    """Return a share in whole percent.

    Example:
        >>> in_percent(0.254), in_percent(-0.001)
        ('25 %', '0 %')
    """
    return f"{round(100 * share)} %"
