"""What happens in a search, as events that can be written down and played again."""

import errno
import json
import math
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

from neurocap_search.errors import UserError

JOURNAL_VERSION = 2

_encode = json.JSONEncoder(allow_nan=False, check_circular=False).encode

Event = dict[str, Any]
"""A JSON-ready dict; ``event`` says which kind, such as search, suggested, report, learned, ended or resumed,
and ``time`` when, in seconds since 1970."""


class Journal:
    """An append-only file of events, one JSON object a line: the one source of truth of a search.

    Every event is handed to the operating system before the search goes on, so a killed search loses
    none; a power failure may lose the last ones. A last line cut short by a kill is left out when reading.
    Numbers that are not finite are written as null.

    The file stays open from the first event on, for opening it costs more than writing a line. It is
    opened anew after :meth:`close`, and in a copy or another process.

    Args:
        path: The file; made when the first event is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: FileIO | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_file": None}

    def __del__(self) -> None:
        self.close()

    def append(self, event: Event) -> None:
        """Write one event, or nothing of it: the next one must not go on in a line cut short by a full disk.

        Raises:
            OSError: If it cannot be written.
        """
        line = _line(event)
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        written = self._file.write(line)
        if written != len(line):
            self._file.truncate(self._file.tell() - written)
            raise OSError(errno.ENOSPC, "no room for an event", str(self.path))

    def close(self) -> None:
        """Close the file until the next event."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self) -> Iterator[Event]:
        """Yield the events in order.

        Raises:
            UserError: If the file is missing, damaged in the middle or of another version.
        """
        self._check()
        lines = self.path.read_text(encoding="utf-8").splitlines()
        if not lines:
            raise UserError(f"{self.path} is empty: the search ended before it began. Start it anew.")
        for number, line in enumerate(lines, 1):
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                if number == len(lines):
                    return
                raise UserError(f"{self.path}, line {number} is damaged: {line[:60]!r}.") from None
            if number == 1 and event.get("version") != JOURNAL_VERSION:
                received = event.get("version")
                raise UserError(
                    f"{self.path} has version {received!r}, this release reads {JOURNAL_VERSION}."
                )
            yield event

    def mend(self) -> None:
        """Cut off a last line that a kill left incomplete, so that appending is safe."""
        self._check()
        content = self.path.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(self.path, content.rfind(b"\n") + 1)

    def _check(self) -> None:
        if not self.path.is_file():
            raise UserError(f"No journal at {self.path}; --resume takes the run directory of a search.")


def _line(event: Event) -> bytes:
    try:
        text = _encode(event)
    except (ValueError, TypeError):  # seldom, and looking for it beforehand takes as long as writing
        text = _encode(finite(event))
    return f"{text}\n".encode()


def finite(value: Any) -> Any:
    """Return JSON-ready values with None for every number that is not finite.

    Example:
        >>> finite({"beta_eff": float("nan"), "epochs": [1, 2.5]})
        {'beta_eff': None, 'epochs': [1, 2.5]}
    """
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
