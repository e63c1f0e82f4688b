"""A comparison in MLflow: one question answers who is better."""

import io
import re
from pathlib import Path
from statistics import fmean

import mlflow
import pytest
import yaml
from mlflow import MlflowClient
from rich.console import Console

from neurocap_search.compare_words import run_compare
from neurocap_search.comparison.config import CompareConfig, ReplayConfig
from neurocap_search.comparison.results_file import read_results
from neurocap_search.comparison_words import Concluded
from neurocap_search.config import OutputConfig
from neurocap_search.errors import UserError
from tests.comparison.banks import random_task, write_bank
from tests.conftest import ROOT

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own, when its store is opened


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Concluded:
    """A small comparison, replayed and logged."""
    folder = tmp_path_factory.mktemp("compared")
    bank = write_bank(folder / "bank", random_task("a", 16), random_task("b", 24, seed=1))
    replay = ReplayConfig(bank=bank, rules=("beta_eff", "asha"), trials=8, workers=(1, 4))
    config = CompareConfig(name="small", seeds=2, replay=replay, output=OutputConfig(dir=folder / "runs"))
    return run_compare(config, Console(file=io.StringIO()), processes=1)


def client(compared: Concluded) -> MlflowClient:
    return MlflowClient(tracking_uri=compared.mlflow["uri"], registry_uri=compared.mlflow["uri"])


def test_one_call_of_search_runs_puts_the_two_rules_side_by_side(compared: Concluded) -> None:
    mlflow.set_tracking_uri(compared.mlflow["uri"])
    table = mlflow.search_runs(
        experiment_names=["neurocap"],
        filter_string="tags.neurocap.role != 'other'",
    )
    by_rule = table.groupby("tags.neurocap.rule")[["metrics.regret", "metrics.epoch_share"]].mean()
    costs = {cost.rule: cost for cost in compared.costs}
    assert len(table) == 4
    for rule in ("beta_eff", "asha"):
        assert by_rule.loc[rule, "metrics.regret"] == pytest.approx(costs[rule].regret.value)
        assert by_rule.loc[rule, "metrics.epoch_share"] == pytest.approx(costs[rule].epochs.value)


def test_the_question_of_the_documentation_is_answered(
    compared: Concluded, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shown = "sqlite:///runs/replayed-20260101-120000/mlflow.db"
    assert shown in block
    exec(block.replace(shown, compared.mlflow["uri"]), {})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == ["asha", "beta_eff"]
    shares = {cost.rule: cost.epochs.value for cost in compared.costs}
    assert [float(row[2]) for row in rows] == pytest.approx([shares["asha"], shares["beta_eff"]], abs=1e-5)


def test_there_is_a_child_for_each_rule_and_seed_with_its_numbers(compared: Concluded) -> None:
    runs = read_results(compared.folder).runs
    parent = compared.mlflow["run_id"]
    (experiment,) = [e for e in client(compared).search_experiments() if e.name == "neurocap"]
    children = client(compared).search_runs(
        [experiment.experiment_id], f"tags.mlflow.parentRunId = '{parent}'"
    )
    pairs = {(run.rule, run.seed) for run in runs}
    tags = [child.data.tags for child in children]
    assert sorted((t["neurocap.rule"], int(t["neurocap.seed"])) for t in tags) == sorted(pairs)
    for child in children:
        rule, seed = child.data.params["rule"], int(child.data.params["seed"])
        own = [run for run in runs if (run.rule, run.seed) == (rule, seed)]
        means = {
            name: fmean(fmean(value(run) for run in own if run.unit.task == task) for task in "ab")
            for name, value in {
                "regret": lambda run: run.regret,
                "epochs": lambda run: run.epochs,
                "seconds": lambda run: run.seconds,
                "final": lambda run: run.final,
                "winner_pruned": lambda run: run.winner_pruned_at is not None,
            }.items()
        }
        metrics = child.data.metrics
        assert {name: metrics[name] for name in means} == pytest.approx(means)
        assert metrics["regret/a"] == pytest.approx(fmean(r.regret for r in own if r.unit.task == "a"))
        tags = child.data.tags
        assert (tags["neurocap.tasks"], tags["neurocap.pools"], tags["neurocap.compared"]) == (
            "a, b", "5", "replayed",
        )  # fmt: skip
        assert child.info.status == "FINISHED"


def test_the_regret_by_workers_is_a_curve(compared: Concluded) -> None:
    asha = next(run for run in _children(compared) if run.data.params["rule"] == "asha")
    points = client(compared).get_metric_history(asha.info.run_id, "regret_by_workers")
    assert sorted(point.step for point in points) == [1, 4]


def test_the_parent_holds_the_answer_and_the_files(compared: Concluded) -> None:
    parent = client(compared).get_run(compared.mlflow["run_id"])
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["neurocap.sentence"] == compared.found.sentence
    assert parent.data.tags["mlflow.note.content"].startswith(compared.found.sentence)
    assert parent.data.tags["neurocap.outcome"] == compared.found.outcome
    assert parent.data.params["replay.trials"] == "8"
    assert parent.data.metrics["regret_difference"] == compared.found.regret.difference.value
    files = {file.path for file in client(compared).list_artifacts(parent.info.run_id)}
    assert files == {"report.html", "figures", "tables", "results.json", "config.yaml"}
    tables = {file.path for file in client(compared).list_artifacts(parent.info.run_id, "tables")}
    assert "tables/rules.csv" in tables


def test_what_was_lost_on_the_way_is_sent_again_and_nothing_twice(compared: Concluded) -> None:
    before = {run.info.run_id: run.data for run in _children(compared)}
    lost = {run_id for run_id, data in before.items() if data.params["rule"] == "full"}
    for run_id in lost:
        client(compared).delete_run(run_id)
    config = CompareConfig.model_validate(_config_of(compared.folder))
    again = run_compare(config, Console(file=io.StringIO()), compared.folder)
    assert again.mlflow == compared.mlflow
    assert repr(again.results) == repr(compared.results)
    after = {run.info.run_id: run.data for run in _children(compared)}
    kept = set(before) - lost
    assert {run_id: after[run_id].metrics for run_id in kept} == {k: before[k].metrics for k in kept}
    made = [after[run_id] for run_id in set(after) - kept]
    expected = [before[run_id].metrics for run_id in lost]
    assert sorted((data.metrics for data in made), key=str) == sorted(expected, key=str)
    assert all(data.params["rule"] == "full" for data in made)


def test_a_store_that_does_not_answer_is_told_before_anything_is_replayed(tmp_path: Path) -> None:
    bank = write_bank(tmp_path / "bank", random_task("a", 16))
    values = {
        "replay": {"bank": bank, "rules": ["beta_eff", "asha"], "trials": 8},
        "output": {"dir": tmp_path / "runs"},
        "tracking": {"uri": "http://127.0.0.1:9"},
    }
    said = io.StringIO()
    with pytest.raises(UserError, match=r"tracking\.uri: MLflow cannot use http://127\.0\.0\.1:9"):
        run_compare(CompareConfig.model_validate(values), Console(file=said))
    assert "Replays" not in said.getvalue()
    assert not list((tmp_path / "runs").iterdir())


def _children(compared: Concluded) -> list[mlflow.entities.Run]:
    (experiment,) = [e for e in client(compared).search_experiments() if e.name == "neurocap"]
    condition = f"tags.mlflow.parentRunId = '{compared.mlflow['run_id']}'"
    return list(client(compared).search_runs([experiment.experiment_id], condition))


def _config_of(folder: Path) -> dict:
    return dict(yaml.safe_load((folder / "config.yaml").read_text()))
