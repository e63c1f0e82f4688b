"""Going on with a search: its journal is played through searcher and policy."""

from importlib.metadata import version

from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, PruningPolicy
from neurocap_search.tracking import Journal, SearchRecord, TrialState
from neurocap_search.tracking.events import JOURNAL_VERSION, Event
from neurocap_search.tune.searcher import RecordedSearch

PACKAGES = ("neurocap-search", "ray", "torch", "torchvision", "numpy", "scikit-learn", "optuna", "mlflow")
_UNFINISHED = {TrialState.RUNNING, TrialState.INTERRUPTED}


def journal_head() -> Event:
    """Return the first event of a journal: its version and those of the libraries."""
    return {
        "event": "search",
        "version": JOURNAL_VERSION,
        "libraries": {name: version(name) for name in PACKAGES},
    }


class Replay:
    """Brings record, searcher and policy to where a journal ends.

    Searcher and policy are asked and told in the order of the journal, so the same seeds bring them
    into the state they were in; no pickle is read. Trials without an end start over: what they had
    reported is forgotten, their architectures are queued first.

    Args:
        record: Empty record of the search.
        searcher: Fresh searcher with the search's seed.
        policy: Fresh policy.
    """

    def __init__(self, record: SearchRecord, searcher: RecordedSearch, policy: PruningPolicy) -> None:
        self._record, self._searcher, self._policy = record, searcher, policy

    def run(self, journal: Journal) -> None:
        """Play the journal and note in it which trials start over.

        Raises:
            UserError: If the journal cannot be read or the sampler no longer proposes the same.
        """
        journal.mend()
        events = list(journal.read())
        finished = _finished(events)
        for event in events:
            self._record.apply(event)
            if event["event"] in ("suggested", "restarted") or event.get("trial_id") in finished:
                getattr(self, f"_on_{event['event']}")(event)
        restarted = [trial for trial in self._record if trial.state in _UNFINISHED]
        note = {"event": "resumed", "restarted": [trial.trial_id for trial in restarted]}
        journal.append(note)
        self._record.apply(note)
        for trial in restarted:
            self._searcher.run_again(trial.trial_id, trial.config)

    def _on_suggested(self, event: Event) -> None:
        proposed = self._searcher.suggest(event["trial_id"])
        if proposed != event["config"]:
            raise UserError(
                f"The search cannot go on: for trial {event['number']} the sampler proposes {proposed}, the "
                f"journal holds {event['config']}. Resume with the libraries named in its first line; all "
                "records in the run directory are intact."
            )

    def _on_restarted(self, event: Event) -> None:
        self._searcher.rename(event["old_id"], event["trial_id"])

    def _on_report(self, event: Event) -> None:
        report = Report.from_json(event["report"])
        self._policy.on_report(event["trial_id"], report)
        if event["decision"]["action"] != Action.STOP:  # Ray does not show the searcher a last result
            self._searcher.on_trial_result(event["trial_id"], self._result(report))

    def _on_ended(self, event: Event) -> None:
        trial_id, failed = event["trial_id"], event["state"] == TrialState.FAILED
        reports = self._record.trials[trial_id].reports
        if failed:
            self._policy.on_error(trial_id)
            self._searcher.on_trial_complete(trial_id, error=True)
        else:
            self._policy.on_complete(trial_id, reports[-1])
            self._searcher.on_trial_complete(trial_id, self._result(reports[-1]))

    def _result(self, report: Report) -> dict[str, float]:
        return {self._record.metric: report.metrics[self._record.metric], "training_iteration": report.epoch}


def _finished(events: list[Event]) -> set[str]:
    ended = (event for event in events if event["event"] == "ended")
    return {event["trial_id"] for event in ended if TrialState(event["state"]) not in _UNFINISHED}
