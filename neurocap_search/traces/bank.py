"""A bank of traces: the recorded tasks a rule is judged on."""

from pathlib import Path

import numpy as np

from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.traces.curves import holds_curves, is_curves, read_curves
from neurocap_search.traces.schema import TaskTraces, read_traces
from neurocap_search.traces.trace import Trace

BUNDLED = Path(__file__).parent / "bundled"
"""The bank that comes with the package."""


def load_bank(path: Path = BUNDLED) -> dict[str, TaskTraces]:
    """Read all tasks of a bank, in the order of their names.

    Args:
        path: A folder of Parquet files or tables of curves (see
            :func:`~neurocap_search.traces.curves.read_curves`; other tables in a folder are passed over), or
            one such file; default: the bundled bank.

    Raises:
        UserError: If there are no traces, or a file is damaged or foreign.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _is_task(file))
        if not files:
            raise UserError(
                f"No traces in {path}: it has neither .parquet files nor tables of curves. Give a "
                "folder that 'neurocap record' wrote."
            )
    elif path.exists():
        files = [path]
    else:
        near = did_you_mean(path.name, (other.name for other in path.parent.glob("*")))
        raise UserError(f"No traces at {path}.{near or ' Give a folder that neurocap record wrote.'}")
    tasks = [read_curves(file) if is_curves(file) else read_traces(file) for file in files]
    for task, file in zip(tasks, files, strict=True):
        if not task.traces:
            raise UserError(f"{file} holds no trainings. Record some with 'neurocap record'.")
    names = [task.task for task in tasks]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(f"{path}: several files hold the task {sorted(twice)[0]!r}. Keep one of them.")
    return dict(sorted(zip(names, tasks, strict=True)))


def _is_task(file: Path) -> bool:
    return file.suffix == ".parquet" or (is_curves(file) and holds_curves(file))


def first_seeds(task: TaskTraces) -> list[Trace]:
    """Return one trace for each architecture: that of its first seed."""
    found: dict[int, Trace] = {}
    for trace in task.traces:
        found.setdefault(trace.key.trial, trace)
    return list(found.values())


def disjoint_pools(task: TaskTraces, size: int, seed: int) -> list[list[Trace]]:
    """Cut a task's architectures at random into as many disjoint pools of one size as there are.

    Args:
        task: One trace for each architecture is used.
        size: Architectures of a pool.
        seed: Draws the cut.

    Raises:
        UserError: If the task has fewer architectures than one pool.
    """
    traces = first_seeds(task)
    if len(traces) < size:
        raise UserError(
            f"task {task.task!r} has {len(traces)} architectures, fewer than one pool of {size}. Ask for "
            "fewer trials, or record more."
        )
    order = np.random.default_rng(seed).permutation(len(traces))
    return [[traces[i] for i in order[k : k + size]] for k in range(0, len(traces) - size + 1, size)]
