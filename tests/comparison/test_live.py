"""A live comparison with a real Ray: pairs of searches, nothing trained twice, runs in MLflow."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from neurocap_search.cluster import ray_cluster
from neurocap_search.comparison import live
from neurocap_search.comparison.config import CompareConfig
from neurocap_search.comparison.live_retraining import SEED_OFFSET
from neurocap_search.comparison.live_search import read_live_search, search_config
from neurocap_search.comparison.results import Results
from neurocap_search.config import ResourcesConfig
from neurocap_search.config_reader import read_as
from neurocap_search.errors import UserError
from neurocap_search.traces.population import Candidate
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recorder import make_task
from neurocap_search.traces.trace import TraceKey
from neurocap_search.traces.training_run import record_trace
from neurocap_search.tracking import TrialState
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("default"),  # MLflow's own, when its store is opened
]
SEED = 3
"""With it halving prunes two of the four networks after an epoch, the best one among them."""

TINY = {
    "name": "tiny",
    "seed": SEED,
    "candidate": "asha",
    "rival": "none",
    "seeds": 1,
    "live": {
        "rules": {
            "none": {"name": "none", "grace_period": 1},
            "asha": {"name": "asha", "grace_period": 1, "reduction_factor": 2},
        },
        "search": {
            "name": "digits",
            "space": {"name": "mlp"},
            "data": {"train_size": 300},
            "training": {"epochs": 3, "graph_measures": False},
            "search": {"num_trials": 4, "max_concurrent": 1},
        },
    },
}


def config(**changes: object) -> CompareConfig:
    return CompareConfig.model_validate(TINY | changes)


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    with ray_cluster(ResourcesConfig(num_cpus=1)):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    said: list[live.Progress] = []
    results = live.compare_live(config(), folder, parent_run="the-comparison", on_progress=said.append)
    assert [(p.done, p.total, p.search.rule, p.is_new) for p in said] == [
        (1, 2, "none", True),
        (2, 2, "asha", True),
    ]
    return results


def search_of(folder: Path, rule: str) -> live.LiveSearch:
    whole = config()
    assert whole.live is not None
    return read_live_search(
        search_config(whole, whole.live, rule, SEED, folder), rule, folder / f"{rule}-{SEED}"
    )


def test_all_rules_see_the_same_trainings(results: Results, folder: Path) -> None:
    full, asha = search_of(folder, "none").record, search_of(folder, "asha").record
    assert [trial.config for trial in full] == [trial.config for trial in asha]
    for whole, part in zip(full, asha, strict=True):
        curve = [report.metrics["val_accuracy"] for report in whole.reports]
        assert [report.metrics["val_accuracy"] for report in part.reports] == curve[: part.epochs]
    assert any(trial.state is TrialState.PRUNED for trial in asha)


def test_the_results_are_what_the_trials_say(results: Results, folder: Path) -> None:
    full, asha = results.runs
    finals = [trial.reports[-1].metrics["val_accuracy"] for trial in search_of(folder, "none").record]
    assert (results.kind, results.rules, full.unit) == ("live", ["none", "asha"], ("digits", SEED))
    assert full.best == asha.best == max(finals)
    assert full.regret == 0
    assert full.epochs == full.full_epochs == asha.full_epochs == 12
    trials = list(search_of(folder, "asha").record)
    assert asha.epochs == sum(trial.epochs for trial in trials) < 12
    kept = [final for final, trial in zip(finals, trials, strict=True) if trial.state is TrialState.COMPLETED]
    assert asha.final == max(kept)
    assert asha.winner_pruned_at == 1
    assert asha.regret == max(finals) - max(kept) > 0
    assert [point.final for point in full.incumbents] == sorted({*map(max, _prefixes(finals))})
    assert 0 < full.incumbents[0].seconds <= full.incumbents[-1].seconds <= full.seconds


def _prefixes(values: list[float]) -> list[list[float]]:
    return [values[: end + 1] for end in range(len(values))]


def test_the_winner_is_trained_again_with_another_seed(results: Results, folder: Path) -> None:
    best = search_of(folder, "none").record.best
    assert best is not None
    whole = config()
    assert whole.live is not None
    search = whole.live.search
    settings = {name: getattr(search, name) for name in ("data", "space", "training", "resources")}
    candidate = Candidate(best.config["architecture"], best.config["training"])
    again = record_trace(make_task(RecordConfig(**settings)), TraceKey(0, SEED + SEED_OFFSET), candidate)
    assert results.runs[0].test == pytest.approx(again.last("test_accuracy"), abs=0.01)
    kept = json.loads((folder / f"none-{SEED}" / "retrained.json").read_text())
    assert (kept["seed"], kept["trial"], kept["failure"]) == (SEED + SEED_OFFSET, best.number, None)
    assert kept["val_accuracy"] != best.final("val_accuracy")


def test_mlflow_holds_comparison_searches_and_trials(results: Results, folder: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'neurocap'")
    ask = "tags.mlflow.parentRunId = 'the-comparison' and tags.`neurocap.rule` = 'asha'"
    (run,) = client.search_runs([experiment.experiment_id], ask)
    assert run.data.tags["neurocap.seed"] == str(SEED)
    trials = client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert len(trials) == 4


def test_finished_searches_are_read_back(
    results: Results, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing is left to train")

    monkeypatch.setattr(live, "run_live_search", refuse)
    monkeypatch.setattr("neurocap_search.comparison.live_retraining.train_all", refuse)
    said: list[live.Progress] = []
    again = live.compare_live(config(), folder, on_progress=said.append)
    assert again == results
    assert not any(progress.is_new for progress in said)


def test_an_interrupted_search_goes_on(results: Results, folder: Path) -> None:
    place = folder / f"asha-{SEED}"
    (place / "summary.json").unlink()
    journal = place / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    last = [number for number, line in enumerate(lines) if '"suggested"' in line][-1]
    journal.write_text("".join(lines[: last + 1]))
    again = live.compare_live(config(), folder).runs[1]
    before = results.runs[1]
    assert (again.epochs, again.pick, again.final, again.test) == (
        before.epochs,
        before.pick,
        before.final,
        before.test,
    )


def test_another_search_in_the_folder_is_not_overwritten(results: Results, folder: Path) -> None:
    other = json.loads(json.dumps(TINY))
    other["live"]["search"]["training"]["epochs"] = 4
    with pytest.raises(UserError, match=r"none-3 holds a search with other settings: training\. Undo"):
        live.compare_live(CompareConfig.model_validate(other), folder)
    fewer = json.loads(json.dumps(TINY))
    fewer["live"]["search"]["search"]["num_trials"] = 3
    with pytest.raises(UserError, match=r"other settings: search\.num_trials \(was 4\)"):
        live.compare_live(CompareConfig.model_validate(fewer), folder)


def test_a_damaged_summary_is_named(results: Results, folder: Path) -> None:
    path = folder / f"none-{SEED}" / "summary.json"
    whole = path.read_text()
    path.write_text("{")
    with pytest.raises(UserError, match=r"summary\.json is damaged: it is no JSON\. Remove it"):
        live.compare_live(config(), folder)
    path.write_text(whole)


def test_a_replayed_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no searches"):
        live.compare_live(CompareConfig.model_validate({"replay": {}}), tmp_path)


def test_the_example_can_be_read() -> None:
    example = read_as(CompareConfig, ROOT / "configs" / "compare_digits.yaml")
    assert example.live is not None
    assert example.live.is_paired
    assert math.prod((example.seeds, len(example.live.rules))) == 25
