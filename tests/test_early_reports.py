"""Reports from within the first epoch, added to traces that were recorded without."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from neurocap_search.prediction import Report
from neurocap_search.traces.bank import first_seeds, load_bank
from neurocap_search.traces.schema import TaskTraces, read_traces, write_traces
from neurocap_search.traces.trace import Trace, TraceKey
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
script = importlib.import_module("add_early_reports")


def traces(*losses: float, early: bool = False) -> TaskTraces:
    made = []
    for k, loss in enumerate(losses):
        within = (Report(0.5, {"train_loss": 2 * loss}),) if early else ()
        reports = (Report(1, {"train_loss": loss, "val_accuracy": 0.5}),)
        made.append(Trace(TraceKey(k, 0), {"number": k}, {}, "net", 0, reports, early=within))
    return TaskTraces("task", 1, tuple(made))


def folders(tmp_path: Path, bank: TaskTraces, first: TaskTraces) -> list[str]:
    write_traces(bank, tmp_path / "bank" / "task.parquet")
    write_traces(first, tmp_path / "first" / "task.parquet")
    return [str(tmp_path / "first"), str(tmp_path / "bank")]


def test_the_same_first_epochs_give_their_early_reports(tmp_path, capsys) -> None:
    bank, first = traces(1.0, 2.0, 3.0), traces(1.0, 2.0, 3.0, early=True)
    assert script.main(folders(tmp_path, bank, first)) == 0
    assert read_traces(tmp_path / "bank" / "task.parquet") == replace(bank, traces=first.traces)
    assert "3 first epochs, 3 with the same training loss in every digit" in capsys.readouterr().out


def test_other_first_epochs_are_refused_and_nothing_is_written(tmp_path, capsys) -> None:
    bank, first = traces(1.0, 2.0, 3.0), traces(3.0, 1.0, 2.0, early=True)
    assert script.main(folders(tmp_path, bank, first)) == 2
    assert read_traces(tmp_path / "bank" / "task.parquet") == bank
    assert "record the first epoch as the task was recorded" in capsys.readouterr().err


def test_other_architectures_get_nothing(tmp_path, capsys) -> None:
    first = traces(1.0, 2.0, 3.0, early=True)
    others = tuple(replace(trace, architecture={"other": 1}) for trace in first.traces)
    assert script.main(folders(tmp_path, traces(1.0, 2.0), replace(first, traces=others))) == 2
    assert "0 first epochs" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(load_bank()))
def test_the_bank_has_early_reports_of_every_architecture(name: str) -> None:
    for trace in first_seeds(load_bank()[name]):
        told = [report.epoch for report in trace.early]
        assert told == [0.25, 0.5, 0.75] or trace.failure is not None
