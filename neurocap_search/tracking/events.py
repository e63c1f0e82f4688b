"""What happens in a search, as events that can be written down and played again."""

import errno
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurocap_search.errors import UserError

JOURNAL_VERSION = 2

Event = dict[str, Any]
"""A JSON-ready dict; ``event`` says which kind, such as search, suggested, report, ended or resumed, and
``time`` when, in seconds since 1970."""


class Journal:
    """An append-only file of events, one JSON object a line: the one source of truth of a search.

    Every event is handed to the operating system before the search goes on, so a killed search loses
    none. A last line cut short by a kill is left out when reading. Numbers that are not finite are
    written as null.

    Args:
        path: The file; made when the first event is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Write one event, or nothing of it: the next one must not go on in a line cut short by a full disk.

        Raises:
            OSError: If it cannot be written.
        """
        line = (json.dumps(finite(event), allow_nan=False) + "\n").encode()
        with self.path.open("ab", buffering=0) as file:
            size = file.tell()
            if file.write(line) != len(line):
                file.truncate(size)
                raise OSError(errno.ENOSPC, "no room for an event", str(self.path))

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
