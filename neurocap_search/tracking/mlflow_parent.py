"""MLflow's parent run: the search as a whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurocap_search.tracking import mlflow_contents as contents
from neurocap_search.tracking.contributions import contribution_metrics
from neurocap_search.tracking.mlflow_children import shown_as_table
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.mlflow_target import MlflowTarget
from neurocap_search.tracking.replica import Replica

_FILES = (
    "config.yaml",
    "summary.json",
    "trials.csv",
    "contributions.csv",
    "decisions.jsonl",
    "figures",
    "best",
)


class ParentRun:
    """The run that holds a search's configuration, summary, tables, figures and best network.

    Args:
        store: The store.
        replica: The search so far.
        folder: The run directory.
        target: Parameters of the run and name of the registered model.

    Attributes:
        run_id: The run, once :meth:`load` has found or made it.
        complete: Whether the run is closed and holds the search's end.
    """

    def __init__(self, store: MlflowStore, replica: Replica, folder: Path, target: MlflowTarget) -> None:
        self._store, self._replica, self._folder, self._target = store, replica, folder, target
        self.run_id, self.complete = "", False

    def load(self, *, going_on: bool) -> None:
        """Find or make the run, by the id of the search in its tags."""
        search_id = self._replica.record.search_id
        runs = self._store.search(f"tags.neurocap.search = '{search_id}' and tags.neurocap.kind = 'search'")
        self.run_id = runs[0].info.run_id if runs else self._create(search_id)
        data = runs[0].data if runs else None
        known = data.params if data else {}
        params = contents.as_params(self._target.params)
        self._store.send(self.run_id, params={key: params[key] for key in params if key not in known})
        is_open = not runs or runs[0].info.status == "RUNNING"
        if going_on and not is_open:
            self._store.open(self.run_id)
        sent_events = data.tags.get("neurocap.events") if data else None
        self.complete = not going_on and not is_open and sent_events == str(self._replica.events)

    def finish(self, summary: Mapping[str, Any] | None) -> None:
        """Send summary, tables, figures and best network, and close the run.

        Args:
            summary: The summary's JSON; None for a search that was cut off before it had one.
        """
        self._put_files()
        tags = {"neurocap.events": str(self._replica.events)} | self._put_tables(summary)
        if (insight := self._replica.record.insight) is not None:
            tags["neurocap.audit"] = insight.sentence
        if summary is not None:
            self._register(summary)
        self._store.send(self.run_id, metrics=self._new_figures(summary), tags=tags)
        cut_off = summary is None or summary["interrupted"]
        self._store.close(self.run_id, "KILLED" if cut_off else "FINISHED", self._replica.time)
        self.complete = True

    def _create(self, search_id: str) -> str:
        tags = {**self._target.tags, "neurocap.search": search_id, "neurocap.kind": "search"}
        return self._store.create_run(self._folder.name, contents.as_tags(tags), self._replica.begun)

    def _put_files(self) -> None:
        for name in _FILES:
            if (self._folder / name).exists():
                self._store.put(self.run_id, self._folder / name)

    def _put_tables(self, summary: Mapping[str, Any] | None) -> dict[str, str]:
        """Keep the tables of predictions and of contributions; return the tag that shows them."""
        record, tables = self._replica.record, {}
        if summary is not None and summary["quality"]:
            epoch = summary["quality"]["epoch"]
            tables["predictions.json"] = contents.prediction_table(record, epoch)
        if record.insight is not None and record.insight.rungs:
            tables["contributions.json"] = contents.contribution_table(record.insight)
        for name, table in tables.items():
            self._store.put_json(self.run_id, name, table)
        return shown_as_table(*tables) if tables else {}

    def _new_figures(self, summary: Mapping[str, Any] | None) -> list[tuple[str, float, float, int]]:
        """Return the numbers of the summary and of what was learned that the run does not hold yet."""
        held, insight = self._store.metrics(self.run_id), self._replica.record.insight
        numbers = contents.summary_metrics(summary) if summary else {}
        numbers |= contribution_metrics(insight) if insight else {}
        return [(name, n, self._replica.time, 0) for name, n in numbers.items() if held.get(name) != n]

    def _register(self, summary: Mapping[str, Any]) -> None:
        model, best = self._target.registered_model, summary["best"]
        if model and best and (self._folder / "best" / "weights.safetensors").is_file():
            tags = {"neurocap.search": self._replica.record.search_id, "neurocap.trial": str(best["number"])}
            self._store.register(model, self.run_id, "best", tags)
