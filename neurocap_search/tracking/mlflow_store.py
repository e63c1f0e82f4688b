"""An MLflow store with the few calls a search needs, by explicit run ids."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from neurocap_search.tracking.mlflow_opening import artifact_place, opened

# By default MLflow tries for minutes in one call. Here whoever calls tries again by itself.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # where --json prints

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

_ROWS = 900  # MLflow takes 1,000 metrics, parameters and tags in one batch
_PAGE = 500


class MlflowStore:
    """One experiment in an MLflow store. Not for several threads at once.

    Args:
        folder: The run directory.
        uri: Tracking URI; None keeps ``mlflow.db`` in the run directory.
        experiment: Name of the experiment, made if there is none.

    Attributes:
        uri: The tracking URI in use.
        runs_sent: Ids of the runs something was sent to.
        last_answer: When the store answered last, in seconds of ``time.monotonic``.
        abandoned: Set to True from another thread to let the next call raise :class:`AbandonedError`.

    Raises:
        UserError: If the store cannot be used, or the server cannot be reached or does not answer.
    """

    def __init__(self, folder: Path, uri: str | None, experiment: str) -> None:
        self.uri = uri or f"sqlite:///{folder / 'mlflow.db'}"
        self.last_answer, self.abandoned = time.monotonic(), False
        self.runs_sent: set[str] = set()
        opened(self.uri, lambda: self._open(experiment, folder if uri is None else None))

    def search(self, condition: str) -> list[Run]:
        """Return the runs of the experiment that meet a condition in MLflow's language."""
        ask, where, size = self._client.search_runs, [self._experiment_id], _PAGE
        page = self._ask(ask, where, condition, max_results=size)
        runs: list[Run] = list(page)
        while page.token:
            page = self._ask(ask, where, condition, max_results=size, page_token=page.token)
            runs += page
        return runs

    def create_run(self, name: str, tags: Mapping[str, str], began: float) -> str:
        """Create a run that began at a time (seconds since 1970) and return its id."""
        run = self._ask(
            self._client.create_run,
            self._experiment_id,
            run_name=name,
            tags=dict(tags),
            start_time=_milliseconds(began),
        )
        self.runs_sent.add(run.info.run_id)
        return str(run.info.run_id)

    def send(
        self,
        run_id: str,
        *,
        metrics: Iterable[tuple[str, float, float, int]] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Send rows in as few batches as MLflow's limits allow, in their order.

        Args:
            run_id: The run.
            metrics: Name, value, time in seconds since 1970, and step; values that are not finite are
                left out. Sending the same rows twice leaves one of each.
            params: Parameters; MLflow refuses to change one.
            tags: Tags, sent last.
        """
        rows = [Metric(n, v, _milliseconds(when), step) for n, v, when, step in metrics if math.isfinite(v)]
        while len(rows) > _ROWS:
            self._ask(self._client.log_batch, run_id, metrics=rows[:_ROWS])
            del rows[:_ROWS]
        pairs = [Param(key, value) for key, value in (params or {}).items()]
        marks = [RunTag(key, value) for key, value in (tags or {}).items()]
        if rows or pairs or marks:
            self._ask(self._client.log_batch, run_id, metrics=rows, params=pairs, tags=marks)
            self.runs_sent.add(run_id)

    def metrics(self, run_id: str) -> dict[str, float]:
        """Return the latest values of a run's metrics."""
        return dict(self._ask(self._client.get_run, run_id).data.metrics)

    def put_json(self, run_id: str, name: str, value: Any) -> None:
        """Keep a JSON-ready value as an artifact; an older one of the name is replaced."""
        self._ask(self._client.log_dict, run_id, value, name)

    def put(self, run_id: str, path: Path) -> None:
        """Keep a file, or a folder under its name, as an artifact."""
        if path.is_dir():
            self._ask(self._client.log_artifacts, run_id, str(path), path.name)
        else:
            self._ask(self._client.log_artifact, run_id, str(path))

    def open(self, run_id: str) -> None:
        """Mark a run as going on."""
        self._ask(self._client.update_run, run_id, status="RUNNING")

    def close(self, run_id: str, status: str, ended: float) -> None:
        """Mark a run as ended."""
        self._ask(self._client.set_terminated, run_id, status, _milliseconds(ended))
        self.runs_sent.add(run_id)

    def delete(self, run_id: str) -> None:
        """Delete a run; one that somebody else has deleted is no error."""
        with _unless_refused():
            self._ask(self._client.delete_run, run_id)

    def drop_tag(self, run_id: str, name: str) -> None:
        """Delete a tag, if there is one."""
        with _unless_refused():
            self._ask(self._client.delete_tag, run_id, name)

    def register(self, model: str, run_id: str, folder: str, tags: Mapping[str, str]) -> None:
        """Register a folder of a run's artifacts as a version of a model, unless it already is."""
        try:
            self._ask(self._client.create_registered_model, model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        versions = self._ask(self._client.search_model_versions, f"run_id = '{run_id}'")
        if not any(version.name == model and version.tags == tags for version in versions):
            source = f"runs:/{run_id}/{folder}"
            self._ask(self._client.create_model_version, model, source, run_id, dict(tags))

    def _open(self, experiment: str, moved_to: Path | None) -> None:
        self._client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        self._experiment_id = self._find_experiment(experiment, moved_to)

    def _find_experiment(self, name: str, moved_to: Path | None) -> str:
        place = artifact_place(self.uri)
        found = self._client.get_experiment_by_name(name)
        if found is not None and moved_to is not None and found.artifact_location.rstrip("/") != place:
            # The run directory was moved: its artifacts shall not go to where it was.
            return self._find_experiment(f"{name} ({moved_to})", moved_to=None)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(name, artifact_location=place))

    def _ask(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if self.abandoned:
            raise AbandonedError
        answer = call(*args, **options)
        self.last_answer = time.monotonic()
        return answer


class AbandonedError(Exception):
    """Nobody waits for the store any more."""


def refused(error: Exception) -> bool:
    """Return whether MLflow is there but will not take this very record, however often it is sent."""
    codes = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST")
    return isinstance(error, MlflowException) and error.error_code in codes


@contextlib.contextmanager
def _unless_refused() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        if not refused(error):
            raise


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
