"""The folder an inspection writes to, which is never somebody else's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neurocap_search.errors import UserError
from neurocap_search.inspection.figures import FIGURE_NAMES
from neurocap_search.tracking.tables import write_json

ABOUT = "inspection.json"
TABLE = "measures.csv"


class OutputFolder:
    """A new or empty folder, or that of an earlier inspection of the same subject, whose files are replaced.

    It is made, or emptied of that inspection's files, when the first file is written.

    Args:
        path: The folder.
        identity: Of the subject.

    Raises:
        UserError: If the folder holds anything else, or cannot be written.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self.path, self.identity = path, identity
        self.written: list[str] = []
        with self._explained():
            held = self._inspected()
            if path.exists() and any(path.iterdir()) and held != identity:
                whose = f"the inspection of {held}" if held else "other files"
                raise UserError(f"--output: {path} holds {whose}. Choose a new or empty folder.")

    def append(self, name: str, text: str) -> None:
        """Write the next lines of a text file."""
        with self._explained(), self._place(name).open("a", encoding="utf-8") as file:
            file.write(text)

    def image(self, name: str, png: bytes) -> None:
        """Write a PNG."""
        with self._explained():
            self._place(name).write_bytes(png)

    def about(self, facts: dict[str, Any]) -> None:
        """Write what was inspected and found."""
        with self._explained():
            write_json(self.path / ABOUT, facts)

    def _place(self, name: str) -> Path:
        if not self.written:
            self._begin()
        if name not in self.written:
            self.written.append(name)
        return self.path / name

    def _begin(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        for old in (TABLE, *FIGURE_NAMES):
            (self.path / old).unlink(missing_ok=True)
        write_json(self.path / ABOUT, {"subject": self.identity})

    def _inspected(self) -> str | None:
        """Return whose inspection the folder holds, or None."""
        try:
            return str(json.loads((self.path / ABOUT).read_text(encoding="utf-8"))["subject"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"--output: {self.path} cannot be written ({error.strerror}). Choose another folder."
            ) from None
