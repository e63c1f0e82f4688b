"""MLflow's child runs: one for each trial, brought to where the trial stands."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurocap_search.tracking import mlflow_contents as contents
from neurocap_search.tracking.mlflow_store import MlflowStore
from neurocap_search.tracking.record import TrialRecord, TrialState
from neurocap_search.tracking.replica import Replica

if TYPE_CHECKING:
    from mlflow.entities import Run

_GOING_ON = (TrialState.RUNNING, TrialState.PAUSED)
_STATUS = {TrialState.COMPLETED: "FINISHED", TrialState.PRUNED: "FINISHED", TrialState.FAILED: "FAILED"}


@dataclass
class ChildRun:
    """What MLflow holds of a trial.

    Attributes:
        run_id: The run.
        attempt: Which attempt of the trial it is of.
        epochs: How far its metrics reach.
        params: Names of its parameters.
        closed: The state it was closed with; None while it is open.
    """

    run_id: str
    attempt: int = 0
    epochs: float = 0
    params: frozenset[str] = frozenset()
    closed: str | None = None

    @classmethod
    def of(cls, run: "Run") -> "ChildRun":
        """Read a run as MLflow holds it."""
        tags, is_open = run.data.tags, run.info.status == "RUNNING"
        attempt = int(tags.get("neurocap.attempt", 0))
        epochs = run.data.metrics.get(contents.EPOCHS, 0)
        closed = None if is_open else tags.get("neurocap.state", "")
        return cls(run.info.run_id, attempt, epochs, frozenset(run.data.params), closed)


class ChildRuns:
    """The child runs of one parent.

    Args:
        store: The store.
        replica: The search so far.

    Attributes:
        records_sent: Reports and ends of trials that were sent.
    """

    def __init__(self, store: MlflowStore, replica: Replica) -> None:
        self._store, self._replica = store, replica
        self._parent_id = ""
        self._runs: dict[int, ChildRun] = {}
        self.records_sent = 0

    def load(self, parent_id: str) -> None:
        """Ask what MLflow holds; of two runs of one trial only the one that holds more is kept."""
        self._parent_id = parent_id
        runs = self._store.search(f"tags.{contents.PARENT_RUN} = '{parent_id}'")
        known = [(int(run.data.tags["neurocap.trial"]), ChildRun.of(run)) for run in runs]
        self._runs = {}
        for number, run in sorted(known, key=lambda pair: (pair[1].attempt, pair[1].epochs)):
            if number in self._runs:
                self._store.delete(self._runs[number].run_id)
            self._runs[number] = run

    def bring(self, trial: TrialRecord, *, over: bool) -> None:
        """Send what the run of a trial lacks.

        Args:
            trial: The trial.
            over: The search is over: a trial that has no end was cut off.
        """
        run = self._run_of(trial)
        state = TrialState.INTERRUPTED if over and trial.state is TrialState.RUNNING else trial.state
        ends = over or state not in _GOING_ON
        if ends and run.closed == state.value and run.epochs >= trial.epochs:
            return
        if not ends and run.closed is not None:
            self._store.open(run.run_id)
            self._store.drop_tag(run.run_id, "neurocap.error")
            run.closed = None
        self._send_reports(run, trial)
        if ends:
            self._close(run, trial, state)

    def lacking(self, trial: TrialRecord, attempt: int) -> int:
        """Return how many records of a trial were not sent."""
        run = self._runs.get(trial.number)
        if run is None or run.attempt != attempt:
            return len(trial.reports) + 1
        return sum(report.epoch > run.epochs for report in trial.reports) + (run.closed is None)

    def _send_reports(self, run: ChildRun, trial: TrialRecord) -> None:
        pairs = zip(trial.reports, trial.decisions, strict=True)
        fresh = [(report, decision) for report, decision in pairs if report.epoch > run.epochs]
        if not fresh:
            return
        rows = []
        for report, decision in fresh:
            when = self._replica.reported[trial.number, report.epoch]
            metrics = contents.report_metrics(report, decision)
            rows += [(name, value, when, int(report.epoch)) for name, value in metrics.items()]
        self._store.send(run.run_id, metrics=rows, tags=contents.state_tags(trial, trial.state))
        run.epochs = trial.epochs
        self.records_sent += len(fresh)

    def _close(self, run: ChildRun, trial: TrialRecord, state: TrialState) -> None:
        when = self._replica.ended.get(trial.number, self._replica.time)
        metrics = contents.outcome_metrics(self._replica.record, trial)
        kept_as = "architecture.json" if trial.is_architecture else "config.json"
        self._store.put_json(run.run_id, kept_as, trial.config)
        self._store.put_json(run.run_id, "decisions.json", contents.decision_table(trial))
        self._store.send(
            run.run_id,
            metrics=[(name, value, when, int(trial.epochs)) for name, value in metrics.items()],
            tags=contents.state_tags(trial, state) | shown_as_table("decisions.json"),
        )
        self._store.close(run.run_id, _STATUS.get(state, "KILLED"), when)
        run.closed = state.value
        self.records_sent += 1

    def _run_of(self, trial: TrialRecord) -> ChildRun:
        """Return the run of the trial's present attempt, with its parameters, in place of an earlier one."""
        attempt, run = self._replica.attempts[trial.number], self._runs.get(trial.number)
        if run is not None and run.attempt != attempt:
            self._store.delete(run.run_id)
            run = None
        if run is None:
            run = self._runs[trial.number] = ChildRun(self._create(trial, attempt), attempt)
        params = contents.trial_params(trial)
        if lacking := {key: value for key, value in params.items() if key not in run.params}:
            self._store.send(run.run_id, params=lacking)
            run.params = frozenset(params)
        return run

    def _create(self, trial: TrialRecord, attempt: int) -> str:
        tags = {
            contents.PARENT_RUN: self._parent_id,
            "neurocap.trial": str(trial.number),
            "neurocap.attempt": str(attempt),
            "neurocap.architecture": trial.description,
        }
        name = f"{trial.name} {trial.description}".strip()
        return self._store.create_run(name, contents.as_tags(tags), self._replica.began[trial.number])


def shown_as_table(*names: str) -> dict[str, str]:
    """Return the tag by which MLflow's pages show artifacts as tables."""
    tables = ", ".join(f'{{"path": "{name}", "type": "table"}}' for name in names)
    return {contents.TABLES: f"[{tables}]"}
