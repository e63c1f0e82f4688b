"""What a policy has learned, written down by a real search of anybody's under Ray."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from ray import tune

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import ResourcesConfig
from neurocap_search.pruning import GuardedPolicy, LearnedHalvingPolicy
from neurocap_search.tracking import Journal, SearchRecord, TableWriter
from neurocap_search.tracking.contributions import contribution_rows
from neurocap_search.tune import PolicyScheduler, RecordCallback

pytestmark = pytest.mark.timeout(300)


def training():
    """A trainable whose first loss tells more of its end than its first accuracy."""

    def train(config):
        for epoch in range(1, 5):
            quality, noise = config["point"]
            acc = quality * epoch / 4 + noise / epoch
            tune.report({"acc": acc, "train_loss": 1 - quality, "epoch": epoch})

    return train


def test_a_search_under_ray_leaves_what_its_policy_learned(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    learned = LearnedHalvingPolicy(metric="acc", max_t=4, reduction_factor=2, audit=0.5, seed=1)
    policy = GuardedPolicy(learned, metric="acc", patience=0, protect_best=1)
    scheduler = PolicyScheduler(policy, time_attr="epoch", metric="acc", mode="max")
    points = [[float(random.uniform(0, 1)), float(random.normal(0, 0.1))] for _ in range(12)]
    with ray_cluster(ResourcesConfig(num_cpus=2)):
        tune.Tuner(
            training(),
            param_space={"point": tune.grid_search(points)},
            tune_config=tune.TuneConfig(scheduler=scheduler, reuse_actors=True),
            run_config=tune.RunConfig(
                name="exp",
                storage_path=str(tmp_path),
                callbacks=[RecordCallback(scheduler, listeners=lambda folder: [TableWriter(folder)])],
                verbose=0,
            ),
        ).fit()
    assert scheduler.debug_string().endswith("0 errors")
    folder, insight = tmp_path / "exp", learned.insight()
    assert insight.rungs[0].trials == 12
    record = SearchRecord("acc", max_t=4, num_trials=12)
    for event in Journal(folder / "journal.jsonl").read():
        record.apply(event)
    assert repr(record.insight) == repr(insight)
    assert json.loads((folder / "summary.json").read_text())["insight"] == insight.to_json()
    rows = list(csv.DictReader((folder / "contributions.csv").read_text().splitlines()))
    assert [float(row["share"]) for row in rows] == [row["share"] for row in contribution_rows(insight)]
