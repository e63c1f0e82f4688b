"""Several workers in one trial, under a real Ray."""

import math
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from pydantic import ValidationError
from ray import tune
from ray.exceptions import RayActorError

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import DataConfig, ResourcesConfig, TrainingConfig
from neurocap_search.errors import UserError
from neurocap_search.training import load_images
from neurocap_search.training.task import Task
from neurocap_search.tune.results import FAILURE
from neurocap_search.tune.trainable import train_trial
from neurocap_search.tune.workers import ParallelTraining, WorkerPool, trial_resources
from tests.tune.fragile_space import FragileSpace

pytestmark = pytest.mark.timeout(400)

TWO = ResourcesConfig(workers_per_trial=2)
PLAIN = {"space": "mlp", "widths": [16], "activation": "relu", "normalisation": "none", "dropout": 0.0}
BREAKS = PLAIN | {"activation": "silu"}


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    with ray_cluster(ResourcesConfig(num_cpus=4)):
        yield


@pytest.fixture(scope="class")
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(task())
    yield made
    made.close()


def task(resources: ResourcesConfig = TWO, **space: Any) -> Task:
    """A task of three epochs with four batches each."""
    return Task(
        data=load_images(DataConfig(train_size=128, validation_size=60, test_size=10)),
        space=FragileSpace(**space),
        training=TrainingConfig(epochs=3, batch_size=32, probe_samples=32, device="cpu"),
        metric="val_accuracy",
        seed=0,
        resources=resources,
        milestones=frozenset({1}),
    )


def trial(architecture: dict[str, Any]) -> dict[str, Any]:
    return {"architecture": architecture, "training": {}}


def numbers(metrics: dict[str, float]) -> dict[str, float]:
    return {k: v for k, v in metrics.items() if k != "measure_seconds"}


def alone(architecture: dict[str, Any], **space: Any) -> list[dict[str, float]]:
    training = task(ResourcesConfig(), **space).start(trial(architecture))
    return [numbers(report.metrics) for report in training.reports()]


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def nothing_left() -> bool:
    """Whether all resources are free and every placement group is gone."""
    free, all_of_them = ray.available_resources(), ray.cluster_resources()
    groups = [g for g in ray.util.placement_group_table().values() if g["state"] != "REMOVED"]
    return free.get("CPU") == all_of_them["CPU"] == 4 and not groups


class TestPool:
    """One pool for several trials."""

    def test_two_workers_report_and_save_what_one_does(self, pool: WorkerPool, tmp_path: Path) -> None:
        training = ParallelTraining(pool, trial(PLAIN))
        reports = list(training.reports())
        for mine, theirs in zip((numbers(report.metrics) for report in reports), alone(PLAIN), strict=True):
            assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)
        training.save(tmp_path)
        again = task(ResourcesConfig()).start(trial(PLAIN))
        again.load(tmp_path)
        assert again.epoch == 3

    def test_a_training_of_two_workers_is_taken_up_bit_for_bit_also_with_dropout(
        self, pool: WorkerPool, tmp_path: Path
    ) -> None:
        config = trial(PLAIN | {"dropout": 0.3, "normalisation": "batch"})
        training, expected = ParallelTraining(pool, config), []
        for report in training.reports():
            expected.append(numbers(report.metrics))
            if report.epoch == 1:
                training.save(tmp_path)
        again = list(ParallelTraining(pool, config, tmp_path).reports())
        assert [report.epoch for report in again] == [2, 3]
        assert [numbers(report.metrics) for report in again] == expected[1:]

    def test_an_abandoned_training_leaves_the_workers_ready_for_the_next(self, pool: WorkerPool) -> None:
        expected = [numbers(report.metrics) for report in ParallelTraining(pool, trial(PLAIN)).reports()]
        next(ParallelTraining(pool, trial(PLAIN | {"widths": [8]})).reports())
        again = [numbers(report.metrics) for report in ParallelTraining(pool, trial(PLAIN)).reports()]
        assert again == expected


def test_the_error_of_a_worker_is_raised_as_it_was_and_the_death_of_one_as_ray_s(tmp_path: Path) -> None:
    pool = WorkerPool(task())
    with pytest.raises(RuntimeError) as broken:
        list(ParallelTraining(pool, trial(BREAKS)).reports())
    assert (type(broken.value), str(broken.value)) == (RuntimeError, "out of order\nsecond line")
    assert pool.closed
    assert eventually(nothing_left)

    pool = WorkerPool(task(flag=tmp_path / "flag"))
    with pytest.raises(RayActorError):  # the other worker merely loses its peer
        list(ParallelTraining(pool, trial(BREAKS)).reports())
    assert pool.closed
    assert eventually(nothing_left)


class Collect(tune.Callback):
    """Keeps every result of every trial."""

    def __init__(self) -> None:
        self.results: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def on_trial_result(self, iteration, trials, trial, result, **info) -> None:
        self.results[trial.trial_id].append(dict(result))


