"""An MLflow store with the few calls a search needs, by explicit run ids."""

import math
import os
import time
from pathlib import Path
from typing import Any

from neurocap_search.errors import UserError

# An unreachable server must not hold up the driver: by default MLflow tries for minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag


class MlflowStore:
    """One experiment in an MLflow store.

    Args:
        folder: The run directory.
        uri: Tracking URI; None keeps ``mlflow.db`` in the run directory.
        experiment: Name of the experiment, made if there is none.

    Attributes:
        uri: The tracking URI in use.
        client: MLflow's client for all else.

    Raises:
        UserError: If the store cannot be used or the server cannot be reached.
    """

    def __init__(self, folder: Path, uri: str | None, experiment: str) -> None:
        self.uri = uri or f"sqlite:///{folder / 'mlflow.db'}"
        try:
            self.client = MlflowClient(tracking_uri=self.uri)
            self._experiment_id = self._find_experiment(experiment, moved_to=folder if uri is None else None)
        except Exception as error:  # each kind of store has its own errors
            raise UserError(
                f"tracking.uri: MLflow cannot use {self.uri}: {_first_line(error)}.{_hint(self.uri)} Start "
                "the server, mend the address, or leave tracking.uri out to keep the record here."
            ) from None

    def search(self, condition: str) -> list[Run]:
        """Return the runs of the experiment that meet a condition in MLflow's language."""
        return list(self.client.search_runs([self._experiment_id], condition, max_results=50_000))

    def create_run(self, name: str, tags: dict[str, str], params: dict[str, Any]) -> str:
        """Create a run and return its id."""
        run = self.client.create_run(self._experiment_id, run_name=name, tags=tags)
        # MLflow holds at most 6,000 characters in a parameter.
        rows = [Param(key, str(value)[:6000]) for key, value in params.items()]
        self.client.log_batch(run.info.run_id, params=rows)
        return str(run.info.run_id)

    def log_metrics(self, run_id: str, metrics: dict[str, float], step: int) -> None:
        """Log numbers at a step; those that are not finite are left out."""
        now = int(time.time() * 1000)
        rows = [Metric(key, float(v), now, step) for key, v in metrics.items() if math.isfinite(v)]
        self.client.log_batch(run_id, metrics=rows)

    def set_tags(self, run_id: str, tags: dict[str, str]) -> None:
        """Set tags; MLflow holds at most 8,000 characters in one."""
        self.client.log_batch(run_id, tags=[RunTag(key, value[:8000]) for key, value in tags.items()])

    def _find_experiment(self, name: str, moved_to: Path | None) -> str:
        place = _artifact_place(self.uri)
        found = self.client.get_experiment_by_name(name)
        if found is not None and moved_to is not None and found.artifact_location.rstrip("/") != place:
            # The run directory was moved: its artifacts shall not go to where it was.
            return self._find_experiment(f"{name} ({moved_to})", moved_to=None)
        if found is not None:
            return str(found.experiment_id)
        return str(self.client.create_experiment(name, artifact_location=place))


def _artifact_place(uri: str) -> str | None:
    """Return where a local store keeps artifacts: beside itself, not in the working directory."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).absolute().parent / "mlartifacts").as_uri()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160]


def _hint(uri: str) -> str:
    return "" if "://" in uri else " Begin it with http:// if it is a server's."
