"""A comparison in MLflow: one parent run, a child for each rule and seed."""

import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from neurocap_search.comparison.mlflow_numbers import difference_metrics, pair_metrics, pairs_of
from neurocap_search.comparison.results import Results, RunResult
from neurocap_search.comparison.statistics.verdict import Verdict
from neurocap_search.config import TrackingConfig
from neurocap_search.tracking.mlflow_contents import PARENT_RUN, as_params, as_tags
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.tables import write_text

KIND, RULE, SEED = "neurocap.kind", "neurocap.rule", "neurocap.seed"
"""Tags of the runs: ``comparison`` for the parent; of the children their rule and seed."""

ROLE = "neurocap.role"
"""Tag of a child: its rule is the ``candidate``, the ``rival`` or an ``other``."""

_ID_FILE = "comparison_id"
_FILES = ("report.html", "figures", "tables", "results.json", "config.yaml")
_DESCRIPTION = "mlflow.note.content"


class ComparisonRun:
    """The runs of one comparison, found again by the id that its folder keeps.

    ``mlflow.search_runs(filter_string="tags.neurocap.role != 'other'")`` puts candidate and rival side by
    side. Opening it reaches the store: what is wrong with the address shows before anything is compared.
    Whatever is sent twice stands there once, so that a comparison that was cut off can be sent again.

    Args:
        folder: The comparison's folder; without a URI its ``mlflow.db`` is the store.
        tracking: Where to.
        params: Parameters of the parent.

    Attributes:
        uri: The tracking URI in use.
        run_id: The parent.

    Raises:
        UserError: If the store cannot be used or reached.
    """

    def __init__(self, folder: Path, tracking: TrackingConfig, params: Mapping[str, Any]) -> None:
        self._folder = folder
        self._store = MlflowStore(folder, tracking.uri, tracking.experiment)
        self.uri = self._store.uri
        self._id = _id_of(folder)
        self.run_id = self._find_or_make(params)

    def send(
        self,
        results: Results,
        found: Verdict,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Send the runs of all rules, the answer and the files, and close the parent."""
        pairs = pairs_of(results)
        known = self._children()
        for number, ((rule, seed), runs) in enumerate(pairs.items(), start=1):
            self._bring(known.get((rule, str(seed))), rule, seed, runs, results)
            on_progress(number, len(pairs))
        for name in _FILES:
            if (self._folder / name).exists():
                self._store.put(self.run_id, self._folder / name)
        self._answer(results, found)
        self._store.close(self.run_id, "FINISHED", time.time())

    def cut_off(self) -> None:
        """Close the parent of a comparison that did not come to its end."""
        self._store.close(self.run_id, "KILLED", time.time())

    def _find_or_make(self, params: Mapping[str, Any]) -> str:
        found = self._store.search(f"tags.neurocap.comparison = '{self._id}' and tags.{KIND} = 'comparison'")
        if found:
            self._store.open(found[0].info.run_id)
            return str(found[0].info.run_id)
        tags = {"neurocap.comparison": self._id, KIND: "comparison"}
        run_id = self._store.create_run(self._folder.name, tags, time.time())
        self._store.send(run_id, params=as_params(params))
        return run_id

    def _children(self) -> dict[tuple[str, str], Run]:
        runs = self._store.search(f"tags.{PARENT_RUN} = '{self.run_id}'")
        return {(run.data.tags[RULE], run.data.tags[SEED]): run for run in runs if RULE in run.data.tags}

    def _bring(
        self, known: Run | None, rule: str, seed: int, runs: list[RunResult], results: Results
    ) -> None:
        """Send what the child of a rule and seed lacks; a live search has made its own."""
        if known is not None and "regret" in known.data.metrics:
            return
        run_id = self._make(rule, seed) if known is None else known.info.run_id
        tasks = sorted({run.unit.task for run in runs})
        tags = {
            "neurocap.comparison": self._id,
            "neurocap.compared": results.kind,
            ROLE: {results.candidate: "candidate", results.rival: "rival"}.get(rule, "other"),
            "neurocap.tasks": ", ".join(tasks),
            "neurocap.pools": str(len({run.unit for run in runs})),
        }
        now = time.time()
        metrics = [(name, value, now, step) for name, value, step in pair_metrics(runs)]
        params = {} if known is not None else {"rule": rule, "seed": str(seed)}
        self._store.send(run_id, metrics=metrics, params=params, tags=as_tags(tags))
        if known is None:
            self._store.close(run_id, "FINISHED", now)

    def _make(self, rule: str, seed: int) -> str:
        tags = {PARENT_RUN: self.run_id, KIND: "rule", RULE: rule, SEED: str(seed)}
        return self._store.create_run(f"{rule} seed {seed}", as_tags(tags), time.time())

    def _answer(self, results: Results, found: Verdict) -> None:
        """Keep the sentence as a tag and, with what belongs beside it, as the run's description."""
        tags = {
            "neurocap.candidate": results.candidate,
            "neurocap.rival": results.rival,
            "neurocap.outcome": found.outcome,
            "neurocap.sentence": found.sentence,
            _DESCRIPTION: "\n\n".join([found.sentence, *found.beside]),
        }
        now = time.time()
        metrics = [(name, value, now, 0) for name, value in difference_metrics(found).items()]
        self._store.send(self.run_id, metrics=metrics, tags=as_tags(tags))


def _id_of(folder: Path) -> str:
    """Return the id of the comparison in a folder, made on the first call."""
    path = folder / _ID_FILE
    if not path.exists():
        write_text(path, uuid.uuid4().hex)
    return path.read_text(encoding="utf-8").strip()
