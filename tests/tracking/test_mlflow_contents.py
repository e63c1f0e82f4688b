"""What MLflow is given of a search, and that it can take it."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.utils.validation import path_not_unique, validate_param_and_metric_name

from neurocap_search.prediction import Prediction, Report
from neurocap_search.pruning import Action, Decision
from neurocap_search.tracking import SearchRecord, TrialRecord, TrialState
from neurocap_search.tracking import mlflow_contents as contents
from neurocap_search.tracking.journal_tail import JournalTail
from neurocap_search.tracking.redaction import redacted
from neurocap_search.tracking.replica import Replica
from tests.tracking.test_record import make, play

names = st.text(st.sampled_from("ab/.: @\\\n%é-_")) | st.text(max_size=300)


@given(names)
@example("..:")
@example("..a")
@example("a" * 249 + "/.b")
def test_every_name_becomes_one_that_mlflow_takes(name: str) -> None:
    valid = contents.valid_name(name)
    assert validate_param_and_metric_name(valid)
    assert not path_not_unique(valid)
    assert 0 < len(valid) <= 250


@given(st.text("abcdef0123456789", min_size=8), st.sampled_from(["token", "API_KEY", "Password", "pwd"]))
def test_no_secret_survives_redaction(secret: str, key: str) -> None:
    marked = f"XX{secret}XX"
    for text in (
        f"http://u:{marked}@h/x",
        f"http://h/?a=1&my_{key}={marked}&b=2",
        f"Authorization: Bearer {marked}",
    ):
        assert marked not in redacted(text)
    assert redacted("http://h/runs?max_results=5 failed") == "http://h/runs?max_results=5 failed"


def test_epochs_come_last_and_are_ours() -> None:
    report = Report(7, {"epochs": 99.0, "val_accuracy": 0.5}, seconds=2.0)
    guess = Prediction(0.8, None, "test", (7,))
    metrics = contents.report_metrics(report, Decision(Action.CONTINUE, 7, "on", guess))
    assert list(metrics)[-1] == "epochs"
    assert metrics["epochs"] == 7
    assert (metrics["epoch_seconds"], metrics["predicted_mean"]) == (2.0, 0.8)
    assert math.isnan(metrics["predicted_std"])
    assert metrics["prediction_is_fallback"] == 0


def test_a_report_within_the_first_epoch_has_no_metric_yet() -> None:
    report = Report(0.5, {"val_accuracy": math.nan, "train_loss": 2.0}, seconds=1.0)
    metrics = contents.report_metrics(report, Decision(Action.CONTINUE, 0.5, "on"))
    assert metrics == {"train_loss": 2.0, "epoch_seconds": 1.0, "epochs": 0.5}


@pytest.mark.parametrize(
    ("state", "max_t", "saved"),
    [
        ("pruned", 9, 7),
        ("completed", 9, 7),
        ("failed", 9, None),
        ("interrupted", 9, None),
        ("pruned", 0, None),
    ],
)
def test_only_trials_that_ended_well_saved_epochs(state: str, max_t: int, saved: float | None) -> None:
    reports = [Report(epoch, {"acc": 0.5}) for epoch in (1, 2)]
    trial = TrialRecord(0, "a", {}, state=TrialState(state), reports=reports)
    assert contents.outcome_metrics(SearchRecord("acc", max_t, 1), trial).get("epochs_saved") == saved


def test_a_decision_made_during_a_pause_is_in_the_table() -> None:
    given_up = Decision(Action.STOP, 1, "nobody waits for it", pruned=True)
    waiting = Decision(Action.PAUSE, 1, "wait")
    trial = TrialRecord(0, "a", {}, decisions=[waiting], given_up=given_up, state=TrialState.PRUNED)
    table = contents.decision_table(trial)
    assert [dict(zip(table["columns"], row, strict=True))["reason"] for row in table["data"]] == [
        "wait",
        "nobody waits for it",
    ]
    assert contents.state_tags(trial, trial.state)["neurocap.reason"] == "nobody waits for it"


def test_every_event_has_its_time(tmp_path: Path) -> None:
    recorder = make(tmp_path)
    play(recorder)
    times = [event["time"] for event in recorder.journal.read()]
    assert len(times) == 1 + 4 + 11 + 4
    assert times == sorted(times)
    assert times[0] > 1.7e9


def test_the_tail_waits_for_lines_that_are_still_being_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    tail = JournalTail(path)
    assert tail.read() == []
    path.write_text('{"event": "é1"}\n{"event": "2"}\n{"eve')
    assert [event["event"] for event in tail.read()] == ["é1", "2"]
    assert tail.read() == []
    with path.open("a") as file:
        file.write('nt": "3"}\n')
    assert tail.read() == [{"event": "3"}]


def test_a_trial_that_repeats_or_forgets_an_epoch_begins_a_new_attempt() -> None:
    replica = Replica(SearchRecord("acc", 9, 1))
    suggested = {"config": {}, "description": "", "parameters": 0, "multiply_adds": 0}
    replica.apply_all([{"event": "suggested", "trial_id": "a", "number": 0, **suggested}])

    def report(epoch: int) -> dict[str, Any]:
        decision = Decision(Action.CONTINUE, epoch, "on").to_json()
        told = Report(epoch, {"acc": 0.5}).to_json()
        return {"event": "report", "trial_id": "a", "report": told, "decision": decision}

    replica.apply_all(map(report, (1, 2, 3)))
    assert replica.attempts[0] == 0
    replica.apply_all([report(3)])
    assert replica.attempts[0] == 1
    replica.apply_all([{"event": "checkpoint", "trial_id": "a", "epoch": 3, "path": "x"}])
    replica.apply_all([{"event": "resumed", "restarted": ["a"]}])  # it loses nothing
    assert replica.attempts[0] == 1
    replica.apply_all([report(4), {"event": "resumed", "restarted": ["a"]}])  # back to epoch 3
    assert replica.attempts[0] == 2
    assert replica.take_touched() == {0}
    assert replica.take_touched() == set()


def test_tables_are_json_that_knows_no_nan() -> None:
    guess = Prediction(math.nan, math.inf, "test", (1, 2), "seen")
    trial = TrialRecord(0, "a", {}, decisions=[Decision(Action.CONTINUE, 2, "on", guess)])
    table = contents.decision_table(trial)
    assert json.loads(json.dumps(table, allow_nan=False))["data"] == [
        [2, "CONTINUE", False, "on", None, None, "test", "1, 2", "seen"]
    ]
