"""Where a search's record goes in MLflow, kept beside the journal so that it can be sent again."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from neurocap_search.errors import UserError
from neurocap_search.tracking.record import SearchRecord
from neurocap_search.tracking.tables import write_json

TARGET_FILE = "mlflow.json"
JOURNAL_FILE = "journal.jsonl"
_VERSION = 1


@dataclass(frozen=True)
class MlflowTarget:
    """All that is needed beside the journal to rebuild MLflow's record.

    How much has been sent is not kept here but asked of MLflow itself, so it cannot be wrong after a
    crash.

    Attributes:
        uri: Tracking URI; None stands for ``mlflow.db`` in the run directory, wherever that is moved.
        experiment: Name of the experiment.
        params: Parameters of the parent run.
        registered_model: Name under which the best network is registered, if any.
        search: Arguments of the search's :class:`SearchRecord`, such as its metric.
        tags: Further tags of the parent run, such as the comparison it belongs to.
    """

    uri: str | None
    experiment: str
    params: dict[str, Any]
    registered_model: str | None
    search: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)

    def empty_record(self) -> SearchRecord:
        """Return the search's record before its first event."""
        return SearchRecord(**self.search)

    def write(self, folder: Path) -> None:
        """Write the file into a run directory."""
        write_json(folder / TARGET_FILE, {"version": _VERSION, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> "MlflowTarget":
        """Read the file of a run directory.

        Raises:
            UserError: If there is none, or one of another version.
        """
        path = folder / TARGET_FILE
        if not path.is_file():
            raise UserError(
                f"{folder} holds no record for MLflow: it has no {TARGET_FILE}. Give the run directory of a "
                "search."
            )
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            version = state.pop("version", None)
        except (ValueError, AttributeError):
            raise UserError(f"{path} is damaged: it is no JSON object. Restore it from a copy.") from None
        if version != _VERSION:
            raise UserError(f"{path} has version {version!r}, this release reads {_VERSION}.")
        return cls(**state)
