"""Whether the stated spread of the predictions can be trusted."""

from collections.abc import Mapping, Sequence

from neurocap_search.comparison.figures.calibration import draw_calibration, few_epochs
from neurocap_search.comparison.report.page import Picture, Record, Section, Table
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.words import listed, share
from neurocap_search.comparison.statistics import Coverage, calibration
from neurocap_search.comparison.statistics.words import count, percent

TITLE = "Calibration of the spread"
_BESIDE = "All epochs are in tables/calibration.csv."
_READING = (
    "Below the dashed line the stated intervals are too narrow, above it too wide. Vertical lines are 95 % "
    "intervals, each network counted once."
)


def calibration_section(scene: Scene) -> Section:
    """Return the coverage of the candidate's intervals by epoch, or why there is none."""
    found = calibration(guess for run in scene.one_look for guess in run.guesses)
    if not found:
        return Section(TITLE, [f"{scene.results.candidate} stated no spread of its predictions."])
    by_epoch: dict[float, list[Coverage]] = {}
    for coverage in found:
        by_epoch.setdefault(coverage.epoch, []).append(coverage)
    figure = draw_calibration(by_epoch, "How often the final lay inside the stated interval")
    picture = Picture("calibration", figure, _finding(by_epoch), _READING, [_record(c) for c in found])
    return Section(
        TITLE,
        tables=[_table({epoch: by_epoch[epoch] for epoch in few_epochs(list(by_epoch))})],
        pictures=[picture],
    )


def _finding(by_epoch: Mapping[float, Sequence[Coverage]]) -> str:
    epoch, made = next(iter(by_epoch.items()))
    said = listed([f"{percent(c.observed.value)} in the {percent(c.level)} interval" for c in made])
    return f"Of {count(made[0].guesses, 'final')} predicted at epoch {epoch}, {said}."


def _table(by_epoch: Mapping[float, Sequence[Coverage]]) -> Table:
    levels = [coverage.level for coverage in next(iter(by_epoch.values()))]
    rows = [
        [str(epoch), *(share(c.observed) for c in made), f"{made[0].guesses:,}"]
        for epoch, made in by_epoch.items()
    ]
    header = [
        "predicted at epoch",
        *(f"inside the {percent(level)} interval" for level in levels),
        "networks",
    ]
    return Table("coverage", "Finals inside the stated interval", header, rows, beside=_BESIDE)


def _record(found: Coverage) -> Record:
    value, low, high = found.observed
    named = {"epoch": found.epoch, "level": found.level, "networks": found.guesses}
    return {**named, "observed": value, "low": low, "high": high}
