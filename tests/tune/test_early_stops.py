"""A Tune program of one's own whose trials report in the middle of their first epoch."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray import tune

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import ResourcesConfig
from neurocap_search.tune import NeuralCapacitanceScheduler

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    with ray_cluster(ResourcesConfig(num_cpus=1)):
        yield


def train(config: dict[str, Any]) -> None:
    loss = config["loss"]
    tune.report({"epoch": 0.5, "train_loss": loss, "train_accuracy": 1 / loss, "acc": math.nan})
    for epoch in range(1, 5):
        tune.report({"epoch": epoch, "train_loss": loss / epoch, "acc": 1 - loss / (10 * epoch)})


def test_the_worse_half_ends_in_mid_epoch_under_ray(tmp_path: Path) -> None:
    scheduler = NeuralCapacitanceScheduler(
        time_attr="epoch",
        metric="acc",
        mode="max",
        max_t=4,
        early_stops=(0.5,),
        audit=0,
        reduction_factor=1.2,
    )
    losses = [3, 1, 2, 8, 7, 6, 4, 5]
    grid = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space={"loss": tune.grid_search(losses)},
        tune_config=tune.TuneConfig(scheduler=scheduler, max_concurrent_trials=1, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
    ).fit()
    assert not grid.errors
    ended = {result.config["loss"]: result.metrics["epoch"] for result in grid}
    # Of an odd number the smaller half goes on: 2 is the second of three, 4 the fourth of seven.
    assert {loss for loss, epoch in ended.items() if epoch == 0.5} == {2, 4, 5, 6, 7, 8}
    assert grid.get_best_result("acc", "max").config["loss"] == 1
    why = [made[-1].reason for made in scheduler.decisions.values() if made[-1].epoch == 0.5]
    assert len(why) == 6
    assert why[0].endswith("ranks it 2 of 3 by its training so far, and the best one goes on; it is pruned")
    assert "0 errors" in scheduler.debug_string()
