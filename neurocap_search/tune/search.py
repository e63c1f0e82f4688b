"""A whole search: Ray Tune trains, Optuna proposes, the policy prunes, the record is kept."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ray import tune

from neurocap_search.config import SearchConfig
from neurocap_search.tracking import (
    FigureWriter,
    Journal,
    SearchListener,
    SearchRecord,
    SearchRecorder,
    Summary,
    TableWriter,
    summarise,
)
from neurocap_search.training import ImageData, load_images
from neurocap_search.tune.best import keep_best
from neurocap_search.tune.callback import RecordCallback
from neurocap_search.tune.cluster import ray_cluster
from neurocap_search.tune.parts import METRIC, TIME_ATTR, make_scheduler, make_searcher
from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.quiet import logged_to
from neurocap_search.tune.replay import Replay, journal_head
from neurocap_search.tune.samplers import check_points
from neurocap_search.tune.searcher import RecordedSearch
from neurocap_search.tune.trainable import Task, train_trial


@dataclass(frozen=True)
class SearchOutcome:
    """What :func:`run_search` returns.

    Attributes:
        summary: The figures.
        record: Every trial with its curve and decisions.
        interrupted: True if the search was stopped before all trials had ended.
        failures: Listeners that failed, with their error.
    """

    summary: Summary
    record: SearchRecord
    interrupted: bool
    failures: dict[str, str]


def run_search(
    config: SearchConfig,
    folder: Path,
    listeners: Callable[[], Sequence[SearchListener]] = tuple,
    *,
    resume: bool = False,
) -> SearchOutcome:
    """Run an architecture search and leave its record in ``folder``.

    Ctrl-C stops it cleanly: the trials that have ended are kept, and with ``resume`` the search goes
    on with the others.

    Args:
        config: The whole configuration.
        folder: The run directory; must exist, and with ``resume`` hold the journal of a search.
        listeners: Makes further listeners, MLflow or the screen; called when the input has been checked.
        resume: Go on with the search in ``folder``.

    Raises:
        UserError: If data, points to evaluate, cluster or journal cannot be used.
    """
    check_points(config.search.points_to_evaluate, config.space)
    data = load_images(config.data)
    with logged_to(folder / "search.log"):
        return _run(config, folder, data, listeners, resume)


def _run(
    config: SearchConfig,
    folder: Path,
    data: ImageData,
    listeners: Callable[[], Sequence[SearchListener]],
    resume: bool,
) -> SearchOutcome:
    record = SearchRecord(METRIC, config.training.epochs, config.search.num_trials)
    journal = Journal(folder / "journal.jsonl")
    scheduler, searcher = make_scheduler(config), make_searcher(config, data)
    if resume:
        Replay(record, searcher, scheduler.policy).run(journal)
    to_do = config.search.num_trials - len(record.finished)
    with ray_cluster(config.resources) if to_do else contextlib.nullcontext():
        # Nothing is written before data, cluster and listeners have proved usable.
        recorder = SearchRecorder(record, journal, [TableWriter(folder), FigureWriter(folder), *listeners()])
        searcher.recorder = recorder
        if not resume:
            journal.append(journal_head())
        recorder.tell(lambda listener: listener.on_search_start(record))
        if to_do:
            _fit(config, folder, data, recorder, scheduler, searcher)
    return _conclude(config, folder, data, recorder)


def _fit(
    config: SearchConfig,
    folder: Path,
    data: ImageData,
    recorder: SearchRecorder,
    scheduler: PolicyScheduler,
    searcher: RecordedSearch,
) -> None:
    """Run the trials that are still to do."""
    resources = config.resources
    task = Task(data, config.space, config.training, config.seed, max(1, int(resources.cpus_per_trial)))
    trainable = tune.with_resources(
        tune.with_parameters(train_trial, task=task),
        {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial},
    )
    attempts = len(list(folder.glob("ray-*")))
    tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=config.search.num_trials - len(recorder.record.finished),
            max_concurrent_trials=config.search.max_concurrent,
            reuse_actors=True,  # a new actor imports torch for seconds
            trial_name_creator=_trial_id,
            trial_dirname_creator=_trial_id,
        ),
        run_config=tune.RunConfig(
            name=f"ray-{attempts + 1}",
            storage_path=str(folder.resolve()),
            callbacks=[RecordCallback(recorder, scheduler, TIME_ATTR)],
            verbose=0,
        ),
    ).fit()


def _trial_id(trial: tune.experiment.Trial) -> str:
    return str(trial.trial_id)


def _conclude(config: SearchConfig, folder: Path, data: ImageData, recorder: SearchRecorder) -> SearchOutcome:
    """Keep the best network, add up and tell the listeners."""
    record = recorder.record
    accuracy = keep_best(config, folder, data, record.best) if record.best else None
    summary = summarise(record, config.scheduler.grace_period, accuracy)
    recorder.tell(lambda listener: listener.on_search_end(record, summary))
    return SearchOutcome(summary, record, summary.interrupted > 0, dict(recorder.failures))
