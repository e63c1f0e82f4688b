"""Going on with a search: its journal is played through searcher and policy."""

from importlib.metadata import version
from typing import Any
from uuid import uuid4

from neurocap_search.config import SearchConfig
from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import Action
from neurocap_search.tracking import Journal, SearchRecord, SearchRecorder, TrialRecord, TrialState
from neurocap_search.tracking.events import JOURNAL_VERSION, Event
from neurocap_search.tune.past import end_now, end_state
from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.replay_policy import kept_reports, tell_policy
from neurocap_search.tune.searcher import RecordedSearch

PACKAGES = ("neurocap-search", "ray", "torch", "torchvision", "numpy", "scikit-learn", "optuna", "mlflow")
_UNFINISHED = {TrialState.RUNNING, TrialState.PAUSED, TrialState.INTERRUPTED}
# What may change between a search and its continuation: how much, where and by whom it is run.
_FREE = {"name", "resources", "tracking", "output"}


def journal_head(config: SearchConfig) -> Event:
    """Return the first event of a journal: who it is of, and with which configuration and libraries."""
    return {
        "event": "search",
        "version": JOURNAL_VERSION,
        "search_id": uuid4().hex,
        "libraries": {name: version(name) for name in PACKAGES},
        "config": fixed_settings(config),
    }


def fixed_settings(config: SearchConfig) -> dict[str, Any]:
    """Return the settings that a search and its continuation must share."""
    settings = config.model_dump(mode="json", exclude=_FREE)
    for free in ("num_trials", "max_concurrent", "storage"):
        settings["search"].pop(free, None)
    return settings


class Replay:
    """Brings record, searcher and scheduler to where a journal ends.

    Searcher and policy are asked and told in the order of the journal, so the same seeds bring them
    into the state they were in; no pickle is read. Trials without an end go back to their last checkpoint:
    what they had reported after it is not told, and they come before new proposals.

    Args:
        record: Empty record of the search.
        searcher: Fresh searcher with the search's seed.
        scheduler: Fresh scheduler.

    Attributes:
        libraries: Libraries whose version has changed, with the one the search began with.
    """

    def __init__(self, record: SearchRecord, searcher: RecordedSearch, scheduler: PolicyScheduler) -> None:
        self._record, self._searcher, self._scheduler = record, searcher, scheduler
        self.libraries: dict[str, str] = {}

    def run(self, journal: Journal, settings: dict[str, Any] | None = None) -> list[str]:
        """Play the journal.

        Args:
            journal: The journal; a line that a kill left incomplete is cut off.
            settings: The settings the journal must have been written with; None does not check.

        Returns:
            Keys of the trials that go on.

        Raises:
            UserError: If the journal cannot be read, has other settings, or the sampler no longer
                proposes the same.
        """
        journal.mend()
        events = list(journal.read())
        self._check_head(events[0], settings)
        restarted = self._restarted(events)
        events.append({"event": "resumed", "restarted": restarted})
        kept = kept_reports(events)
        for index, event in enumerate(events):
            self._record.apply(event)
            tell_policy(self._scheduler.policy, event, self._record, told=index in kept)
            self._tell_searcher(event, told=index in kept)
        return restarted

    def go_on(self, recorder: SearchRecorder, restarted: list[str]) -> None:
        """Queue the trials that have not ended; end those of which only the end was not written down."""
        trials = [self._record.trials[key] for key in restarted]
        for trial in sorted(trials, key=lambda trial: trial.state is not TrialState.PAUSED):
            state = end_state(trial)
            if state is not None and (state is not TrialState.COMPLETED or _has_weights(trial)):
                end_now(self._scheduler.policy, recorder, trial, state)
                self._end_search(trial)
            else:
                self._searcher.run_again(trial.trial_id, trial.config)

    def _restarted(self, events: list[Event]) -> list[str]:
        record = SearchRecord(self._record.metric, self._record.max_t, 0)
        for event in events:
            record.apply(event)
        return [trial.trial_id for trial in record if trial.state in _UNFINISHED]

    def _check_head(self, head: Event, settings: dict[str, Any] | None) -> None:
        changed = [key for key in settings or {} if (settings or {})[key] != head["config"].get(key)]
        if changed:
            raise UserError(
                f"The search cannot go on: {', '.join(changed)} in config.yaml changed since it began. Undo "
                "the change, or start a new search. Only search.num_trials, search.max_concurrent, "
                "search.storage, resources and tracking may change."
            )
        self.libraries = {name: known for name, known in head["libraries"].items() if version(name) != known}

    def _tell_searcher(self, event: Event, *, told: bool) -> None:
        if event["event"] == "suggested":
            self._propose(event)
        elif event["event"] == "restarted":
            self._searcher.rename(event["old_id"], event["old_id"])
        elif event["event"] == "report" and told:
            self._report(event)
        elif event["event"] == "ended":
            self._end(event)

    def _propose(self, event: Event) -> None:
        proposed = self._searcher.suggest(event["trial_id"])
        if proposed != event["config"]:
            other = ", ".join(f"{name} {known}" for name, known in self.libraries.items())
            raise UserError(
                f"The search cannot go on: for trial {event['number']} the sampler proposes {proposed}, the "
                f"journal holds {event['config']}. Resume with the libraries it began with "
                f"({other or 'the same versions'}); all records in the run directory are intact."
            )

    def _report(self, event: Event) -> None:
        made = self._scheduler.decisions.setdefault(event["trial_id"], [])
        made[:] = self._record.trials[event["trial_id"]].decisions
        if event["decision"]["action"] != Action.STOP:  # Ray does not show the searcher a last result
            result = self._result(Report.from_json(event["report"]))
            self._searcher.on_trial_result(event["trial_id"], result)

    def _end(self, event: Event) -> None:
        trial = self._record.trials[event["trial_id"]]
        if event["error"] is not None:  # failed, or lost with its worker
            self._searcher.on_trial_complete(trial.trial_id, error=True)
        elif trial.given_up is not None:
            self._scheduler.decisions[trial.trial_id].append(trial.given_up)
            self._searcher.on_trial_complete(trial.trial_id)
        elif trial.state not in _UNFINISHED:
            self._end_search(trial)

    def _end_search(self, trial: TrialRecord) -> None:
        if trial.state is TrialState.FAILED:
            self._searcher.on_trial_complete(trial.trial_id, error=True)
        else:
            self._searcher.on_trial_complete(trial.trial_id, self._result(trial.reports[-1]))

    def _result(self, report: Report) -> dict[str, float]:
        times = {"training_iteration": report.epoch, self._scheduler.time_attr: report.epoch}
        return {self._record.metric: report.metrics[self._record.metric], **times}


def _has_weights(trial: TrialRecord) -> bool:
    return trial.checkpoint is not None and trial.checkpoint_epoch == trial.epochs
