"""A search on paper: trials, workers and a policy, without any framework."""
# ruff: noqa: S101 – asserting is what this module is for

from collections.abc import Callable, Mapping, Sequence

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, PruningPolicy

MakeReport = Callable[[int, float], Report]
"""Makes the report of an epoch with a value of the metric."""


class Simulation:
    """Trains trials on a few workers as the policy says, in a fixed order, and checks what it is told.

    A free worker takes the policy's resumable trial, or else a new one. The workers take turns. What
    the policy gives up ends at once.

    Args:
        policy: Decides.
        curves: Values of the metric by trial, one for each epoch; a trial ends with its curve.
        report: Makes a report.
        workers: How many trials run at a time.
        failures: For a trial the epoch before which it fails once and starts over.

    Attributes:
        decisions: All decisions by trial, in order.
        most_paused: Most trials that were paused at a time.
    """

    def __init__(
        self,
        policy: PruningPolicy,
        curves: Mapping[str, Sequence[float]],
        report: MakeReport,
        *,
        workers: int = 3,
        failures: Mapping[str, int] | None = None,
    ) -> None:
        self.policy, self.curves, self._report, self.workers = policy, curves, report, workers
        self._failures = dict(failures or {})
        self._queue, self._running = list(curves), dict[str, int]()
        self._paused, self._ended = dict[str, int](), set[str]()
        self.decisions: dict[str, list[Decision]] = {trial_id: [] for trial_id in curves}
        self.most_paused = 0

    def run(self) -> "Simulation":
        """Run until no trial is left; raise AssertionError if the policy leaves some behind."""
        while self.step():
            self.most_paused = max(self.most_paused, len(self._paused))
        left = sorted({*self._queue, *self._paused})
        assert not left, f"nothing runs, but {left} are neither resumable nor surplus"
        return self

    def step(self) -> bool:
        """Train one trial for one epoch; False if none runs."""
        self._give_up()
        self._fill()
        if not self._running:
            return False
        trial_id = next(iter(self._running))
        epoch = self._running.pop(trial_id) + 1
        if self._failures.get(trial_id) == epoch:
            self._start_over(trial_id)
        else:
            self._train(trial_id, epoch)
        return True

    def _give_up(self) -> None:
        for trial_id, decision in self.policy.surplus():
            assert trial_id in self._paused, f"{trial_id!r} is surplus but not paused"
            assert decision.action is Action.STOP, f"a surplus trial is stopped, received {decision.action}"
            del self._paused[trial_id]
            self._end(trial_id, decision, None)

    def _fill(self) -> None:
        while len(self._running) < self.workers:
            offer = self.policy.resumable()
            if offer is not None:
                self._resume(*offer)
            elif self._queue:
                trial_id = self._queue.pop(0)
                self.policy.on_add(trial_id)
                self._running[trial_id] = 0
                if not self._queue:
                    self.policy.on_exhausted()
            else:
                return

    def _resume(self, trial_id: str, decision: Decision) -> None:
        assert trial_id in self._paused, f"{trial_id!r} is resumable but not paused"
        assert decision.action is Action.CONTINUE, f"a resumable trial goes on, received {decision.action}"
        self.policy.on_resume(trial_id)
        self.decisions[trial_id].append(decision)
        self._running[trial_id] = self._paused.pop(trial_id)

    def _start_over(self, trial_id: str) -> None:
        del self._failures[trial_id]
        self.policy.on_error(trial_id)
        self.policy.on_add(trial_id)
        self._running[trial_id] = 0

    def _train(self, trial_id: str, epoch: int) -> None:
        curve = self.curves[trial_id]
        report = self._report(epoch, curve[epoch - 1])
        decision = self.policy.on_report(trial_id, report)
        if decision.action is Action.STOP or epoch == len(curve):
            self._end(trial_id, decision, report)
            return
        self.decisions[trial_id].append(decision)
        if decision.action is Action.PAUSE:
            self._paused[trial_id] = epoch
        else:
            self._running[trial_id] = epoch

    def _end(self, trial_id: str, decision: Decision, report: Report | None) -> None:
        self.decisions[trial_id].append(decision)
        self._ended.add(trial_id)
        self.policy.on_complete(trial_id, report)
