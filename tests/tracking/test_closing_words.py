"""What the user reads when MLflow has not got everything."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from neurocap_search.closing_words import print_outcome
from neurocap_search.launch import Launched
from neurocap_search.tracking import summarise
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from neurocap_search.tune import SearchOutcome
from tests.tracking.mlflow_view import begin, end
from tests.tracking.test_record import play

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own deprecations are not ours


def launched(folder: Path, database: str) -> Launched:
    """A search that has been launched and has ended."""
    tracker = MlflowTracker(folder, database, "test", {})
    recorder = begin(folder, tracker)
    play(recorder)
    end(recorder)
    outcome = SearchOutcome(summarise(recorder.record, 2), recorder.record, interrupted=False, warnings=[])
    return Launched(outcome, folder, tracker)


def words_of(launched: Launched) -> str:
    """What is printed at the end."""
    console = Console(file=io.StringIO(), width=200)
    print_outcome(console, launched.outcome, launched.folder, launched.tracker)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_an_mlflow_that_lacks_records_is_told_with_the_way_to_send_them(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(store: MlflowStore, *args: object, **options: object) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr(MlflowStore, "_ask", away)
    search = launched(tmp_path, database)
    words = words_of(search)
    assert "MLflow lacks 16 records: connection refused" in words
    assert f"sync {tmp_path}" in words
    assert search.to_json()["mlflow"]["lacking_records"] == 16
    assert search.to_json()["mlflow"]["sync"].endswith(f"sync {tmp_path}")


def test_an_mlflow_that_has_everything_is_no_news(tmp_path: Path, database: str) -> None:
    search = launched(tmp_path, database)
    assert "lacks" not in words_of(search)
    assert search.tracker.run_id in words_of(search)
    assert search.to_json()["mlflow"]["lacking_records"] == 0
    assert search.to_json()["mlflow"]["sync"] is None
