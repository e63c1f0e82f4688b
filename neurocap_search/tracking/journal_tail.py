"""A journal read while it is being written."""

import json
from pathlib import Path

from neurocap_search.tracking.events import Event


class JournalTail:
    """Reads what a journal has gained since the last call, for a thread that follows the search.

    The journal thereby is the queue between the search and its followers: it holds everything before
    they are told, it outlives a crash, and an outage of hours costs no memory.

    Args:
        path: The journal; need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._position = path, 0

    def read(self) -> list[Event]:
        """Return the new events; a line that is still being written waits for the next call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._position += len(whole)
        return [json.loads(line) for line in whole.splitlines()]
