"""How well each signal ranks the networks, after each epoch."""

from collections.abc import Iterator, Sequence
from math import isnan

from neurocap_search.comparison.figures.signals import MOST_NAMED, Curve, Panel, draw_signals
from neurocap_search.comparison.report.page import Picture, Record, Section, Table
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.words import UNKNOWN, file_names
from neurocap_search.comparison.statistics.signals import SignalCorrelations, SignalCurve, signal_correlations
from neurocap_search.comparison.statistics.words import count
from neurocap_search.traces.schema import TaskTraces

_INTRODUCTION = (
    "Spearman's rank correlation with the final metric, each signal turned so that above zero it says what "
    "it promises; a sign in brackets was read off the data, which flatters it a little. Rank correlation is "
    "not regret: a signal may rank the middle well and lose the best."
)
_READING = (
    "Above: all networks; below: only the best tenth, where the choice is made. Vertical lines and the grey "
    "band are 95 % intervals over the networks. The seed ceiling is what another training of the same "
    "networks says."
)
_EPOCHS = (1, 2, 3, 5, 8, 12)


def signals_section(scene: Scene) -> Section:
    """Return a figure and a table for each task; nothing without recorded trainings."""
    files = dict(zip(scene.tasks, file_names("signals", list(scene.tasks)), strict=True))
    found = {name: _both(task) for name, task in scene.tasks.items()}
    found = {name: both for name, both in found.items() if both[0].curves}
    tables = [_table(both, f"{files[name]}_table", scene.tasks[name].epochs) for name, both in found.items()]
    pictures = [_picture(both, files[name]) for name, both in found.items()]
    return Section(
        "What each signal is worth", [_INTRODUCTION] if found else [], tables=tables, pictures=pictures
    )


def _both(task: TaskTraces) -> tuple[SignalCorrelations, SignalCorrelations]:
    epochs = [epoch for epoch in (*_EPOCHS, task.epochs) if epoch <= task.epochs]
    every, top = (
        signal_correlations(task, scope=scope, epochs=sorted(set(epochs))) for scope in ("all", "top tenth")
    )
    return every, top


def _picture(both: Sequence[SignalCorrelations], name: str) -> Picture:
    figure = draw_signals([_panel(found) for found in both], f"What each signal is worth on {both[0].task}")
    return Picture(name, figure, _finding(both[0]), _READING, [r for found in both for r in _records(found)])


def _panel(found: SignalCorrelations) -> Panel:
    scope = (
        "All networks" if found.scope == "all" else f"The best tenth by their final metric: {found.networks}"
    )
    curves = [Curve(_label(c), c.epochs, c.correlation, c.low, c.high) for c in found.curves]
    return Panel(scope, curves, found.ceiling)


def _finding(found: SignalCorrelations) -> str:
    """Say which signal ranks best after the first epoch, and where beta_eff stands."""
    first = {_label(curve): curve.correlation[0] for curve in found.curves if not isnan(curve.correlation[0])}
    if not first:
        return f"{found.task}: too few networks to say ({found.networks})."
    best = max(first, key=lambda label: first[label])
    how = "ranks best" if len(first) > 1 else "is the only signal"
    said = f"{found.task}: after one epoch {best} {how} ({first[best]:.2f})"
    own = found.of("|beta_eff|")
    beside = "" if own is None or _label(own) == best else f"; {_label(own)} reaches {own.correlation[0]:.2f}"
    return f"{said}{beside}."


def _table(both: Sequence[SignalCorrelations], name: str, last: int) -> Table:
    every, top = both
    epochs = [epoch for epoch in _EPOCHS if epoch < last]
    header = ["signal", *(f"{scope}, epoch {epoch}" for scope in ("all", "top") for epoch in epochs)]
    rows = [
        [_label(c), *_of(every, c.signal, epochs), *_of(top, c.signal, epochs)]
        for c in every.curves[:MOST_NAMED]
    ]
    ceilings = [_plain(found.ceiling.value) for found in both for _ in epochs]
    caption = f"Rank correlation with the final metric on {every.task}"
    marked, note = frozenset({"seed ceiling"}), _note(every, top)
    beside = f"Every signal is in tables/{name.removesuffix('_table')}.csv."
    rows.append(["seed ceiling", *ceilings])
    return Table(name, caption, header, rows, marked, note, beside=beside)


def _note(every: SignalCorrelations, top: SignalCorrelations) -> str:
    return (
        f"All: {count(every.networks, 'network')}; top: the best tenth, {top.networks}. The seed ceiling "
        f"rests on {count(every.repeated, 'network')} trained more than once, {top.repeated} of them in the "
        "top tenth."
    )


def _of(found: SignalCorrelations, signal: str, epochs: Sequence[int]) -> list[str]:
    curve = found.of(signal)
    return [UNKNOWN if curve is None else _plain(curve.at(epoch).value) for epoch in epochs]


def _label(curve: SignalCurve) -> str:
    """Return the name with a minus sign at which no line is broken."""
    return curve.label.replace("-", "−", 1) if curve.label.startswith("-") else curve.label


def _plain(value: float) -> str:
    return UNKNOWN if isnan(value) else f"{value:.2f}"


def _records(found: SignalCorrelations) -> Iterator[Record]:
    for curve in found.curves:
        what = {"task": found.task, "networks": found.scope, "signal": curve.signal, "sign": curve.sign}
        for epoch in curve.epochs:
            value, low, high = curve.at(epoch)
            yield {**what, "epoch": epoch, "rank_correlation": value, "low": low, "high": high}
