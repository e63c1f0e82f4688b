"""A comparison by real searches: the same architectures, weights and order of the images for every rule."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from math import nan
from pathlib import Path
from typing import NamedTuple

from neurocap_search.cluster import ray_cluster
from neurocap_search.comparison.concurrency import trials_at_once
from neurocap_search.comparison.config import CompareConfig, LiveConfig
from neurocap_search.comparison.live_results import run_results
from neurocap_search.comparison.live_retraining import retrain_winners, retrained_test
from neurocap_search.comparison.live_search import (
    Listeners,
    LiveSearch,
    is_finished,
    read_live_search,
    run_live_search,
    search_config,
)
from neurocap_search.comparison.results import Results, RunResult
from neurocap_search.tracking.mlflow_contents import PARENT_RUN
from neurocap_search.tune.parts import METRIC


class Progress(NamedTuple):
    """How far a live comparison is.

    Attributes:
        done: Searches that are finished.
        total: All searches.
        search: The one that has just been finished, or read back.
        is_new: Whether it was trained now.
    """

    done: int
    total: int
    search: LiveSearch
    is_new: bool


def compare_live(
    config: CompareConfig,
    folder: Path,
    *,
    parent_run: str = "",
    listeners: Listeners = tuple,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Results:
    """Run one search for each rule and seed, and return what they came to.

    Each lies in ``folder/RULE-SEED`` like any other search. What is finished there is read back, what was
    interrupted goes on, so the same call goes on where it was cut off. The searches of one seed come one
    after another, and propose the same architectures (unless their sampler learns: see
    :class:`~neurocap_search.comparison.config.LiveConfig`), each with the same initial weights and the same
    order of the images. All rules are given the same trials and the same epochs for each.

    When not to use it: to compare many rules with confidence. Each run costs a search; record the
    trainings once and replay them instead.

    Args:
        config: A comparison with ``live``.
        folder: Where the searches are kept.
        parent_run: MLflow's id of the comparison's run, of which the searches' runs become children.
        listeners: Makes what is told of each search beside MLflow, such as a screen.
        on_progress: Called after each search.

    Raises:
        UserError: If anything the user gave cannot be used, or another search lies in the folder.
        KeyboardInterrupt: If a search was cut off.
        ValueError: If the comparison is no live one.
    """
    if config.live is None:
        raise ValueError("a replayed comparison has no searches; give one with the section live:")
    live, folder = config.live, folder.resolve()
    total = config.seeds * len(live.rules)
    runs: list[RunResult] = []
    with ExitStack() as stack:

        @cache
        def start_cluster() -> None:
            stack.enter_context(ray_cluster(live.search.resources))

        for number, seed in enumerate(config.all_seeds):
            searches: list[LiveSearch] = []
            for rule in live.rules:
                search = search_config(config, live, rule, seed, folder)
                at = folder / search.name
                is_new = not is_finished(search, at)
                if is_new:
                    start_cluster()
                    run_live_search(search, at, listeners, _tags(rule, seed, parent_run))
                searches.append(read_live_search(search, rule, at))
                on_progress(Progress(number * len(live.rules) + len(searches), total, searches[-1], is_new))
            if live.retrain:
                retrain_winners(search, searches, start_cluster)
            runs += _runs(live, searches)
    return Results(tuple(runs), config.candidate, config.rival, "live", METRIC)


def _runs(live: LiveConfig, searches: Sequence[LiveSearch]) -> list[RunResult]:
    """Return the results of one seed; the test metric is that of the winners trained again."""
    test = retrained_test if live.retrain else _unknown
    return run_results(live.search.name, searches, trials_at_once(live.search), test)


def _unknown(search: LiveSearch) -> float:
    return nan


def _tags(rule: str, seed: int, parent_run: str) -> dict[str, str]:
    tags = {"neurocap.rule": rule, "neurocap.seed": str(seed)}
    return tags | ({PARENT_RUN: parent_run} if parent_run else {})
