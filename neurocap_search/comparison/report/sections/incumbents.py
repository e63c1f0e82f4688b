"""The best network found so far, over time."""

from collections.abc import Iterator, Sequence

import numpy as np

from neurocap_search.comparison.figures.incumbents import draw_incumbents
from neurocap_search.comparison.report.page import Picture, Record, Section
from neurocap_search.comparison.report.scene import Scene, with_workers
from neurocap_search.comparison.report.words import duration
from neurocap_search.comparison.statistics import IncumbentCurve, incumbent_curves

TIMES = 160
_READING = (
    "Regret of the best fully trained network so far; before the first one is trained to the end, that of "
    "the median network. Bands are 95 % intervals over tasks and pools."
)


def incumbents_section(scene: Scene) -> Section:
    """Return the curves of all rules with the most workers."""
    workers = scene.workers[-1]
    curves = incumbent_curves(scene.results, _times(scene, workers), workers=workers)
    title = f"The best network found so far, {with_workers(workers)}"
    figure = draw_incumbents(curves, scene.cast, scene.results.metric, title, scene.clock)
    picture = Picture("incumbents", figure, _finding(scene, curves), _READING, list(_records(curves)))
    return Section("Best network over time", pictures=[picture])


def _times(scene: Scene, workers: int) -> list[float]:
    """Return times that are even on a logarithmic scale, from before the first trial that ends."""
    runs = [run for run in scene.results.runs if run.workers == workers]
    first = min((run.incumbents[0].seconds for run in runs if run.incumbents), default=1.0)
    last = max(max(run.seconds for run in runs), 2 * first)
    return [float(time) for time in np.geomspace(max(first / 1.5, last / 1e6), last, TIMES)]


def _finding(scene: Scene, curves: Sequence[IncumbentCurve]) -> str:
    """Say where both stand when the rival's curve has come to rest."""
    by_rule = {curve.rule: curve for curve in curves}
    own, rival = by_rule[scene.results.candidate], by_rule[scene.results.rival]
    rest = int(np.argmax(rival.regret <= rival.regret[-1] + 1e-12))
    return (
        f"After {duration(rival.grid[rest])} {rival.rule} finds nothing better any more and is "
        f"{scene.numbers.amount(rival.regret[rest])} short of the best network; {own.rule} is "
        f"{scene.numbers.amount(own.regret[rest])} short then, and in the end "
        f"{scene.numbers.amount(own.regret[-1])}."
    )


def _records(curves: Sequence[IncumbentCurve]) -> Iterator[Record]:
    for curve in curves:
        points = np.stack([curve.grid, curve.regret, curve.low, curve.high], axis=1).tolist()
        for point in points:
            named = dict(zip(("seconds", "regret", "low", "high"), point, strict=True))
            yield {"rule": curve.rule, "workers": curve.workers, **named}
