"""What a journal says of the trials from before a driver died."""

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

from neurocap_search.pruning import Action, PruningPolicy
from neurocap_search.tracking import Journal, SearchRecord, SearchRecorder, TrialRecord, TrialState
from neurocap_search.tracking.events import Event
from neurocap_search.tune.replay_policy import kept_reports, tell_policy

if TYPE_CHECKING:
    from neurocap_search.tune.policy_scheduler import PolicyScheduler

ENDED = (TrialState.COMPLETED, TrialState.PRUNED, TrialState.FAILED)


class Past:
    """A journal read, and played to a scheduler for the trials that are asked for.

    Args:
        journal: Not empty; a last line that a kill left incomplete is cut off.
    """

    def __init__(self, journal: Journal) -> None:
        journal.mend()
        self._journal, self._events = journal, list(journal.read())
        record = SearchRecord("", 0, 0)
        for event in self._events:
            record.apply(event)
        self._trials: dict[str, TrialRecord] = record.trials
        self._proposed = record.proposed
        again = [event for event in self._events if event["event"] == "restarted"]
        self._retries = Counter(e["trial_id"] for e in self._events if e["event"] == "retried")
        self._keys = {event["trial_id"]: event["old_id"] for event in again}

    def key(self, trial_id: str) -> str | None:
        """Return the key of a trial of Ray's, or None if the journal does not know it."""
        key = self._keys.get(trial_id, trial_id)
        return key if key in self._trials else None

    def trial(self, key: str) -> TrialRecord:
        """Return what is known of a trial."""
        return self._trials[key]

    def is_paused(self, key: str) -> bool:
        """Tell whether a trial was paused at the end."""
        return self._trials[key].state is TrialState.PAUSED

    def has_ended(self, key: str) -> bool:
        """Tell whether a trial had ended, or only the driver's last words were missing."""
        return end_state(self._trials[key]) is not None

    def has_failed(self, key: str) -> bool:
        """Tell whether a trial had failed."""
        return end_state(self._trials[key]) is TrialState.FAILED

    def retries(self, key: str) -> int:
        """Return how often a trial was tried again."""
        return self._retries[key]

    def find(self, config: dict[str, Any], living: SearchRecord) -> str | None:
        """Return an ended trial with this configuration that the living record lacks."""
        for key, trial in self._trials.items():
            useful = self.has_ended(key) and not self.has_failed(key)
            if useful and key not in living.trials and trial.config == config:
                return key
        return None

    def bring_back(self, scheduler: "PolicyScheduler", recorder: SearchRecorder, keys: set[str]) -> None:
        """Bring a scheduler's policy, record and decisions to where the journal ends for some trials."""
        record, kept = recorder.record, kept_reports(self._events)
        record.proposed = self._proposed
        for index, event in enumerate(self._events):
            if event["event"] == "search" or _key(event) in keys:
                record.apply(event)
                tell_policy(scheduler.policy, event, record, told=index in kept)
        for key in keys:
            trial = record.trials[key]
            scheduler.decisions[key] = list(trial.decisions)
            state = end_state(trial)
            if state is not None and trial.state is not state:
                end_now(scheduler.policy, recorder, trial, state)

    def drop_unknown(self, recorder: SearchRecorder, known: set[str]) -> None:
        """Drop the trials that Ray has forgotten and that had not ended: they begin anew under other ids."""
        for key, trial in self._trials.items():
            if key not in known and end_state(trial) is None:
                recorder.record.trials[key] = trial
                recorder.dropped(key)

    def put_away(self) -> None:
        """Rename the file, so that a new experiment in the directory begins its own."""
        path = self._journal.path
        free = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in count(1))
        path.rename(next(name for name in free if not name.exists()))


def end_now(policy: PruningPolicy, recorder: SearchRecorder, trial: TrialRecord, state: TrialState) -> None:
    """Say what the driver died before it could say: that a trial has ended."""
    error = trial.decisions[-1].reason if state is TrialState.FAILED else None
    if error is None:
        policy.on_complete(trial.trial_id, trial.reports[-1] if trial.reports else None)
    else:
        policy.on_error(trial.trial_id)
    recorder.ended(trial.trial_id, state, error=error)


def end_state(trial: TrialRecord) -> TrialState | None:
    """Return how a trial has ended, by its state or by a last decision to stop it; None if it has not."""
    if trial.state in ENDED:
        return trial.state
    last = trial.decisions[-1] if trial.decisions else None
    if last is None or last.action is not Action.STOP:
        return None
    if last.failed:
        return TrialState.FAILED
    return TrialState.PRUNED if last.pruned else TrialState.COMPLETED


def _key(event: Event) -> str:
    """Return the trial an event is of; that a trial goes on under another id is no news of the past."""
    return "" if event["event"] == "restarted" else str(event.get("trial_id", ""))
