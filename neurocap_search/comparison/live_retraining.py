"""The winners of a live comparison trained once more: what is left of a lead is no luck of its seed."""

import json
from collections.abc import Callable, Sequence
from math import nan
from typing import Any

from neurocap_search.comparison.live_search import LiveSearch
from neurocap_search.config import SearchConfig
from neurocap_search.traces.population import Candidate
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recorder import make_task, train_all
from neurocap_search.traces.trace import Trace, TraceKey
from neurocap_search.tracking import TrialRecord
from neurocap_search.tracking.tables import write_json

FILE = "retrained.json"
SEED_OFFSET = 2**31
"""Added to the seed of a search: no search of a comparison has such a seed."""


def retrain_winners(
    search: SearchConfig, searches: Sequence[LiveSearch], start_cluster: Callable[[], None]
) -> None:
    """Train the winner of each search again with another seed, where that has not been done.

    All searches are of one seed; a winner that several of them found is trained once. The result lies in
    ``retrained.json`` in each search's folder.

    Args:
        search: Data, space, training and resources of the searches.
        searches: The searches.
        start_cluster: Called before the first training.
    """
    missing = [found for found in searches if found.record.best and _read(found) is None]
    candidates = {_key(found): _candidate(_best(found)) for found in missing}
    if not candidates:
        return
    start_cluster()
    settings = {name: getattr(search, name) for name in ("data", "space", "training", "resources")}
    task = make_task(RecordConfig(**settings))
    keys = [TraceKey(place, searches[0].seed + SEED_OFFSET) for place in range(len(candidates))]
    traces: list[Trace] = []
    train_all(task, keys, list(candidates.values()), search.resources, traces.append)
    by_winner = {list(candidates)[trace.key.trial]: trace for trace in traces}
    for found in missing:
        if _key(found) in by_winner:
            _write(found, by_winner[_key(found)])


def retrained_test(found: LiveSearch) -> float:
    """Return the test accuracy of the retrained winner; nan where there is none or it failed."""
    state = _read(found)
    value = state["test_accuracy"] if state else None
    return nan if value is None else float(value)


def _best(found: LiveSearch) -> TrialRecord:
    if found.record.best is None:
        raise ValueError(f"{found.folder}: no trial was trained to the end")
    return found.record.best


def _candidate(trial: TrialRecord) -> Candidate:
    return Candidate(trial.config["architecture"], trial.config["training"])


def _key(found: LiveSearch) -> str:
    return str(_candidate(_best(found)))


def _write(found: LiveSearch, trace: Trace) -> None:
    numbers = {name: trace.last(name) for name in ("val_accuracy", "test_accuracy")}
    facts = {"trial": _best(found).number, "seed": trace.key.seed, "failure": trace.failure}
    write_json(found.folder / FILE, {**facts, **numbers})


def _read(found: LiveSearch) -> dict[str, Any] | None:
    """Return the result, unless it is of another trial or cannot be read: then it is made again."""
    path = found.folder / FILE
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        is_ours = state["trial"] == _best(found).number and state["seed"] == found.seed + SEED_OFFSET
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(state) if is_ours else None
