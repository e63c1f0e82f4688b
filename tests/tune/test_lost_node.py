"""A node dies in the middle of an experiment: its trial goes on elsewhere, from its checkpoint."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from neurocap_search.tracking import Journal, SearchRecord, TrialState
from tests.conftest import ROOT, environment


def test_a_trial_whose_node_died_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.tune.programs.losing_a_node", str(tmp_path)]
    process = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr[-3000:]
    assert "0 of 2 trials pruned, 0 paused, 0 errors" in process.stdout
    events = list(Journal(tmp_path / "exp" / "journal.jsonl").read())
    (lost,) = {event["trial_id"] for event in events if event["event"] == "retried"}
    record = SearchRecord("value", 9, 0)
    for event in events:
        record.apply(event)
    assert [trial.state for trial in record] == [TrialState.COMPLETED] * 2
    assert [[report.epoch for report in trial.reports] for trial in record] == [list(range(1, 10))] * 2
    quality = f"{record.trials[lost].config['quality']:.6f}"
    trained = [line.split() for line in (tmp_path / "trained.txt").read_text().splitlines()]
    times = Counter(int(epoch) for name, epoch in trained if name == quality)
    assert times[1] == 1  # not begun anew
    assert max(times.values()) <= 2
    assert json.dumps(events).count('"retried"') == 1
