"""What more workers cost."""

from neurocap_search.comparison.figures.workers import WorkersPoint, draw_workers
from neurocap_search.comparison.report.page import Picture, Record, Section
from neurocap_search.comparison.report.scene import Scene, with_workers

_READING = (
    "Asynchronous rules decide at once with what they have seen; the more trials run at a time, the less "
    "that is. Vertical lines are 95 % intervals over tasks and pools."
)


def workers_section(scene: Scene) -> Section:
    """Return regret by number of workers; nothing where there is only one number."""
    if len(scene.workers) < 2:
        return Section("")
    rules: dict[str, list[WorkersPoint]] = {rule: [] for rule in scene.results.rules}
    for row in scene.front:
        rules[row.rule].append(WorkersPoint(row.workers, *row.regret))
    title = "Regret by number of workers"
    figure = draw_workers(rules, scene.cast, scene.results.metric, title)
    data: list[Record] = [
        {"rule": row.rule, "workers": row.workers, "regret": row.regret.value, "low": row.regret.low,
         "high": row.regret.high}
        for row in scene.front
    ]  # fmt: skip
    return Section("More workers", pictures=[Picture("workers", figure, _finding(scene), _READING, data)])


def _finding(scene: Scene) -> str:
    ends = scene.workers[0], scene.workers[-1]
    regret = {(row.rule, row.workers): scene.numbers.amount(row.regret.value) for row in scene.front}
    parts = [
        f"{rule} loses {regret[rule, ends[0]]} with {with_workers(ends[0])} and {regret[rule, ends[1]]} with "
        f"{ends[1]:,}"
        for rule in (scene.results.candidate, scene.results.rival)
    ]
    return f"{'; '.join(parts)}."
