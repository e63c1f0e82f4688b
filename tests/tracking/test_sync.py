"""``neurocap sync``: what MLflow lacks is sent after the search, once."""

import json
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from neurocap_search.cli import app
from neurocap_search.config import TrackingConfig
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from neurocap_search.tracking.sync import sync_run
from tests.tracking.conftest import new_database
from tests.tracking.mlflow_view import begin, children_in, client_of, everything, history, runs_in, track
from tests.tracking.test_record import play

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own deprecations are not ours


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["sync", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_another_store_gets_the_whole_record_once(
    tmp_path: Path, database: str, blank_database: Path
) -> None:
    track(tmp_path, database)
    other = new_database(blank_database, tmp_path / "other")
    code, out, _ = invoke(str(tmp_path), "--uri", other)
    assert code == 0
    assert "Sent 16 records to 5 runs." in out  # 11 reports, 4 ends of trials, the end of the search
    assert f"in {other}" in out
    assert everything(other) == everything(database)
    code, out, _ = invoke(str(tmp_path), "--uri", other)
    assert (code, "MLflow lacked nothing; nothing was sent." in out) == (0, True)
    assert everything(other) == everything(database)


def test_a_search_that_was_killed_is_closed_as_killed(tmp_path: Path, database: str) -> None:
    track(tmp_path, database)
    journal = tmp_path / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    # As after a kill in the last trial's second epoch, in the midst of a line, before anything was sent.
    kept = [index for index, line in enumerate(lines) if '"trial_id": "d"' in line][:2]
    journal.write_text("".join(lines[: kept[-1] + 1]) + lines[kept[-1] + 1][:20])
    (tmp_path / "summary.json").unlink()
    for run in runs_in(database):
        client_of(database).delete_run(run.info.run_id)
    synced = sync_run(tmp_path)
    children = children_in(database)
    states = {n: (run.info.status, run.data.tags["neurocap.state"]) for n, run in children.items()}
    assert states == {
        0: ("FINISHED", "completed"),
        1: ("FINISHED", "completed"),
        2: ("FINISHED", "pruned"),
        3: ("KILLED", "interrupted"),
    }
    assert history(database, children[3], "val_accuracy") == [(1, 0.4)]
    (parent,) = [run for run in runs_in(database) if "neurocap.kind" in run.data.tags]
    assert (parent.info.status, parent.info.run_id) == ("KILLED", synced.run_id)
    assert sync_run(tmp_path).records == 0


def test_an_interrupted_search_is_no_error_to_sync_while_nothing_had_begun(
    tmp_path: Path, database: str
) -> None:
    tracker = MlflowTracker(tmp_path, database, "test", {})
    begin(tmp_path, tracker)
    tracker.close()
    assert [run.info.status for run in runs_in(database)] == ["KILLED"]
    assert sync_run(tmp_path).records == 0


def test_wrong_folders_and_stores_give_exit_code_2_and_one_message(tmp_path: Path, database: str) -> None:
    nowhere, run = tmp_path / "nowhere", tmp_path / "run"
    empty, damaged, newer = tmp_path / "empty", tmp_path / "damaged", tmp_path / "newer"
    for folder in (empty, damaged, newer, run):
        folder.mkdir()
    (damaged / "mlflow.json").write_text("[1")
    (newer / "mlflow.json").write_text('{"version": 9}')
    track(run, database)
    secret = "http://me:pa55@127.0.0.1:9"
    cases = [
        ([str(nowhere)], f"{nowhere} is no folder. Give the run directory of a search."),
        ([str(empty)], "holds no record for MLflow: it has no mlflow.json. Give the run directory"),
        ([str(damaged)], "mlflow.json is damaged: it is no JSON object."),
        ([str(newer)], "mlflow.json has version 9, this release reads 1."),
        ([str(run), "--uri", "http://127.0.0.1:9"], "MLflow cannot use http://127.0.0.1:9"),
        ([str(run), "--uri", secret], "holds a secret; leave it out and set MLFLOW_TRACKING_USERNAME"),
    ]
    for arguments, message in cases:
        code, out, err = invoke(*arguments)
        assert (code, out) == (2, ""), err
        assert message in err
        assert "Traceback" not in err
        assert "pa55" not in err
    with FileLock(run / ".lock"):
        code, _, err = invoke(str(run))
    assert (code, "is still running and sends its record itself" in err) == (2, True)
    (run / "journal.jsonl").unlink()
    code, _, err = invoke(str(run))
    assert (code, "No journal at" in err) == (2, True)


def test_help_shows_examples() -> None:
    code, out, _ = invoke("--help")
    assert code == 0
    assert "neurocap sync runs/digits-20260101-120000 --uri http://127.0.0.1:5000" in out


def test_what_is_needed_to_send_again_is_versioned_json_without_secrets(
    tmp_path: Path, database: str
) -> None:
    track(tmp_path, database, play)
    assert json.loads((tmp_path / "mlflow.json").read_text()) == {
        "version": 1,
        "uri": database,
        "experiment": "test",
        "params": {"seed": 1},
        "registered_model": None,
        "search": {"metric": "val_accuracy", "max_t": 3, "num_trials": 4, "mode": "max"},
        "tags": {},
    }


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:pw@host",
        "https://token@host",
        "postgresql://host/db?user=a&password=b",
        "https://host/?access_token=abc",
        "mssql+pyodbc:///?odbc_connect=PWD%3Dx",
    ],
)
def test_an_address_with_a_secret_is_no_configuration(uri: str) -> None:
    with pytest.raises(ValueError, match="uri holds a name, password or token") as raised:
        TrackingConfig(uri=uri)
    assert "set MLFLOW_TRACKING_USERNAME" in str(raised.value)


def test_ordinary_addresses_are_taken() -> None:
    for uri in ("http://127.0.0.1:5000", "sqlite:///a/b.db", "postgresql://host/db?sslmode=require", None):
        assert TrackingConfig(uri=uri).uri == uri


def test_a_record_from_before_there_were_tags_is_read(tmp_path: Path, database: str) -> None:
    track(tmp_path, database, play)
    state = json.loads((tmp_path / "mlflow.json").read_text())
    state.pop("tags")
    (tmp_path / "mlflow.json").write_text(json.dumps(state))
    assert sync_run(tmp_path).records == 0
