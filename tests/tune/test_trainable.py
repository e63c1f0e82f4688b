"""One trial under a real Ray: the same in a fresh and a used actor, and what becomes of failures."""

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray import tune

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import DataConfig, ResourcesConfig, TrainingConfig
from neurocap_search.training import load_images
from neurocap_search.training.task import Task
from neurocap_search.tune.results import FAILURE, RESUME_FROM
from neurocap_search.tune.trainable import train_trial
from tests.tune.fragile_space import FragileSpace, alive

pytestmark = pytest.mark.timeout(300)

A = {"space": "mlp", "widths": [16], "activation": "relu", "normalisation": "batch", "dropout": 0.2}
B = A | {"widths": [32, 8], "activation": "tanh", "normalisation": "layer"}
BREAKS = A | {"activation": "silu"}
WRONG = A | {"widths": []}
TIMES = {"epoch_seconds", "measure_seconds"}


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    with ray_cluster(ResourcesConfig(num_cpus=1)):
        yield


def task(**changes: Any) -> Task:
    """A task of three epochs with four batches each; fragile networks break in the second."""
    return Task(
        data=load_images(DataConfig(train_size=128, validation_size=60, test_size=10)),
        space=FragileSpace(),
        training=TrainingConfig(epochs=3, batch_size=32, probe_samples=32, device="cpu"),
        metric="val_accuracy",
        seed=0,
        resources=ResourcesConfig(),
        **changes,
    )


class Collect(tune.Callback):
    """Keeps every result of every trial, in the order of the trials."""

    def __init__(self) -> None:
        self.results: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def on_trial_result(self, iteration, trials, trial, result, **info) -> None:
        self.results[trial.trial_id].append(dict(result))


def run(
    folder: Path, shared: Task, architectures: list[dict], trainable=train_trial, failures=0, **further: Any
) -> tuple[list[list[dict[str, Any]]], tune.ResultGrid]:
    """Run the architectures one after another in reused actors; return the results of each."""
    collect = Collect()
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(trainable, task=shared), {"cpu": 1}),
        param_space={"architecture": tune.grid_search(architectures), "training": {}, **further},
        tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=1),
        run_config=tune.RunConfig(
            storage_path=str(folder),
            verbose=0,
            callbacks=[collect],
            failure_config=tune.FailureConfig(max_failures=failures),
        ),
    )
    grid = tuner.fit()
    return list(collect.results.values()), grid


def numbers(results: list[dict[str, Any]], names: set[str]) -> list[dict[str, float]]:
    return [{name: result[name] for name in names} for result in results]


def undisturbed(shared: Task, architecture: dict[str, Any]) -> tuple[list[dict[str, float]], set[str]]:
    """The curve of a training in this process, without Ray, and the names of its numbers."""
    reports = list(shared.start({"architecture": architecture, "training": {}}).reports())
    names = set(reports[0].metrics) - TIMES
    return [{name: report.metrics[name] for name in names} for report in reports], names


def test_a_trial_gives_the_same_curve_in_a_fresh_actor_a_used_one_and_without_ray(tmp_path: Path) -> None:
    shared = task()
    curves, grid = run(tmp_path, shared, [A, B, A, BREAKS, WRONG, A])
    assert len({curve[0]["pid"] for curve in curves}) == 1  # all in one actor
    expected, names = undisturbed(shared, A)
    for index in (0, 2, 5):
        assert numbers(curves[index], names) == expected
    assert numbers(curves[1], names) == undisturbed(shared, B)[0] != expected
    assert [len(curve) for curve in curves] == [3, 3, 3, 2, 1, 3]
    assert not grid.errors
    assert curves[3][1][FAILURE] == "RuntimeError: out of order"
    assert math.isnan(curves[3][1]["val_accuracy"])
    assert FAILURE not in curves[3][0]
    assert curves[4][0][FAILURE].startswith("ValueError: widths must be a list of one or more positive")
    assert [grid[index].checkpoint is None for index in range(6)] == [False, False, False, True, True, False]


class Scheduler(tune.schedulers.FIFOScheduler):
    """Stops every trial but B at its second report, as a pruning scheduler would."""

    def on_trial_result(self, controller, trial, result):
        wanted = trial.config["architecture"] != B and result["training_iteration"] == 2
        return self.STOP if wanted else self.CONTINUE


