"""The run directory's tables, readable without this software."""

import csv
import io
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from neurocap_search.pruning import Decision
from neurocap_search.tracking.contributions import contribution_rows
from neurocap_search.tracking.events import finite
from neurocap_search.tracking.listener import SearchListener
from neurocap_search.tracking.record import SearchRecord, TrialRecord, TrialState
from neurocap_search.tracking.summary import Summary


class TableWriter(SearchListener):
    """Keeps the tables up to date and writes ``summary.json`` at the end.

    The tables are ``trials.csv``, ``decisions.jsonl`` and, if the policy learns what its signals are worth,
    ``contributions.csv``.

    Args:
        folder: The run directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._next = 0.0
        self._decisions: TextIO | None = None

    def on_search_start(self, record: SearchRecord) -> None:
        """Write the decisions of a resumed search anew, without those that are void; drop its old summary."""
        self._close()
        (self.folder / "summary.json").unlink(missing_ok=True)
        rows = [decision_row(trial, decision) for trial in record for decision in trial.decisions]
        write_text(self.folder / "decisions.jsonl", "".join(rows))

    def on_report(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Append the decision."""
        if self._decisions is None:  # kept open: opening takes longer than writing
            self._decisions = (self.folder / "decisions.jsonl").open("a", encoding="utf-8")
        self._decisions.write(decision_row(trial, trial.decisions[-1]))
        self._decisions.flush()  # a killed search must not lack any, and a full disk must show

    def on_trial_end(self, record: SearchRecord, trial: TrialRecord) -> None:
        """Write both tables anew, unless that would take more than a twentieth of the time."""
        start = time.monotonic()
        if start >= self._next:
            self._write_tables(record)
            self._next = start + 20 * (time.monotonic() - start)

    def on_search_end(self, record: SearchRecord, summary: Summary) -> None:
        """Write the tables of trials and contributions, and the summary."""
        self._close()
        self._write_tables(record)
        write_json(self.folder / "summary.json", summary.to_json())

    def __del__(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._decisions is not None:
            self._decisions.close()
            self._decisions = None

    def _write_tables(self, record: SearchRecord) -> None:
        _write_csv(self.folder / "trials.csv", [trial_row(record, trial) for trial in record])
        if record.insight is not None:
            _write_csv(self.folder / "contributions.csv", contribution_rows(record.insight))


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, if there are any."""
    if rows:
        text = io.StringIO()
        columns = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, text.getvalue())


def decision_row(trial: TrialRecord, decision: Decision) -> str:
    """Return one line of ``decisions.jsonl``."""
    return json.dumps({"trial": trial.number, **finite(decision.to_json())}) + "\n"


def trial_row(record: SearchRecord, trial: TrialRecord) -> dict[str, Any]:
    """Return one row of ``trials.csv``; an empty cell means that there is no such value."""
    prediction = trial.prediction
    pruned = trial.state is TrialState.PRUNED
    return {
        "trial": trial.number,
        "state": trial.state.value,
        "description": trial.description,
        "epochs": trial.epochs,
        f"final_{record.metric}": trial.final(record.metric),
        f"last_{record.metric}": trial.value(record.metric),
        "last_beta_eff": trial.value("beta_eff"),
        "predicted_mean": prediction.mean if prediction else None,
        "predicted_std": prediction.std if prediction else None,
        "pruned_epoch": trial.epochs if pruned else None,
        "reason": trial.error or (trial.last_decision.reason if trial.last_decision else None),
        "parameters": trial.parameters,
        "multiply_adds": trial.multiply_adds,
        "seconds": round(trial.seconds, 3),
        **{name: json.dumps(value, sort_keys=True) for name, value in _proposed(trial).items()},
    }


def _proposed(trial: TrialRecord) -> dict[str, Any]:
    return trial.config if trial.is_architecture else {"config": trial.config}


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON; a crash leaves the old file or the new one, never a half."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
