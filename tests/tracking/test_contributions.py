"""What the signals were worth, in journal, run directory, MLflow and the closing words."""

import csv
import io
import json
from math import isnan
from pathlib import Path

import pytest
from rich.console import Console

from neurocap_search.closing_words import print_outcome
from neurocap_search.contribution_words import print_contributions
from neurocap_search.prediction.combination import GROUPS, SIGNALS
from neurocap_search.pruning import Insight, SignalShares
from neurocap_search.pruning.audit import Estimates
from neurocap_search.tracking import SearchRecord, SearchRecorder, TableWriter, summarise
from neurocap_search.tracking.contributions import contribution_lines, contribution_metrics, contribution_rows
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from neurocap_search.tracking.sync import sync_run
from neurocap_search.tune import SearchOutcome
from tests.tracking.conftest import new_database
from tests.tracking.learned_search import METRIC, play_learned
from tests.tracking.mlflow_view import artifact, begin, client_of, everything, runs_in, track
from tests.tracking.test_record import make, play

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own deprecations are not ours


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> SearchRecorder:
    folder = tmp_path_factory.mktemp("learned")
    recorder = make(folder, TableWriter(folder))
    play_learned(recorder)
    return recorder


@pytest.fixture(scope="module")
def insight(recorder: SearchRecorder) -> Insight:
    assert recorder.record.insight is not None
    return recorder.record.insight


def parent_in(uri: str):
    (parent,) = [run for run in runs_in(uri) if "neurocap.kind" in run.data.tags]
    return parent


def test_the_journal_gives_back_what_was_learned(recorder: SearchRecorder, insight: Insight) -> None:
    again = SearchRecord("val_accuracy", max_t=3, num_trials=4)
    for event in recorder.journal.read():
        again.apply(event)
    assert repr(again.insight) == repr(insight)
    assert insight.rungs[0].trials == 40
    assert insight.audit.trials > 1


def test_what_is_known_already_is_not_written_again(tmp_path: Path) -> None:
    recorder, unknown = make(tmp_path), Insight((), Estimates(0, float("nan"), float("nan"), float("nan")))
    for told in (None, unknown, unknown, None):
        recorder.learned(told)
    assert [event["event"] for event in recorder.journal.read()] == ["search", "learned"]


def test_the_run_directory_has_the_shares_while_the_search_runs(
    recorder: SearchRecorder, insight: Insight
) -> None:
    folder = recorder.journal.path.parent
    summary = summarise(recorder.record, 1)
    assert (folder / "contributions.csv").is_file(), "before the end"
    recorder.tell(lambda listener: listener.on_search_end(recorder.record, summary))
    rows = list(csv.DictReader((folder / "contributions.csv").read_text().splitlines()))
    assert len(rows) == len(SIGNALS) * len(insight.rungs)
    for row in rows:
        (rung,) = [rung for rung in insight.rungs if rung.epoch == float(row["epoch"])]
        assert float(row["share"]) == rung.shares[row["signal"]]
        assert row["signal"] in GROUPS[row["group"]]
        assert int(row["trials"]) == rung.trials
    for rung in insight.rungs:
        shares = [float(row["share"]) for row in rows if float(row["epoch"]) == rung.epoch]
        assert sum(shares) == pytest.approx(1)
    kept = json.loads((folder / "summary.json").read_text())["insight"]
    assert repr(Insight.from_json(kept)) == repr(insight)


def test_a_policy_that_learns_nothing_leaves_no_trace(tmp_path: Path) -> None:
    recorder = make(tmp_path, TableWriter(tmp_path))
    play(recorder)
    summary = summarise(recorder.record, 1)
    recorder.tell(lambda listener: listener.on_search_end(recorder.record, summary))
    assert not (tmp_path / "contributions.csv").exists()
    assert summary.insight is None
    assert json.loads((tmp_path / "summary.json").read_text())["insight"] is None


