"""``neurocap preview`` as the command line runs it: what something will take."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from neurocap_search.comparison.config import CompareConfig
from neurocap_search.comparison.preview import Preview, RulePreview, preview_comparison, preview_search
from neurocap_search.comparison.pruning_forecast import Range
from neurocap_search.config_reader import read_as, read_config
from neurocap_search.errors import UserError


class _Sections(BaseModel):
    """By these a configuration shows what it is of."""

    model_config = ConfigDict(extra="ignore")

    live: Any = None
    replay: Any = None
    population: Any = None


def run_preview(
    path: Path,
    overrides: Sequence[str],
    console: Console,
    *,
    workers: int | None = None,
    price_per_hour: float | None = None,
) -> Preview:
    """Read a configuration, say what it will take, and print it.

    Raises:
        UserError: If the configuration, its data or its space cannot be used.
    """
    kind = read_as(_Sections, path, overrides)
    if kind.population is not None:
        raise UserError(f"{path} is a recording. Run: neurocap record {path} --dry-run")
    if kind.live is not None or kind.replay is not None:
        comparison = read_as(CompareConfig, path, overrides)
        found = preview_comparison(comparison, workers=workers, price_per_hour=price_per_hour)
    else:
        search = read_config(path, overrides)
        found = preview_search(search, workers=workers, price_per_hour=price_per_hour)
    _print(console, found)
    return found


def _print(console: Console, found: Preview) -> None:
    _print_lines(console, _before(found))
    if len(found.rules) > 1:
        console.print(_table(found))
        console.print()
    _print_lines(console, [*_total(found), "", *_after(found)])


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _before(found: Preview) -> list[str]:
    lines = [
        f"An epoch        {found.seconds:.3g} s, the mean of three networks from small to large, timed here",
        f"At a time       {found.workers} trials with {found.per_trial:g} {found.device} each",
    ]
    if found.is_timed_elsewhere:
        lines += ["Warning         there is no GPU here: the epoch was timed on a processor, a GPU is faster"]
    return [*lines, ""]


def _table(found: Preview) -> Table:
    """Return what is likely of each rule."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    price = [] if found.price_per_hour is None else ["price"]
    for name in ("rule", "searches", "trials", "epochs", f"{found.device}-hours", "wall-clock", *price):
        table.add_column(name, justify="left" if name == "rule" else "right")
    for rule in found.rules:
        cost = found.price(rule.hours)
        numbers = [f"{rule.searches:,}", f"{rule.trials:,}", f"{rule.epochs.likely:,.0f}"]
        spent = [f"{rule.hours.likely:.3g}", _time(rule.wall_hours.likely)]
        table.add_row(rule.rule, *numbers, *spent, *([] if cost is None else [_money(cost.likely)]))
    return table


def _total(found: Preview) -> list[str]:
    total: RulePreview = found.total
    cost = found.price(total.hours)
    lines = [
        f"Trials          {total.trials:,} in {total.searches:,} searches"
        if total.searches > 1
        else f"Trials          {total.trials:,}",
        f"Epochs          {_range(total.epochs, lambda number: f'{number:,.0f}')}",
        f"{found.device}-hours       {_range(total.hours, lambda number: f'{number:.3g}')}",
        f"Wall-clock      {_range(total.wall_hours, _time)}",
    ]
    return lines if cost is None else [*lines, f"Price           {_range(cost, _money)}"]


def _range(value: Range, shown: Callable[[float], str]) -> str:
    likely, least, most = (shown(number) for number in (value.likely, value.least, value.most))
    return likely if least == most else f"{likely} ({least} to {most})"


def _time(hours: float) -> str:
    fitting = [pair for pair in ((3600, "s"), (60, "min")) if hours * pair[0] < 120]
    size, unit = [*fitting, (1, "h")][0]
    return f"{hours * size:.3g} {unit}"


def _money(amount: float) -> str:
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.2g}"


def _after(found: Preview) -> list[str]:
    lines = [
        "In brackets the least, if every rung keeps exactly its share, and the most, if nothing is pruned.",
        "Before them what is likely: the rule itself decides on made-up networks whose order never changes.",
    ]
    if found.sampler_learns:
        lines += ["The sampler learns: its later networks are better, and fewer are pruned than that."]
    if found.price_per_hour is not None:
        lines += [f"The price is {found.price_per_hour:g} for each {found.device}-hour."]
    lines += ["Training alone was timed: starting trials, reports and checkpoints come on top."]
    return [*lines, "Nothing was kept, and nothing has been begun."]
