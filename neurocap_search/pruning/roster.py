"""Which trials run and which are paused."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from neurocap_search.prediction import Prediction


class Pause(NamedTuple):
    """Where a paused trial stands.

    Attributes:
        epoch: The epoch it paused after.
        prediction: Its prediction there, if any.
    """

    epoch: float
    prediction: Prediction | None


class Roster:
    """Follows trials that run, pause, go on and end, as far as a policy that pauses must know.

    A report proves that its trial runs, unless it has ended: then nothing makes it run again. A trial
    that has failed runs again when it is added again.

    Attributes:
        running: Trials that run, in order of their start.
        paused: Trials that wait, in order of their pause.
    """

    def __init__(self) -> None:
        self.running: dict[str, None] = {}
        self.paused: dict[str, Pause] = {}
        self._ended: dict[str, None] = {}

    def has_ended(self, trial_id: str) -> bool:
        """Return True if the trial has ended for good."""
        return trial_id in self._ended

    def add(self, trial_id: str) -> None:
        """Note a trial that starts, unless it is known."""
        if trial_id not in self.paused and trial_id not in self._ended:
            self.running[trial_id] = None

    def run(self, trial_id: str) -> None:
        """Note that a trial runs."""
        self.paused.pop(trial_id, None)
        self.running[trial_id] = None

    def pause(self, trial_id: str, pause: Pause) -> None:
        """Note that a trial waits from now on."""
        self.running.pop(trial_id, None)
        self.paused[trial_id] = pause

    def end(self, trial_id: str) -> None:
        """Note that a trial has ended for good."""
        self.fail(trial_id)
        self._ended[trial_id] = None

    def fail(self, trial_id: str) -> None:
        """Note that a trial has failed; it may be added again."""
        self.running.pop(trial_id, None)
        self.paused.pop(trial_id, None)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, inverse of :meth:`from_json`."""
        paused = {t: [p.epoch, p.prediction and p.prediction.to_json()] for t, p in self.paused.items()}
        return {"running": list(self.running), "paused": paused, "ended": list(self._ended)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Roster":
        """Rebuild a roster from :meth:`to_json`."""
        roster = cls()
        roster.running = dict.fromkeys(state["running"])
        for trial_id, (epoch, prediction) in state["paused"].items():
            roster.paused[trial_id] = Pause(epoch, prediction and Prediction.from_json(prediction))
        roster._ended = dict.fromkeys(state["ended"])
        return roster
