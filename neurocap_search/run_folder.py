"""The folder of a run: a name and the time."""

import itertools
from datetime import datetime
from pathlib import Path

from neurocap_search.errors import UserError


def new_folder(parent: Path, name: str) -> Path:
    """Make ``parent/NAME-DATE-TIME``; a second one within a second gets a number.

    Raises:
        UserError: If it cannot be made.
    """
    stem = f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    for number in itertools.count(1):
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if folder.exists():
                continue
            raise unwritable(folder, "a file is in the way") from None
        except OSError as error:
            raise unwritable(folder, str(error.strerror)) from None
        return folder
    raise AssertionError("itertools.count has no end")


def unwritable(folder: Path, why: str) -> UserError:
    """Return the error for a folder that cannot be written."""
    return UserError(f"output.dir: {folder} cannot be written ({why}). Choose another output.dir.")
