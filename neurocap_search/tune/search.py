"""A whole search: Ray Tune trains, Optuna proposes, the policy prunes, the record is kept."""

import contextlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ray import tune

from neurocap_search.config import SearchConfig
from neurocap_search.pruning import FullTrainingPolicy, PruningPolicy, SuccessiveHalvingPolicy
from neurocap_search.tracking import (
    FigureWriter,
    Journal,
    SearchListener,
    SearchRecord,
    SearchRecorder,
    Summary,
    TableWriter,
    TrialRecord,
    summarise,
)
from neurocap_search.tracking.tables import write_json
from neurocap_search.training import ImageData, evaluate, load_images, load_weights
from neurocap_search.training.weights import WEIGHTS_FILE
from neurocap_search.tune.callback import RecordCallback
from neurocap_search.tune.cluster import ray_cluster
from neurocap_search.tune.quiet import logged_to
from neurocap_search.tune.replay import Replay, journal_head
from neurocap_search.tune.samplers import check_points, make_sampler
from neurocap_search.tune.scheduler import NeuralCapacitanceScheduler, PolicyScheduler
from neurocap_search.tune.searcher import Proposal, RecordedSearch
from neurocap_search.tune.trainable import Task, train_trial

METRIC = "val_accuracy"
TIME_ATTR = "epoch"


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


def make_scheduler(config: SearchConfig) -> PolicyScheduler:
    """Return the scheduler a configuration names."""
    settings, max_t = config.scheduler, config.training.epochs
    if settings.name == "none":
        return PolicyScheduler(
            lambda metric, mode: FullTrainingPolicy(max_t), time_attr=TIME_ATTR, metric=METRIC, mode="max"
        )
    rungs: dict[str, Any] = {
        "max_t": max_t,
        "grace_period": settings.grace_period,
        "reduction_factor": settings.reduction_factor,
        "brackets": settings.brackets,
    }
    if settings.name == "neural_capacitance":
        return NeuralCapacitanceScheduler(
            TIME_ATTR, METRIC, "max", **rungs, bounds=(0.0, 1.0), seed=config.seed
        )

    def make_asha(metric: str, mode: Literal["max", "min"]) -> PruningPolicy:
        rng = np.random.default_rng(config.seed)
        return SuccessiveHalvingPolicy(metric=metric, mode=mode, **rungs, rng=rng)

    return PolicyScheduler(make_asha, time_attr=TIME_ATTR, metric=METRIC, mode="max")


def make_searcher(config: SearchConfig, data: ImageData) -> RecordedSearch:
    """Return the seeded searcher of a configuration."""
    proposal = Proposal(config.space, data.input_shape, data.num_classes)
    sampler = make_sampler(config.search, config.seed)
    return RecordedSearch(proposal, sampler, METRIC, config.search.points_to_evaluate)


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
    accuracy = _keep_best(config, folder, data, record.best) if record.best else None
    summary = summarise(record, config.scheduler.grace_period, accuracy)
    recorder.tell(lambda listener: listener.on_search_end(record, summary))
    return SearchOutcome(summary, record, summary.interrupted > 0, dict(recorder.failures))


def _keep_best(config: SearchConfig, folder: Path, data: ImageData, trial: TrialRecord) -> float | None:
    """Write architecture and weights of the best trial; return its accuracy on the test images."""
    target = folder / "best"
    target.mkdir(exist_ok=True)
    shape, classes = data.input_shape, data.num_classes
    facts = {"trial": trial.name, "input_shape": list(shape), "num_classes": classes, **trial.config}
    write_json(target / "architecture.json", json.loads(json.dumps(facts)))
    if trial.weights is None:
        return None
    shutil.copyfile(Path(trial.weights) / WEIGHTS_FILE, target / WEIGHTS_FILE)
    model = config.space.build(trial.config["architecture"], shape, classes)
    load_weights(model, target)
    return evaluate(model, data.test, "test")["test_accuracy"]
