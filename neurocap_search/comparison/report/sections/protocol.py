"""How it was made: enough to make it again."""

import json
from collections.abc import Iterator
from importlib import metadata

from neurocap_search.comparison.bootstrap import RESAMPLES
from neurocap_search.comparison.report.page import Section
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.words import listed
from neurocap_search.comparison.statistics.words import count
from neurocap_search.traces.schema import TaskTraces

_LIBRARIES = ("neurocap-search", "numpy", "scipy", "optuna", "ray", "torch", "scikit-learn", "mlflow")


def protocol_section(scene: Scene) -> Section:
    """Return what was compared with what, on which recordings, by which libraries."""
    facts = [*_comparison(scene), *(fact for task in scene.tasks.values() for fact in _task(task))]
    return Section("How it was made", facts=facts)


def _comparison(scene: Scene) -> Iterator[tuple[str, str]]:
    runs, results = scene.results.runs, scene.results
    units = {run.unit for run in runs}
    tasks = list(dict.fromkeys(unit.task for unit in units))
    yield "kind", "replay of recorded trainings" if results.kind == "replayed" else "live searches"
    yield "optimised", f"{results.metric}, {results.mode}"
    yield "rules", ", ".join(results.rules)
    yield "tasks", ", ".join(sorted(tasks))
    yield "pools", f"{len(units)}, disjoint, of {listed(sorted({run.trials for run in runs}))} networks"
    yield (
        "seeds",
        f"{count(len({run.seed for run in runs}), 'seed')}: the order of the trials, the same for all rules",
    )
    yield "workers", listed(scene.workers)
    yield "runs", f"{len(runs):,}"
    yield "intervals", f"95 %, bootstrap over tasks and pools, at most {RESAMPLES:,} resamples, seed 0"
    yield "compared by", ", ".join(_installed())


def _installed() -> Iterator[str]:
    for name in _LIBRARIES:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue


def _task(task: TaskTraces) -> Iterator[tuple[str, str]]:
    networks = len({trace.key.trial for trace in task.traces})
    failed = sum(trace.failure is not None for trace in task.traces)
    yield (
        f"{task.task}: recorded",
        f"{count(networks, 'network')}, {count(len(task.traces), 'training')}, "
        f"{count(task.epochs, 'epoch')} each, {failed} failed",
    )
    if task.libraries:
        yield (
            f"{task.task}: recorded by",
            ", ".join(f"{name} {version}" for name, version in task.libraries.items()),
        )
    yield f"{task.task}: licence of the data", task.data_licence
    if task.protocol:
        yield f"{task.task}: protocol", json.dumps(task.protocol, sort_keys=True)
