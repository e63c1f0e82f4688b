"""The simulated clock: workers, events, and the calls a policy gets."""

import math
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Literal

from neurocap_search.pruning import Action, Decision, PruningPolicy
from neurocap_search.traces.delays import Delays
from neurocap_search.traces.live_trial import LiveTrial
from neurocap_search.traces.replayed import End
from neurocap_search.traces.trace import Trace


class Simulation:
    """Replays a stream under a policy; see :func:`~neurocap_search.traces.simulator.simulate`.

    Attributes:
        trials: All trials in the order of the stream.
        now: Simulated seconds since the start.
        spent: Epochs trained so far.
        busy: Worker-seconds that training, starting and checkpoints take.
        incumbents: Seconds, epochs spent and trial, each time that a completed trial was the best so far.
    """

    def __init__(
        self,
        policy: PruningPolicy,
        stream: Sequence[Trace],
        *,
        workers: int,
        epochs: int,
        delays: Delays,
        metric: str,
        mode: Literal["max", "min"],
        cost: str,
        keep_decisions: bool,
    ) -> None:
        self.trials = [
            LiveTrial.of(str(k), trace, epochs, policy.early_stops) for k, trace in enumerate(stream)
        ]
        self.now, self.busy = 0.0, 0.0
        self.spent: float = 0
        self.incumbents: list[tuple[float, float, str]] = []
        self._policy, self._delays, self._cost, self._keep = policy, delays, cost, keep_decisions
        self._metric, self._sign, self._best = metric, 1 if mode == "max" else -1, -math.inf
        self._saves = frozenset(map(math.ceil, policy.milestones)) | {epochs}
        self._queue, self._free = deque(self.trials), workers
        self._paused: dict[str, LiveTrial] = {}
        self._pausing: LiveTrial | None = None
        self._events: list[tuple[float, int, LiveTrial]] = []
        self._count = 0

    def run(self) -> None:
        """Let everything happen, until all trials have ended."""
        self._between_events()
        while self._events or self._paused:
            if self._events:
                self.now, _, trial = heappop(self._events)
                self._happen(trial)
            else:
                self._end_forgotten()
            self._between_events()
            if self._pausing is not None:
                self._paused[self._pausing.key], self._pausing = self._pausing, None
                self._between_events()

    # What happens to a trial -----------------------------------------------------------------------

    def _happen(self, trial: LiveTrial) -> None:
        if trial.is_pausing:
            trial.is_pausing = False
            self._free_worker_of(trial)
        elif trial.has_told_all:
            self._fail(trial)
        else:
            self._report(trial)

    def _report(self, trial: LiveTrial) -> None:
        before = trial.epochs
        report = trial.train()
        self.spent += report.epoch - before
        decision = self._policy.on_report(trial.key, report)
        self._note(trial, decision)
        if decision.action is Action.CONTINUE and not trial.is_over:
            self._train(trial)
        elif decision.action is Action.PAUSE and not trial.is_over:
            self._pause(trial)
        elif decision.failed:
            self._policy.on_error(trial.key)
            self._leave(trial, End.FAILED)
        else:
            self._policy.on_complete(trial.key, report)
            self._leave(trial, End.PRUNED if decision.pruned else End.COMPLETED)
            if not decision.pruned:
                self._compare(trial, report.metrics.get(self._metric))

    def _fail(self, trial: LiveTrial) -> None:
        """End a training as its recording ended; the policy is not asked, as in a real search."""
        self._note(trial, Decision(Action.STOP, trial.epochs, trial.fails or "", failed=True))
        self._policy.on_error(trial.key)
        self._leave(trial, End.FAILED)

    def _pause(self, trial: LiveTrial) -> None:
        if trial.epochs in self._saves:
            self._free_worker_of(trial)  # its checkpoint was written with the report
        else:
            trial.is_pausing = True
            self._occupy(trial, self._delays.checkpoint)

    def _free_worker_of(self, trial: LiveTrial) -> None:
        """Let a trial pause; as in Ray its worker gets work before it may go on or be given up."""
        self._pausing = trial
        self._free += 1

    def _leave(self, trial: LiveTrial, end: End) -> None:
        self._free += 1
        self._end(trial, end)

    def _end(self, trial: LiveTrial, end: End) -> None:
        trial.end, trial.ended = end, self.now

    def _compare(self, trial: LiveTrial, value: float | None) -> None:
        if value is not None and math.isfinite(value) and self._sign * value > self._best:
            self._best = self._sign * value
            self.incumbents.append((self.now, self.spent, trial.key))

    def _note(self, trial: LiveTrial, decision: Decision) -> None:
        if self._keep:
            trial.decisions.append(decision)

    # What the controller does between two events ----------------------------------------------------

    def _between_events(self) -> None:
        """Fill the free workers in the order of Ray's controller: new trials, surplus, paused trials."""
        pauses = self._policy.pauses
        while True:
            added = self._free > 0 and bool(self._queue) and self._offer() is None
            if added:
                self._add(self._queue.popleft())
            if pauses and not self._queue:
                self._policy.on_exhausted()
            if self._paused:
                self._give_up()
            offer = self._offer() if self._free else None
            if offer is not None:
                self._resume(offer)
            elif not added:
                return

    def _offer(self) -> LiveTrial | None:
        """Return the paused trial that the policy lets go on next."""
        offer = self._policy.resumable() if self._paused else None
        return None if offer is None else self._paused.get(offer[0])

    def _add(self, trial: LiveTrial) -> None:
        self._policy.on_add(trial.key)
        self._free -= 1
        trial.started = self.now
        self._train(trial, self._delays.start)

    def _resume(self, trial: LiveTrial) -> None:
        del self._paused[trial.key]
        self._policy.on_resume(trial.key)
        self._free -= 1
        self._train(trial, self._delays.start + self._delays.restore)

    def _give_up(self) -> None:
        for key, decision in self._policy.surplus():
            trial = self._paused.pop(key, None)
            if trial is not None:
                self._abandon(trial, decision)

    def _end_forgotten(self) -> None:
        """End what waits for ever: nothing runs, and the policy neither resumes it nor gives it up."""
        trial = self._paused.pop(next(iter(self._paused)))
        why = (
            f"epoch {trial.epochs}: ended by the replay, because no trial runs any more and the policy "
            "neither lets this one go on nor gives it up"
        )
        self._abandon(trial, Decision(Action.STOP, trial.epochs, why, pruned=True))

    def _abandon(self, trial: LiveTrial, decision: Decision) -> None:
        self._note(trial, decision)
        self._policy.on_complete(trial.key, None)
        self._end(trial, End.PRUNED)

    def _train(self, trial: LiveTrial, before: float = 0.0) -> None:
        """Let a trial train on to its next report, ``before`` seconds from now."""
        delays = self._delays
        seconds = before + trial.seconds(self._cost, delays.epoch) + delays.report
        if trial.next_epoch in self._saves:
            seconds += delays.checkpoint
        self._occupy(trial, seconds)

    def _occupy(self, trial: LiveTrial, seconds: float) -> None:
        self.busy += seconds
        self._count += 1
        heappush(self._events, (self.now + seconds, self._count, trial))