def ends_are_noted(config, task):
    """Note by which exception the trial ended and how many networks are left."""
    end = "returned"
    try:
        train_trial(config, task)
    except BaseException as error:
        end = type(error).__name__
        raise
    finally:
        with Path(config["notes"]).open("a") as notes:
            notes.write(f"{end} {alive()}\n")


def test_no_end_of_a_trial_leaves_a_network_behind_and_to_be_stopped_is_no_failure(tmp_path: Path) -> None:
    collect, notes = Collect(), tmp_path / "notes"
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(ends_are_noted, task=task()), {"cpu": 1}),
        param_space={
            "architecture": tune.grid_search([A, WRONG, BREAKS, A, B]),
            "training": {},
            "notes": str(notes),
        },
        tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=1, scheduler=Scheduler()),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0, callbacks=[collect]),
    )
    assert not tuner.fit().errors
    curves = list(collect.results.values())
    assert [[FAILURE in result for result in curve] for curve in curves] == [
        [False, False],
        [True],
        [False, True],
        [False, False],
        [False, False, False],
    ]
    assert len({curve[0]["pid"] for curve in curves}) == 1
    ends = ["SystemExit 0", "returned 0", "SystemExit 0", "SystemExit 0", "returned 0"]
    assert notes.read_text().splitlines() == ends


def test_divergence_is_a_failure_with_its_reason_in_one_line(tmp_path: Path) -> None:
    shared = task()
    curves, grid = run(tmp_path, shared, [A | {"normalisation": "none"}], training={"learning_rate": 1e30})
    assert curves[0][-1][FAILURE].startswith("DivergedError: The training loss is ")
    assert "\n" not in curves[0][-1][FAILURE]
    assert not grid.errors


def disk_is_full_once(config, task):
    """Let the first report with a checkpoint fail, as a full disk would."""
    report, flag = tune.report, Path(config["flag"])

    def failing(metrics, **further):
        if further["checkpoint"] is not None and not flag.exists():
            flag.touch()
            raise OSError("No space left on device")
        report(metrics, **further)

    tune.report = failing
    try:
        train_trial(config, task)
    finally:
        tune.report = report


def test_a_report_that_cannot_be_stored_is_no_failure_of_the_architecture(tmp_path: Path) -> None:
    shared = task(milestones=frozenset({2}))
    curves, grid = run(tmp_path, shared, [A], disk_is_full_once, failures=1, flag=str(tmp_path / "flag"))
    assert not grid.errors
    assert [result["epoch"] for result in curves[0]] == [1, 1, 2, 3]
    expected, names = undisturbed(shared, A)
    assert numbers(curves[0][1:], names) == expected


def test_milestones_and_the_last_epoch_carry_a_checkpoint_from_which_a_trial_goes_on(tmp_path: Path) -> None:
    shared = task(milestones=frozenset({1}))
    curves, grid = run(tmp_path, shared, [A])
    assert [result["checkpoint_dir_name"] for result in curves[0]] == [
        "checkpoint_000000",
        None,
        "checkpoint_000001",
    ]
    expected, names = undisturbed(shared, A)
    first = Path(grid[0].checkpoint.path).with_name("checkpoint_000000")
    resumed, _ = run(tmp_path, shared, [A], **{RESUME_FROM: str(first)})
    assert [result["epoch"] for result in resumed[0]] == [2, 3]
    assert numbers(resumed[0], names) == expected[1:]


def test_a_damaged_checkpoint_fails_the_trial_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    curves, _ = run(tmp_path, task(), [A], **{RESUME_FROM: str(tmp_path / "damaged")})
    assert curves[0][-1][FAILURE].startswith("UserError: No weights at ")


def test_a_trial_reports_within_its_first_epoch_what_training_knows_and_trains_as_without(
    tmp_path: Path,
) -> None:
    curves, grid = run(tmp_path, task(early_stops=(0.5,), milestones=frozenset({1})), [A])
    assert [result["epoch"] for result in curves[0]] == [0.5, 1, 2, 3]
    assert math.isnan(curves[0][0]["val_accuracy"])
    assert curves[0][0]["train_loss"] > 0
    assert curves[0][0]["checkpoint_dir_name"] is None
    expected, names = undisturbed(task(), A)
    assert numbers(curves[0][1:], names) == expected
    assert not grid.errors
