"""Records a population on the cluster, without pruning."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from importlib.metadata import version

import ray
from ray.exceptions import RayError

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import ResourcesConfig
from neurocap_search.traces.population import Candidate, draw_population, planned, planned_best
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recording_file import RecordingFile
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace, TraceKey
from neurocap_search.traces.training_run import record_trace
from neurocap_search.training import load_images
from neurocap_search.training.task import Task

_log = logging.getLogger(__name__)
_PACKAGES = ("neurocap-search", "torch", "torchvision", "numpy", "scikit-learn", "optuna")
_QUEUED = 2
"""Trainings handed to Ray for each one that runs, so that no worker waits for the driver."""

OnTrace = Callable[[Trace], None]


def _ignore(trace: Trace) -> None:
    pass


def head_of(config: RecordConfig) -> TaskTraces:
    """Return the task of a recording, without traces."""
    return TaskTraces(
        task=config.name,
        epochs=config.training.epochs,
        traces=(),
        protocol=config.protocol(),
        libraries={name: version(name) for name in _PACKAGES},
        data_licence=config.data_licence,
    )


def record(
    config: RecordConfig, recording: RecordingFile, on_trace: OnTrace = lambda trace: None
) -> list[str]:
    """Train what is still missing in a recording, on the cluster; Ctrl-C loses only what runs.

    Args:
        config: The population and its training.
        recording: Takes the traces.
        on_trace: Called for each finished training.

    Returns:
        What could not be recorded because its worker was lost, in words; to be tried again.

    Raises:
        UserError: If data, space or cluster cannot be used.
    """
    candidates = draw_population(config.space, config.population.architectures, config.population.seed)
    task = make_task(config)

    def missing() -> list[TraceKey]:
        keys = planned(config) + planned_best(config, recording.traces, task.metric)
        return [key for key in dict.fromkeys(keys) if key not in recording.traces]

    def keep(trace: Trace) -> None:
        recording.append(trace)
        on_trace(trace)

    if not missing():
        return []
    with ray_cluster(config.resources):
        lost = train_all(task, missing(), candidates, config.resources, keep)
        # Who is best is known only now.
        return lost or train_all(task, missing(), candidates, config.resources, keep)


def train_all(
    task: Task,
    missing: Sequence[TraceKey],
    candidates: Sequence[Candidate],
    resources: ResourcesConfig,
    keep: OnTrace,
) -> list[str]:
    """Train networks to the end on the cluster that runs.

    Every worker is kept busy; the queue stays short, so that the order is kept and a stop is quick.

    Args:
        task: What all trainings share.
        missing: Which trainings, in their order.
        candidates: The networks; a key's ``trial`` is the place of its network here.
        resources: What a training gets.
        keep: Called for each finished training.

    Returns:
        What could not be trained because its worker was lost, in words.
    """
    train = ray.remote(record_trace).options(
        num_cpus=resources.cpus_per_trial,
        num_gpus=resources.gpus_per_trial,
        max_retries=resources.max_failures,
    )
    shared = ray.put(task)
    room = _QUEUED * max(1, int(ray.cluster_resources().get("CPU", 1) / max(resources.cpus_per_trial, 1e-9)))
    waiting, running, lost = deque(missing), dict[ray.ObjectRef, TraceKey](), list[str]()
    while waiting or running:
        while waiting and len(running) < room:
            key = waiting.popleft()
            running[train.remote(shared, key, candidates[key.trial])] = key
        (done,), _ = ray.wait(list(running))
        key = running.pop(done)
        try:
            keep(ray.get(done))
        except RayError as error:
            lost.append(f"trial {key.trial}, seed {key.seed}: {str(error).splitlines()[0]}")
            _log.warning("not recorded: %s", lost[-1])
    return lost


def make_task(config: RecordConfig) -> Task:
    """Return what all trainings of a recording share; loads the images."""
    training = config.training
    if training.device == "auto" and config.resources.gpus_per_trial == 0:
        # Ray hides no GPU from a task that asked for none; all of them would crowd onto the first.
        training = training.model_copy(update={"device": "cpu"})
    return Task(
        data=load_images(config.data),
        space=config.space,
        training=training,
        metric="val_accuracy",
        seed=config.seed,
        resources=config.resources,
    )
