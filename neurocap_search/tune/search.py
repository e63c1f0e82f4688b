"""A whole search: Ray Tune trains, Optuna proposes, the policy prunes, the record is kept."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from ray import tune

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import SearchConfig
from neurocap_search.errors import UserError
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
from neurocap_search.training.task import Task
from neurocap_search.tune.best import keep_best
from neurocap_search.tune.callback import RecordCallback
from neurocap_search.tune.limiter import ActiveTrialLimiter
from neurocap_search.tune.parts import METRIC, make_scheduler, make_searcher
from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.quiet import logged_to
from neurocap_search.tune.replay import Replay, fixed_settings, journal_head
from neurocap_search.tune.samplers import check_points, check_sampler
from neurocap_search.tune.searcher import RecordedSearch
from neurocap_search.tune.trainable import train_trial
from neurocap_search.tune.workers import trial_resources


@dataclass(frozen=True)
class SearchOutcome:
    """What :func:`run_search` returns.

    Attributes:
        summary: The figures.
        record: Every trial with its curve and decisions.
        interrupted: True if trials were cut off or not begun.
        warnings: What went wrong beside the trials.
    """

    summary: Summary
    record: SearchRecord
    interrupted: bool
    warnings: list[str]


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
    with _locked(folder), logged_to(folder / "search.log"):
        check_sampler(config.search, config.space)
        check_points(config.search.points_to_evaluate, config.space)
        data = load_images(config.data)
        return _run(config, folder, data, listeners, resume)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second process out of the run directory: two journals in one could not be read again."""
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"Another process is running the search in {folder}. Wait for it or stop it."
        ) from None


def _run(
    config: SearchConfig,
    folder: Path,
    data: ImageData,
    listeners: Callable[[], Sequence[SearchListener]],
    resume: bool,
) -> SearchOutcome:
    record = SearchRecord(METRIC, config.training.epochs, config.search.num_trials)
    journal = Journal(folder / "journal.jsonl")
    scheduler = make_scheduler(config)
    searcher = make_searcher(config, data, scheduler, study_name=folder.resolve().name)
    replay = Replay(record, searcher, scheduler)
    restarted = replay.run(journal, fixed_settings(config)) if resume else []
    to_do = max(0, config.search.num_trials - len(record.finished))
    with ray_cluster(config.resources) if to_do else contextlib.nullcontext():
        # Nothing is written before data, cluster and listeners have proved usable.
        recorder = SearchRecorder(record, journal, [TableWriter(folder), FigureWriter(folder), *listeners()])
        searcher.recorder = scheduler.recorder = recorder
        if resume:
            recorder.resumed(restarted)
        else:
            recorder.begun(journal_head(config))
        recorder.tell(lambda listener: listener.on_search_start(record))
        if to_do:
            replay.go_on(recorder, restarted)
        if config.search.num_trials > len(record.finished):
            _fit(config, folder, data, recorder, scheduler, searcher)
    changed = [f"{name} was {known} when the search began" for name, known in replay.libraries.items()]
    if searcher.exhausted:
        changed.append("every architecture that the space gives was tried; the search ended before its time")
        record.num_trials = len(record.trials)
    scheduler.note_insight()
    return _conclude(config, folder, data, recorder, changed)


def _fit(
    config: SearchConfig,
    folder: Path,
    data: ImageData,
    recorder: SearchRecorder,
    scheduler: PolicyScheduler,
    searcher: RecordedSearch,
) -> None:
    """Run the trials that are still to do."""
    trainable = tune.with_resources(
        tune.with_parameters(train_trial, task=_task(config, data, scheduler)),
        trial_resources(config.resources),
    )
    most = config.search.max_concurrent
    attempts = len(list(folder.glob("ray-*")))
    tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher if most is None else ActiveTrialLimiter(searcher, scheduler, most),
            scheduler=scheduler,
            num_samples=config.search.num_trials - len(recorder.record.finished),
            reuse_actors=True,  # a new actor imports torch for seconds
            trial_name_creator=_trial_id,
            trial_dirname_creator=_trial_id,
        ),
        run_config=tune.RunConfig(
            name=f"ray-{attempts + 1}",
            storage_path=str(folder.resolve()),
            callbacks=[RecordCallback(scheduler, searcher=searcher, keep_pruned=False)],
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
            failure_config=tune.FailureConfig(max_failures=config.resources.max_failures),
            verbose=0,
        ),
    ).fit()


def _task(config: SearchConfig, data: ImageData, scheduler: PolicyScheduler) -> Task:
    training = config.training
    if training.device == "auto" and config.resources.gpus_per_trial == 0:
        # Ray hides no GPU from a trial that asked for none; all of them would crowd onto the first.
        training = training.model_copy(update={"device": "cpu"})
    return Task(
        data=data,
        space=config.space,
        training=training,
        metric=METRIC,
        seed=config.seed,
        resources=config.resources,
        milestones=frozenset(math.ceil(epoch) for epoch in scheduler.policy.milestones),
        early_stops=scheduler.policy.early_stops,
    )


def _trial_id(trial: tune.experiment.Trial) -> str:
    return str(trial.trial_id)


def _conclude(
    config: SearchConfig, folder: Path, data: ImageData, recorder: SearchRecorder, warnings: list[str]
) -> SearchOutcome:
    """Keep the best network, add up and tell the listeners."""
    record = recorder.record
    accuracy = keep_best(config, folder, data, record.best) if record.best else None
    summary = summarise(record, config.scheduler.grace_period, accuracy)
    recorder.tell(lambda listener: listener.on_search_end(record, summary))
    stopped = [f"{name} stopped: {error}" for name, error in recorder.failures.items()]
    return SearchOutcome(summary, record, summary.interrupted > 0, warnings + stopped)
