"""Going on with a search: its journal is played through searcher and policy."""

from importlib.metadata import version
from typing import Any
from uuid import uuid4

from neurocap_search.config import SearchConfig
from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, PruningPolicy
from neurocap_search.tracking import Journal, SearchRecord, TrialRecord, TrialState
from neurocap_search.tracking.events import JOURNAL_VERSION, Event
from neurocap_search.tune.searcher import RecordedSearch

PACKAGES = ("neurocap-search", "ray", "torch", "torchvision", "numpy", "scikit-learn", "optuna", "mlflow")
_UNFINISHED = {TrialState.RUNNING, TrialState.INTERRUPTED}
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
    for free in ("num_trials", "max_concurrent"):
        del settings["search"][free]
    return settings


class Replay:
    """Brings record, searcher and policy to where a journal ends.

    Searcher and policy are asked and told in the order of the journal, so the same seeds bring them
    into the state they were in; no pickle is read. Trials without an end start over: what they had
    reported is not told to the policy, and their architectures are queued first.

    Args:
        record: Empty record of the search.
        searcher: Fresh searcher with the search's seed.
        policy: Fresh policy.

    Attributes:
        libraries: Libraries whose version has changed, with the one the search began with.
    """

    def __init__(self, record: SearchRecord, searcher: RecordedSearch, policy: PruningPolicy) -> None:
        self._record, self._searcher, self._policy = record, searcher, policy
        self.libraries: dict[str, str] = {}

    def run(self, journal: Journal, settings: dict[str, Any] | None = None) -> list[str]:
        """Play the journal.

        Args:
            journal: The journal; a line that a kill left incomplete is cut off.
            settings: The settings the journal must have been written with; None does not check.

        Returns:
            Ids of the trials that start over.

        Raises:
            UserError: If the journal cannot be read, has other settings, or the sampler no longer
                proposes the same.
        """
        journal.mend()
        events = list(journal.read())
        self._check_head(events[0], settings)
        finished = _finished(events)
        for event in events:
            self._record.apply(event)
            if event["event"] in ("suggested", "restarted", "ended") or event.get("trial_id") in finished:
                getattr(self, f"_on_{event['event']}")(event)
        restarted: list[TrialRecord] = [trial for trial in self._record if trial.state in _UNFINISHED]
        for trial in restarted:
            self._searcher.run_again(trial.trial_id, trial.config)
        return [trial.trial_id for trial in restarted]

    def _check_head(self, head: Event, settings: dict[str, Any] | None) -> None:
        changed = [key for key in settings or {} if (settings or {})[key] != head["config"].get(key)]
        if changed:
            raise UserError(
                f"The search cannot go on: {', '.join(changed)} in config.yaml changed since it began. Undo "
                "the change, or start a new search. Only search.num_trials, search.max_concurrent, "
                "resources and tracking may change."
            )
        self.libraries = {name: known for name, known in head["libraries"].items() if version(name) != known}

    def _on_suggested(self, event: Event) -> None:
        proposed = self._searcher.suggest(event["trial_id"])
        if proposed != event["config"]:
            other = ", ".join(f"{name} {known}" for name, known in self.libraries.items())
            raise UserError(
                f"The search cannot go on: for trial {event['number']} the sampler proposes {proposed}, the "
                f"journal holds {event['config']}. Resume with the libraries it began with "
                f"({other or 'the same versions'}); all records in the run directory are intact."
            )

    def _on_restarted(self, event: Event) -> None:
        self._searcher.rename(event["old_id"], event["trial_id"])

    def _on_report(self, event: Event) -> None:
        report = Report.from_json(event["report"])
        self._policy.on_report(event["trial_id"], report)
        if event["decision"]["action"] != Action.STOP:  # Ray does not show the searcher a last result
            self._searcher.on_trial_result(event["trial_id"], self._result(report))

    def _on_ended(self, event: Event) -> None:
        trial_id, reports = event["trial_id"], self._record.trials[event["trial_id"]].reports
        if event["error"] is not None:  # failed, or lost with its worker
            self._policy.on_error(trial_id)
            self._searcher.on_trial_complete(trial_id, error=True)
        elif event["state"] not in _UNFINISHED:
            self._policy.on_complete(trial_id, reports[-1])
            self._searcher.on_trial_complete(trial_id, self._result(reports[-1]))

    def _result(self, report: Report) -> dict[str, float]:
        return {self._record.metric: report.metrics[self._record.metric], "training_iteration": report.epoch}


def _finished(events: list[Event]) -> set[str]:
    ended = (event for event in events if event["event"] == "ended")
    return {event["trial_id"] for event in ended if TrialState(event["state"]) not in _UNFINISHED}
