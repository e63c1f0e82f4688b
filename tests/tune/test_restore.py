"""Tune programs whose driver is killed, and Ray's own ``Tuner.restore``: nothing is forgotten."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from neurocap_search.tracking import Journal, SearchRecord, TrialState
from neurocap_search.tune.ledger import JOURNAL_FILE
from tests.conftest import ROOT, environment

pytestmark = pytest.mark.timeout(400)
PROGRAM = [sys.executable, "-m", "tests.tune.programs.experiment"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen(
            [*PROGRAM, str(folder), *arguments],
            cwd=ROOT,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def run(folder: Path, *arguments: str) -> None:
    process = start(folder, *arguments)
    assert process.wait(timeout=300) == 0, (folder / "log.txt").read_text()[-3000:]


def trained(folder: Path) -> list[str]:
    path = folder / "trained.txt"
    return path.read_text().splitlines() if path.is_file() else []


def kill_after(folder: Path, epochs: int, *arguments: str) -> None:
    """Start the program and SIGKILL driver, workers and Ray once that many epochs were trained."""
    process = start(folder, *arguments)
    while len(trained(folder)) < epochs:
        assert process.poll() is None, (folder / "log.txt").read_text()[-3000:]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(1)


def record_of(folder: Path) -> SearchRecord:
    record = SearchRecord("value", 9, 0)
    for event in Journal(folder / "exp" / JOURNAL_FILE).read():
        record.apply(event)
    return record


def ends(record: SearchRecord) -> dict[str, tuple[TrialState, int]]:
    return {f"{t.config['quality']:.6f}": (t.state, t.epochs) for t in record}


@pytest.fixture(scope="module", params=[pytest.param("stopping", marks=pytest.mark.slow), "promotion"])
def kind(request) -> list[str]:
    return ["--promotion", "--limit", "1", "--trials", "12"] if request.param == "promotion" else []


@pytest.fixture(scope="module")
def undisturbed(kind, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    run(folder, *kind)
    return folder


def test_an_undisturbed_experiment_prunes_and_ends(kind, undisturbed):
    record = record_of(undisturbed)
    states = Counter(trial.state for trial in record)
    assert set(states) == {TrialState.COMPLETED, TrialState.PRUNED}
    assert len(trained(undisturbed)) == sum(trial.epochs for trial in record) < len(list(record)) * 9
    assert json.loads((undisturbed / "results.json").read_text()) == {
        q: e for q, (_, e) in ends(record).items()
    }


def test_killed_and_restored_it_ends_as_if_undisturbed(kind, undisturbed, tmp_path):
    kill_after(tmp_path, 13, *kind)
    before = record_of(tmp_path)
    ended = {
        q for q, (state, _) in ends(before).items() if state in (TrialState.COMPLETED, TrialState.PRUNED)
    }
    assert ended or kind  # of the promotion type none has ended by then
    done = trained(tmp_path)
    run(tmp_path, "--restore")
    assert ends(record_of(tmp_path)) == ends(record_of(undisturbed))
    again = trained(tmp_path)[len(done) :]
    assert not {line.split()[0] for line in again} & ended  # no finished trial ran again
    assert json.loads((tmp_path / "results.json").read_text()) == json.loads(
        (undisturbed / "results.json").read_text()
    )
