"""Epochs spent against regret, judged by the front of the trivial rule."""

from collections.abc import Sequence

from neurocap_search.comparison.figures.epochs_regret import RulePoint, draw_epochs_regret
from neurocap_search.comparison.report.page import Picture, Record, Section
from neurocap_search.comparison.report.scene import Scene, with_workers
from neurocap_search.comparison.statistics import FrontRow, above_front, is_i_epoch
from neurocap_search.comparison.statistics.words import percent

_READING = (
    "The further to the lower left, the better. The black line joins the trivial rules “all train i epochs, "
    "then the best three are trained to the end”: a rule on or above it is not worth its trouble here. "
    "Vertical lines are 95 % intervals over tasks and disjoint pools; regret is what was lost against full "
    "training of every network."
)


def regret_section(scene: Scene) -> Section:
    """Return the figure with the fewest workers and, where there are several numbers, with the most."""
    shown = sorted({scene.workers[0], scene.workers[-1]})
    return Section("Epochs spent against regret", pictures=[_picture(scene, workers) for workers in shown])


def _picture(scene: Scene, workers: int) -> Picture:
    rows = [row for row in scene.front if row.workers == workers]
    points = [RulePoint(row.rule, row.epochs.value, *row.regret) for row in rows]
    title = f"What each rule spent and lost, {with_workers(workers)}"
    figure = draw_epochs_regret(points, scene.cast, scene.results.metric, title)
    name = f"epochs_against_regret_{workers}"
    return Picture(name, figure, _finding(scene, rows), _READING, [record(row) for row in rows])


def record(row: FrontRow) -> Record:
    """Return a row as the CSV file holds it."""
    epochs = dict(zip(("epoch_share", "epoch_share_low", "epoch_share_high"), row.epochs, strict=True))
    regret = dict(zip(("regret", "regret_low", "regret_high"), row.regret, strict=True))
    counted: Record = {"rule": row.rule, "workers": row.workers, "pools": row.units}
    return {**counted, **epochs, **regret, "dominated_by": " ".join(row.dominated_by)}


def _finding(scene: Scene, rows: Sequence[FrontRow]) -> str:
    by_rule = {row.rule: row for row in rows}
    parts = [
        f"{rule} spent {percent(by_rule[rule].epochs.value)} of full training's epochs and lost "
        f"{scene.numbers.amount(by_rule[rule].regret.value)}"
        for rule in (scene.results.candidate, scene.results.rival)
    ]
    said = f"With {with_workers(rows[0].workers)}, {parts[0]}; {parts[1]}."
    return f"{said} {_beside_front(scene, rows[0].workers)}".strip()


def _beside_front(scene: Scene, workers: int) -> str:
    rule = scene.results.candidate
    if not any(map(is_i_epoch, scene.results.rules)):
        return ""
    beside = above_front(scene.results, rule, workers=workers)
    where = "above" if beside.difference.value > 0 else "below"
    sure = "surely" if beside.difference.excludes_zero else "but not surely"
    gap = scene.numbers.amount(abs(beside.difference.value))
    return f"{rule} is {gap} {where} the i-epoch front at its epochs, {sure}."