def test_lines_are_groups_above_those_of_their_signals_that_had_a_share(insight: Insight) -> None:
    lines = contribution_lines(insight, METRIC)
    groups = [line for line in lines if line.is_group]
    assert len(groups) == len(GROUPS)
    for number in range(len(insight.rungs)):
        assert sum(line.shares[number] for line in groups) == pytest.approx(1)
    assert all(any(line.shares) for line in lines if not line.is_group)
    assert METRIC in [line.label for line in lines]
    assert len({line.label for line in lines}) == len(lines), "a label names one line"


def test_metrics_are_named_by_signal_and_epoch() -> None:
    rung = SignalShares(1, 9, {"metric": 0.75, "beta_eff": 0.25})
    found = contribution_metrics(Insight((rung,), Estimates(1, float("nan"), float("nan"), float("nan"))))
    assert found["share_beta_eff_epoch_1"] == found["group_share_beta_eff_epoch_1"] == 0.25
    assert found["group_share_learning_curve_epoch_1"] == 0.75
    assert (found["audit_trials"], found["audit_metric_decides"]) == (1, 0)
    assert isnan(found["audit_rank_correlation"])


def test_mlflow_and_a_store_synced_later_hold_table_metrics_and_audit(
    tmp_path: Path, database: str, blank_database: Path, insight: Insight
) -> None:
    track(tmp_path, database, play_learned)
    parent = parent_in(database)
    table = artifact(database, parent, "contributions.json")
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert rows == contribution_rows(insight)
    shown = {"path": "contributions.json", "type": "table"}
    assert shown in json.loads(parent.data.tags["mlflow.loggedArtifacts"])
    assert parent.data.tags["neurocap.audit"] == insight.sentence
    known = contribution_metrics(insight)
    assert {name: parent.data.metrics[name] for name in known} == pytest.approx(known)
    files = [file.path for file in client_of(database).list_artifacts(parent.info.run_id)]
    assert "contributions.csv" in files
    other = new_database(blank_database, tmp_path / "other")
    sync_run(tmp_path, other)
    assert everything(other) == everything(database)


def test_a_search_that_was_killed_has_them_by_its_journal(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(store: MlflowStore, *args: object, **options: object) -> None:
        raise OSError("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(MlflowStore, "_ask", away)
        tracker = MlflowTracker(tmp_path, database, "test", {})
        recorder = begin(tmp_path, tracker)
        play_learned(recorder, trials=12)
        tracker.close()
    sync_run(tmp_path)
    parent = parent_in(database)
    assert parent.info.status == "KILLED"
    assert recorder.record.insight is not None
    known = contribution_metrics(recorder.record.insight)
    assert parent.data.metrics["share_train_loss_epoch_1"] == known["share_train_loss_epoch_1"]
    assert parent.data.tags["neurocap.audit"] == recorder.record.insight.sentence


def test_the_closing_words_show_the_table_and_the_audit(tmp_path: Path, database: str) -> None:
    tracker = MlflowTracker(tmp_path, database, "test", {})
    recorder = begin(tmp_path, tracker)
    play_learned(recorder)
    tracker.close()
    outcome = SearchOutcome(summarise(recorder.record, 1), recorder.record, interrupted=False, warnings=[])
    console = Console(file=io.StringIO(), width=100)
    print_outcome(console, outcome, tmp_path, tracker)
    words = console.file.getvalue()  # type: ignore[attr-defined]
    insight = recorder.record.insight
    assert insight is not None
    assert "What the signals were worth" in words
    assert f"Audit           {insight.sentence}" in words
    for line in contribution_lines(insight, METRIC):
        (printed,) = [row for row in words.splitlines() if row.strip().startswith(f"{line.label}  ")]
        assert printed.split()[-2] == f"{round(100 * line.shares[-1])}"
    assert words.index("Epochs") < words.index("What the signals") < words.index("Run directory")


def test_without_a_rung_there_is_only_the_audit() -> None:
    console = Console(file=io.StringIO(), width=100)
    insight = Insight((), Estimates(0, float("nan"), float("nan"), float("nan")))
    print_contributions(console, insight, "acc")
    words = console.file.getvalue()  # type: ignore[attr-defined]
    assert words.startswith("Audit           No trial that was exempt")
    assert "worth" not in words