class StopSmall(tune.schedulers.FIFOScheduler):
    """Stops a network of width 8 after its first epoch, and sees which processes train."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: set[int] = set()

    def on_trial_result(self, controller, trial, result):
        actors = ray._private.state.actors().values()
        self.processes |= {actor["Pid"] for actor in actors if actor["State"] == "ALIVE"}
        return self.STOP if trial.config["architecture"]["widths"] == [8] else self.CONTINUE


def run(
    folder: Path, shared: Task, architectures: list[dict], scheduler=None, failures=0
) -> tuple[list[list[dict[str, Any]]], tune.ResultGrid]:
    collect = Collect()
    trainable = tune.with_parameters(train_trial, task=shared)
    grid = tune.Tuner(
        tune.with_resources(trainable, trial_resources(shared.resources)),
        param_space={"architecture": tune.grid_search(architectures), "training": {}},
        tune_config=tune.TuneConfig(reuse_actors=True, scheduler=scheduler),
        run_config=tune.RunConfig(
            storage_path=str(folder),
            verbose=0,
            callbacks=[collect],
            failure_config=tune.FailureConfig(max_failures=failures),
        ),
    ).fit()
    return [collect.results[result.metrics["trial_id"]] for result in grid], grid


@pytest.mark.slow
def test_trials_that_end_are_stopped_or_fail_leave_no_actor_and_no_placement_group(tmp_path: Path) -> None:
    scheduler = StopSmall()
    architectures = [PLAIN, PLAIN | {"widths": [8]}, BREAKS, PLAIN, PLAIN | {"widths": [8]}]
    curves, grid = run(tmp_path, task(), architectures, scheduler)
    assert not grid.errors
    assert [len(curve) for curve in curves] == [3, 1, 2, 3, 1]
    assert curves[2][1][FAILURE] == "RuntimeError: out of order"
    assert math.isnan(curves[2][1]["val_accuracy"])
    for curve in (curves[0], curves[3]):
        for result, expected in zip(curve, alone(PLAIN), strict=True):
            assert {name: result[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert eventually(nothing_left)
    assert len(scheduler.processes) >= 6  # two trials at once: two processes of Tune's and four workers
    assert eventually(lambda: not any(running(pid) for pid in scheduler.processes))
    assert all(actor["State"] == "DEAD" for actor in ray._private.state.actors().values())


def test_a_worker_that_dies_is_replaced_and_the_trial_goes_on_from_its_checkpoint(
    tmp_path: Path,
) -> None:
    shared = task(flag=tmp_path / "flag")
    (curve,), grid = run(tmp_path, shared, [BREAKS], failures=1)
    assert not grid.errors
    assert (tmp_path / "flag").exists()
    assert [result["epoch"] for result in curve] == [1, 2, 3]
    assert not any(FAILURE in result for result in curve)
    for result, expected in zip(curve, alone(BREAKS, flag=tmp_path / "flag"), strict=True):
        assert {name: result[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert eventually(nothing_left)


class KillTrial(tune.Callback):
    """Kills the process of a trial at its first report, its workers not."""

    def __init__(self) -> None:
        self.workers: set[int] = set()

    def on_trial_result(self, iteration, trials, trial, result, **info) -> None:
        if not self.workers:
            alive = {a["Pid"] for a in ray._private.state.actors().values() if a["State"] == "ALIVE"}
            self.workers = alive - {result["pid"]}
            os.kill(result["pid"], signal.SIGKILL)


def test_the_workers_end_with_the_process_of_their_trial(tmp_path: Path) -> None:
    killer = KillTrial()
    shared = task()
    grid = tune.Tuner(
        tune.with_resources(tune.with_parameters(train_trial, task=shared), trial_resources(TWO)),
        param_space=trial(PLAIN),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0, callbacks=[killer]),
    ).fit()
    assert len(grid.errors) == 1
    assert len(killer.workers) == 2
    assert eventually(nothing_left)
    assert eventually(lambda: not any(running(pid) for pid in killer.workers))


def test_a_trial_asks_for_a_bundle_for_each_worker_and_nothing_for_itself() -> None:
    assert trial_resources(ResourcesConfig(cpus_per_trial=2)) == {"cpu": 2, "gpu": 0}
    asked = trial_resources(ResourcesConfig(cpus_per_trial=2, gpus_per_trial=1, workers_per_trial=3))
    assert asked.bundles == [{"CPU": 2, "GPU": 1}] * 3
    assert asked.head_bundle_is_empty


def test_more_workers_than_the_cluster_can_hold_are_refused() -> None:
    with ray_cluster(ResourcesConfig(cpus_per_trial=2, workers_per_trial=2)):
        pass
    message = "asks for 3 workers of 2 CPUs and 0 GPUs each, but the cluster has room for 2. Lower resources"
    with (
        pytest.raises(UserError, match=message),
        ray_cluster(ResourcesConfig(cpus_per_trial=2, workers_per_trial=3)),
    ):
        pass
    with (
        pytest.raises(UserError, match="a trial asks for 5 CPUs and 0 GPUs, but the largest node has 4 CPUs"),
        ray_cluster(ResourcesConfig(cpus_per_trial=5, workers_per_trial=2)),
    ):
        pass


@pytest.mark.parametrize("gpus", [0.5, 2])
def test_a_worker_has_one_gpu_of_its_own_or_none(gpus: float) -> None:
    with pytest.raises(ValidationError, match="each worker trains on one GPU of its own, give 0 or 1"):
        ResourcesConfig(workers_per_trial=2, gpus_per_trial=gpus)
    assert ResourcesConfig(workers_per_trial=2, gpus_per_trial=1).gpus_per_trial == 1
    assert ResourcesConfig(gpus_per_trial=gpus).workers_per_trial == 1
