"""Journal, record, summary, tables and figures, on a search made by hand."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import spearmanr

from neurocap_search.errors import UserError
from neurocap_search.prediction import Prediction, Report
from neurocap_search.pruning import Action, Decision
from neurocap_search.tracking import (
    FigureWriter,
    Journal,
    SearchListener,
    SearchRecord,
    SearchRecorder,
    Summary,
    TableWriter,
    TrialRecord,
    TrialState,
    summarise,
)
from neurocap_search.tracking.events import JOURNAL_VERSION

CURVES = {"a": [0.5, 0.6, 0.70], "b": [0.3, 0.5, 0.80], "c": [0.2, 0.1], "d": [0.4, 0.5, 0.65]}
GUESSES = {"a": 0.66, "b": 0.81, "c": 0.2, "d": 0.62}


FACTS = {"description": "net", "parameters": 10, "multiply_adds": 20}


def play(recorder: SearchRecorder) -> None:
    """Four trials: three trained to the end, ``c`` pruned at epoch 2."""
    for number, (trial, values) in enumerate(CURVES.items()):
        config: dict[str, Any] = {"architecture": {"space": "mlp", "widths": [number]}, "training": {}}
        facts = {"description": f"net {number}", "parameters": 10, "multiply_adds": 20}
        recorder.suggested(trial, config, facts)
        recorder.started(trial)
        for epoch, value in enumerate(values, 1):
            beta = math.nan if epoch == 1 else 1 / epoch
            report = Report(epoch, {"val_accuracy": value, "beta_eff": beta}, seconds=2.0)
            guess = Prediction(GUESSES[trial], 0.05, "test", (epoch,), "too early" if epoch == 1 else None)
            stop = epoch == len(values)
            action = Action.STOP if stop else Action.CONTINUE
            pruned = stop and trial == "c"
            recorder.reported(trial, report, Decision(action, epoch, f"because {epoch}", guess, pruned))
        recorder.ended(trial, TrialState.PRUNED if trial == "c" else TrialState.COMPLETED)


def make(folder: Path, *listeners: SearchListener, search_id: str = "a1") -> SearchRecorder:
    record = SearchRecord("val_accuracy", max_t=3, num_trials=4)
    recorder = SearchRecorder(record, Journal(folder / "journal.jsonl"), listeners)
    recorder.begun({"event": "search", "version": JOURNAL_VERSION, "search_id": search_id})
    return recorder


def test_the_journal_rebuilds_the_record(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    play(recorder)
    again = SearchRecord("val_accuracy", max_t=3, num_trials=4)
    for event in recorder.journal.read():
        again.apply(event)
    # repr rather than ==, because nan differs from itself
    assert repr(again) == repr(recorder.record)


def test_a_journal_cut_short_by_a_kill_is_read_and_mended(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    play(recorder)
    path = recorder.journal.path
    whole = path.read_text()
    path.write_text(whole + '{"event": "rep')
    assert len(list(recorder.journal.read())) == len(whole.splitlines())
    recorder.journal.mend()
    assert path.read_text() == whole


def test_a_journal_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No journal at"):
        list(Journal(tmp_path / "none.jsonl").read())
    path = tmp_path / "j.jsonl"
    path.write_text('{"event": "search", "version": 99}\n')
    with pytest.raises(UserError, match=f"has version 99, this release reads {JOURNAL_VERSION}"):
        list(Journal(path).read())
    path.write_text(f'{{"event": "search", "version": {JOURNAL_VERSION}}}\nbroken\n{{"event": "x"}}\n')
    with pytest.raises(UserError, match="line 2 is damaged: 'broken'"):
        list(Journal(path).read())


def test_the_summary_adds_up(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    play(recorder)
    summary = summarise(recorder.record, quality_epoch=2, test_accuracy=0.75)
    assert (summary.completed, summary.pruned, summary.failed, summary.interrupted) == (3, 1, 0, 0)
    assert (summary.epochs, summary.full_epochs, summary.lost_epochs, summary.seconds) == (11, 12, 0, 22.0)
    assert summary.epoch_share == pytest.approx(11 / 12)
    assert summary.best is not None
    assert summary.best["number"] == 1
    quality = summary.quality
    assert quality is not None
    assert quality.mean_error == pytest.approx((0.04 + 0.01 + 0.03) / 3)
    assert quality.within_one_std == pytest.approx(1.0)
    finals, seen = [0.70, 0.80, 0.65], [0.6, 0.5, 0.5]
    assert quality.rank_correlation == pytest.approx(spearmanr([0.66, 0.81, 0.62], finals).statistic)
    assert quality.seen_rank_correlation == pytest.approx(spearmanr(seen, finals).statistic)
    assert quality.fallbacks == 0
    early = summarise(recorder.record, quality_epoch=1).quality
    assert early is not None
    assert (early.trials, early.fallbacks, early.rank_correlation) == (0, 3, None)
    assert json.loads(json.dumps(summarise(recorder.record, 1).to_json(), allow_nan=False))


def test_the_tables_are_readable_without_this_software(tmp_path: Path) -> None:
    recorder = make(tmp_path, TableWriter(tmp_path))
    play(recorder)
    summary = summarise(recorder.record, 2)
    recorder.tell(lambda listener: listener.on_search_end(recorder.record, summary))
    rows = list(csv.DictReader((tmp_path / "trials.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["completed", "completed", "pruned", "completed"]
    assert [row["final_val_accuracy"] for row in rows] == ["0.7", "0.8", "", "0.65"]
    assert rows[2]["pruned_epoch"] == "2"
    assert json.loads(rows[3]["architecture"]) == {"space": "mlp", "widths": [3]}
    decisions = [json.loads(line) for line in (tmp_path / "decisions.jsonl").read_text().splitlines()]
    assert len(decisions) == 11
    assert decisions[0]["reason"] == "because 1"
    assert json.loads((tmp_path / "summary.json").read_text())["pruned"] == 1


def test_trials_of_another_program_have_one_column_for_their_configuration(tmp_path: Path) -> None:
    recorder = make(tmp_path, TableWriter(tmp_path))
    config = {"architecture": "resnet", "training": 3}
    recorder.suggested("a", config, {"description": "", "parameters": 0, "multiply_adds": 0})
    recorder.reported("a", Report(1, {"val_accuracy": 0.5}), Decision(Action.STOP, 1, "done"))
    recorder.ended("a", TrialState.COMPLETED)
    (row,) = csv.DictReader((tmp_path / "trials.csv").read_text().splitlines())
    assert json.loads(row["config"]) == config
    assert not {"architecture", "training"} & row.keys()
    best = summarise(recorder.record, 1).best
    assert best is not None
    assert (best["config"], best["val_accuracy"]) == (config, 0.5)


def test_the_summary_of_before_is_gone_while_a_resumed_search_runs(tmp_path: Path) -> None:
    recorder = make(tmp_path, TableWriter(tmp_path))
    (tmp_path / "summary.json").write_text("{}")
    recorder.tell(lambda listener: listener.on_search_start(recorder.record))
    assert not (tmp_path / "summary.json").exists()


def test_the_figures_are_drawn(tmp_path: Path) -> None:
    recorder = make(tmp_path, FigureWriter(tmp_path))
    play(recorder)
    summary = summarise(recorder.record, 2)
    recorder.tell(lambda listener: listener.on_search_end(recorder.record, summary))
    assert recorder.failures == {}
    for name in ("learning_curves", "predicted_against_final"):
        assert (tmp_path / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_failing_listener_is_left_out_and_the_search_goes_on(tmp_path: Path) -> None:
    class Broken(SearchListener):
        def on_report(self, record: SearchRecord, trial: TrialRecord) -> None:
            raise OSError("disk full")

    class Counting(SearchListener):
        ends = 0

        def on_trial_end(self, record: SearchRecord, trial: TrialRecord) -> None:
            self.ends += 1

        def on_search_end(self, record: SearchRecord, summary: Summary) -> None:
            self.ends += 10

    counting = Counting()
    recorder = make(tmp_path, Broken(), counting)
    play(recorder)
    assert recorder.failures == {"Broken": "OSError: disk full"}
    assert counting.ends == 4


def test_an_interrupted_trial_starts_over_under_its_old_name(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    play(recorder)
    record = recorder.record
    record.apply({"event": "resumed", "restarted": ["d"]})
    assert (record.trials["d"].reports, record.lost_epochs) == ([], 3)
    recorder.restarted("d", "e")
    assert record.trials["d"].number == 3
    assert record.trials["d"].state is TrialState.RUNNING


def test_failed_and_interrupted_trials_are_no_savings(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    play(recorder)
    recorder.ended("a", TrialState.FAILED, error="RuntimeError: x")
    recorder.ended("b", TrialState.INTERRUPTED)
    summary = summarise(recorder.record, 2)
    # c (2 of 3 epochs) and d (3 of 3) remain; the six epochs of a and b were lost, not saved
    assert (summary.epochs, summary.full_epochs, summary.lost_epochs) == (5, 6, 6)
    assert summary.interrupted == 1


def test_more_trials_than_asked_for_are_not_interrupted(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    play(recorder)
    recorder.record.num_trials = 3  # lowered before resuming
    assert summarise(recorder.record, 2).interrupted == 0


def test_a_resumed_search_writes_its_decisions_once(tmp_path: Path) -> None:
    recorder = make(tmp_path, TableWriter(tmp_path))
    play(recorder)
    path = tmp_path / "decisions.jsonl"
    path.write_text(path.read_text() + '{"trial": 3, "act')  # what a kill may leave
    recorder.resumed(["d"])
    recorder.tell(lambda listener: listener.on_search_start(recorder.record))
    decisions = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted({d["trial"] for d in decisions}) == [0, 1, 2]
    assert len(decisions) == 8


def test_the_record_is_the_journals_also_where_numbers_are_not_finite(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    recorder.suggested("a", {}, {"description": "", "parameters": 0, "multiply_adds": 0})
    recorder.started("a")
    for epoch, value in enumerate((math.inf, -math.inf, math.nan, 0.5), 1):
        report = Report(epoch, {"val_accuracy": 0.5, "beta_eff": value}, seconds=0.1)
        action = Action.PAUSE if epoch == 4 else Action.CONTINUE
        recorder.reported("a", report, Decision(action, epoch, lambda: "so"))
    again = SearchRecord("val_accuracy", max_t=3, num_trials=4)
    for event in recorder.journal.read():
        again.apply(event)
    assert repr(again) == repr(recorder.record)
    assert again.trials["a"].state is TrialState.PAUSED


def begun_early(recorder: SearchRecorder, *epochs: float) -> None:
    """One trial that reports within its first epoch, and goes on for some epochs."""
    recorder.suggested("a", {"architecture": {}, "training": {}}, FACTS)
    recorder.started("a")
    for epoch in epochs:
        value = math.nan if epoch < 1 else epoch / 10
        report = Report(epoch, {"val_accuracy": value, "train_loss": 1.0}, seconds=1.0)
        recorder.reported("a", report, Decision(Action.CONTINUE, epoch, f"epoch {epoch}"))


def test_a_trial_pruned_in_mid_epoch_costs_half_an_epoch_and_has_no_metric_yet(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    begun_early(recorder, 0.5)
    recorder.ended("a", TrialState.PRUNED)
    trial = recorder.record.trials["a"]
    assert (trial.epochs, trial.seconds, trial.curve) == (0.5, 1.0, [])
    assert trial.value("val_accuracy") is None
    assert trial.value("train_loss") == 1.0
    summary = summarise(recorder.record, 1)
    assert (summary.epochs, summary.full_epochs, summary.pruned) == (0.5, 3, 1)
    again = Journal(tmp_path / "journal.jsonl")
    assert SearchRecord("val_accuracy", 3, 4).trials == {}
    rebuilt = SearchRecord("val_accuracy", 3, 4)
    for event in again.read():
        rebuilt.apply(event)
    assert rebuilt.trials["a"].epochs == 0.5


def test_a_trial_that_starts_over_loses_the_epochs_it_had_and_no_more(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    begun_early(recorder, 0.5, 1, 2)
    recorder.reported("a", Report(0.5, {"val_accuracy": math.nan}), Decision(Action.CONTINUE, 0.5, "again"))
    assert recorder.record.trials["a"].epochs == 0.5
    assert recorder.record.lost_epochs == 2
