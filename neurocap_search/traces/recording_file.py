"""What has been recorded so far: a line for each finished training, safe against a crash at any time."""

import json
from pathlib import Path
from typing import Any

from neurocap_search.errors import UserError
from neurocap_search.traces.schema import TaskTraces, read_traces, write_traces
from neurocap_search.traces.trace import Trace, TraceKey


class RecordingFile:
    """The traces of one task while they are recorded.

    A finished training is appended to ``NAME.jsonl`` at once. :meth:`close` writes all traces to
    ``NAME.parquet`` and removes the lines. Opened again it goes on with what both files hold.

    Args:
        folder: Where both files are.
        head: The task without traces: what the new traces are made of.

    Attributes:
        traces: All finished trainings.

    Raises:
        UserError: If a file is damaged, or was recorded under another protocol.
    """

    def __init__(self, folder: Path, head: TaskTraces) -> None:
        self._head = head
        self.path, self._lines = folder / f"{head.task}.parquet", folder / f"{head.task}.jsonl"
        self.traces: dict[TraceKey, Trace] = {}
        if self.path.exists():
            known = read_traces(self.path)
            self._check(self.path, known.head())
            self._keep(known.traces)
        if self._lines.exists():
            self._keep(self._read_lines())

    def append(self, trace: Trace) -> None:
        """Keep a finished training."""
        new = not self._lines.exists()
        self._lines.parent.mkdir(parents=True, exist_ok=True)
        with self._lines.open("a", encoding="utf-8") as file:
            if new:
                file.write(json.dumps(self._head.head()) + "\n")
            file.write(json.dumps(trace.to_json()) + "\n")
        self._keep([trace])

    def close(self) -> TaskTraces:
        """Write the Parquet file, if there is anything to write, remove the lines and return all traces."""
        sorted_traces = tuple(self.traces[key] for key in sorted(self.traces))
        task = TaskTraces(traces=sorted_traces, **_without_version(self._head.head()))
        if sorted_traces:
            write_traces(task, self.path)
        self._lines.unlink(missing_ok=True)
        return task

    def _keep(self, traces: "tuple[Trace, ...] | list[Trace]") -> None:
        self.traces |= {trace.key: trace for trace in traces}

    def _read_lines(self) -> list[Trace]:
        """Return the traces of the lines; the last line may have been cut off by a crash."""
        text = self._lines.read_text(encoding="utf-8")
        whole, _, cut = text.rpartition("\n")
        if cut:  # the next line must not be glued to it
            self._lines.write_text(f"{whole}\n" if whole else "", encoding="utf-8")
        head, *lines = whole.split("\n")
        if not head:
            self._lines.unlink()
            return []
        try:
            self._check(self._lines, json.loads(head))
            return [Trace.from_json(json.loads(line)) for line in lines]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self._lines} is damaged: {error!r}. Move it away and record again.") from None

    def _check(self, path: Path, found: dict[str, Any]) -> None:
        """Refuse to mix traces that were not made in the same way."""
        wanted = self._head.head()
        for key in ("version", "epochs", "metric", "mode", "protocol"):
            if found.get(key) != wanted[key]:
                raise UserError(
                    f"{path} was recorded with another {key}: {_difference(found.get(key), wanted[key])}. "
                    "Give the recording another name, or another --output."
                )


def _without_version(head: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in head.items() if key != "version"}


def _difference(found: object, wanted: object) -> str:
    """Say where two protocols differ."""
    if not (isinstance(found, dict) and isinstance(wanted, dict)):
        return f"{found!r} there, {wanted!r} here"
    key = next(key for key in wanted | found if found.get(key) != wanted.get(key))
    return f"{key}: {_difference(found.get(key), wanted.get(key))}"
