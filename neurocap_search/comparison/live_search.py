"""One search of a live comparison: begun, gone on with, or read back."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from neurocap_search.comparison.config import CompareConfig, LiveConfig
from neurocap_search.comparison.results import Incumbent
from neurocap_search.config import SearchConfig
from neurocap_search.config_reader import dump_config, flat_keys
from neurocap_search.errors import UserError
from neurocap_search.tracking import Journal, SearchListener, SearchRecord
from neurocap_search.tracking.events import Event
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from neurocap_search.tracking.tables import write_text
from neurocap_search.tune import run_search
from neurocap_search.tune.parts import METRIC
from neurocap_search.tune.replay import fixed_settings

Listeners = Callable[[], Sequence[SearchListener]]


@dataclass(frozen=True)
class LiveSearch:
    """A finished search.

    Attributes:
        rule: Name of its rule.
        seed: Its seed.
        folder: Its run directory.
        record: Its trials.
        incumbents: The best fully trained trial over time.
        seconds: Wall-clock from its first event to its last, without the time between an interruption and
            the continuation.
        test: Test accuracy of the best trial; nan if there is none.
    """

    rule: str
    seed: int
    folder: Path
    record: SearchRecord
    incumbents: tuple[Incumbent, ...]
    seconds: float
    test: float


def search_config(
    config: CompareConfig, live: LiveConfig, rule: str, seed: int, folder: Path
) -> SearchConfig:
    """Return the search of a rule and seed; all searches of a comparison are kept in one MLflow store."""
    uri = config.tracking.uri or f"sqlite:///{folder / 'mlflow.db'}"
    tracking = {"uri": uri, "experiment": config.tracking.experiment}
    ours = {"name": f"{rule}-{seed}", "seed": seed, "tracking": tracking, "output": {"dir": folder}}
    scheduler = live.rules[rule].model_dump()
    return SearchConfig.model_validate({**live.search.model_dump(), **ours, "scheduler": scheduler})


def run_live_search(
    config: SearchConfig, folder: Path, listeners: Listeners, tags: Mapping[str, str]
) -> None:
    """Run a search, or go on with what there is of it.

    Args:
        config: The search.
        folder: Its run directory, made if need be.
        listeners: Makes what is told of it beside MLflow.
        tags: Of its run in MLflow.

    Raises:
        KeyboardInterrupt: If the search was cut off; what there is of it is kept.
        UserError: If anything the user gave cannot be used.
    """
    resume = (folder / "journal.jsonl").exists()
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.yaml", dump_config(config))
    made: list[MlflowTracker] = []

    def all_listeners() -> Sequence[SearchListener]:
        params = flat_keys(config.model_dump(mode="json"))
        to = config.tracking
        made.append(MlflowTracker(folder, to.uri, to.experiment, params, tags=tags))
        return [*made, *listeners()]

    try:
        outcome = run_search(config, folder, all_listeners, resume=resume)
    finally:
        for tracker in made:
            tracker.close()
    if outcome.interrupted:
        raise KeyboardInterrupt


def is_finished(config: SearchConfig, folder: Path) -> bool:
    """Return whether a search lies in a folder with nothing left to train.

    Raises:
        UserError: If another search lies there, or its files are damaged.
    """
    summary = _summary(folder)
    if summary is None:
        return False
    head = next(iter(Journal(folder / "journal.jsonl").read()))
    settings, known = fixed_settings(config), head["config"]
    changed = [name for name, value in settings.items() if value != known.get(name)]
    if summary["num_trials"] > config.search.num_trials:
        changed.append(f"search.num_trials (was {summary['num_trials']})")
    if changed:
        raise UserError(
            f"{folder} holds a search with other settings: {', '.join(changed)}. Undo the change, or compare "
            "in another folder."
        )
    return not summary["interrupted"] and summary["num_trials"] >= config.search.num_trials


def read_live_search(config: SearchConfig, rule: str, folder: Path) -> LiveSearch:
    """Read a search back.

    Raises:
        UserError: If its journal cannot be read.
    """
    record = SearchRecord(METRIC, config.training.epochs, config.search.num_trials)
    incumbents, seconds = _played(Journal(folder / "journal.jsonl").read(), record)
    test = (_summary(folder) or {}).get("test_accuracy")
    return LiveSearch(
        rule, config.seed, folder, record, tuple(incumbents), seconds, nan if test is None else test
    )


def _summary(folder: Path) -> dict[str, Any] | None:
    path = folder / "summary.json"
    if not path.is_file():
        return None
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(
            f"{path} is damaged: it is no JSON. Remove it, and the search is summed up again."
        ) from None
    return dict(summary)


def _played(events: Iterable[Event], record: SearchRecord) -> tuple[list[Incumbent], float]:
    """Bring an empty record to the end of the events; return the incumbents and the seconds it took."""
    incumbents: list[Incumbent] = []
    seconds, best = 0.0, None
    last: float | None = None
    for event in events:
        now = event.get("time", last)
        if last is not None and now is not None and event["event"] != "resumed":
            seconds += max(0.0, now - last)
        last = now
        record.apply(event)
        if event["event"] == "ended" and record.best is not None and record.best is not best:
            best = record.best
            epochs = sum(trial.epochs for trial in record)
            incumbents.append(Incumbent(seconds, epochs, best.final(record.metric) or 0.0))
    return incumbents, seconds
