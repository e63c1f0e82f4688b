"""A record with its times, built from the journal alone."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Self

from neurocap_search.tracking.events import Event
from neurocap_search.tracking.record import SearchRecord, TrialRecord


class Replica:
    """What a follower on another thread, or after the search, knows of it.

    Args:
        record: An empty record.

    Attributes:
        record: The record so far.
        events: Number of events taken in.
        touched: Numbers of the trials that events were about since :meth:`take_touched`.
        attempts: How often each trial has forgotten epochs, because it went back to before them.
        began: When each trial was proposed, in seconds since 1970.
        ended: When each trial ended last.
        reported: When each report came, by number and epoch.
        begun: When the search began.
        time: When the last event happened.
    """

    def __init__(self, record: SearchRecord) -> None:
        self.record, self.events, self.touched = record, 0, set[int]()
        self.attempts = Counter[int]()
        self.began: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.reported: dict[tuple[int, float], float] = {}
        self.begun = self.time = time.time()

    def apply_all(self, events: Iterable[Event]) -> Self:
        """Take in events in their order."""
        for event in events:
            self._apply(event)
        return self

    def take_touched(self) -> set[int]:
        """Return the trials with news, and forget them."""
        touched, self.touched = self.touched, set()
        return touched

    def by_number(self) -> dict[int, TrialRecord]:
        """Return the trials by number."""
        return {trial.number: trial for trial in self.record}

    def _apply(self, event: Event) -> None:
        self.events += 1
        self.time = event.get("time", self.time)
        if event["event"] == "search":
            self.begun = self.time
        before = {trial.number: trial.epochs for trial in self._concerned(event)}
        self.record.apply(event)
        for trial in self._concerned(event):
            self._note(event, trial, before.get(trial.number, 0))

    def _concerned(self, event: Event) -> list[TrialRecord]:
        names = [event.get("trial_id"), event.get("old_id"), *event.get("restarted", ())]
        return [self.record.trials[name] for name in dict.fromkeys(names) if name in self.record.trials]

    def _note(self, event: Event, trial: TrialRecord, epochs_before: float) -> None:
        kind, number = event["event"], trial.number
        self.touched.add(number)
        if trial.epochs < epochs_before or (kind == "report" and trial.epochs == epochs_before):
            self.attempts[number] += 1  # it forgot epochs: what was made of those is void
        if kind == "suggested":
            self.began[number] = self.time
        elif kind == "report":
            self.reported[number, trial.epochs] = self.time
        elif kind == "ended":
            self.ended[number] = self.time
