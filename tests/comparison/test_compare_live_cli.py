"""A live comparison in MLflow: the comparison, its rules and seeds, their trials."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from rich.console import Console

from neurocap_search.cluster import ray_cluster
from neurocap_search.compare_words import dry_run, run_compare
from neurocap_search.comparison.config import CompareConfig
from neurocap_search.config import ResourcesConfig
from tests.comparison.test_live import TINY

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),  # MLflow's own, when its store is opened
]


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    with ray_cluster(ResourcesConfig(num_cpus=1)):
        yield


def test_runs_stand_under_runs(tmp_path: Path) -> None:
    config = CompareConfig.model_validate(TINY | {"output": {"dir": tmp_path}})
    said = io.StringIO()
    made = run_compare(config, Console(file=said))
    assert made.results.kind == "live"
    assert said.getvalue().endswith(f"{made.found.sentence}\n")
    client = MlflowClient(tracking_uri=made.mlflow["uri"], registry_uri=made.mlflow["uri"])
    (experiment,) = [e for e in client.search_experiments() if e.name == "neurocap"]
    runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    parents = Counter(run.data.tags.get("mlflow.parentRunId", "") for run in runs.values())
    rules = [run for run in runs.values() if "neurocap.rule" in run.data.tags]
    expected = {"": 1, made.mlflow["run_id"]: 2} | {run.info.run_id: 4 for run in rules}
    assert parents == expected
    for run in rules:
        (own,) = made.results.of(run.data.tags["neurocap.rule"])
        assert run.data.metrics["regret"] == own.regret
        assert run.data.metrics["epoch_share"] == own.epoch_share
        assert run.data.tags["neurocap.role"] == {"asha": "candidate", "none": "rival"}[own.rule]
        assert run.data.tags["neurocap.compared"] == "live"


def test_a_live_plan_is_shown_before_anything_is_trained() -> None:
    said = io.StringIO()
    size = dry_run(CompareConfig.model_validate(TINY), Console(file=said))
    assert (size["searches"], size["trials"], size["epochs"]) == (2, 4, 3)
    assert "Searches        2: one for each rule and each of 1 seeds" in said.getvalue()
