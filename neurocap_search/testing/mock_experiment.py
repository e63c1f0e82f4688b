"""A whole experiment on the mock controller: trials queue for workers until all have ended."""

from collections.abc import Mapping, Sequence

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search.search_algorithm import SearchAlgorithm

from neurocap_search.testing.mock_controller import MockController
from neurocap_search.testing.scheduler_contract import ContractError, stub_trial


class TrialQueue(SearchAlgorithm):  # type: ignore[misc]
    """Proposes the given trials in order; finished when the last has been taken."""

    def __init__(self, trial_ids: Sequence[str]) -> None:
        self._waiting = list(reversed(trial_ids))

    def next_trial(self) -> Trial | None:
        """Return the next trial."""
        return stub_trial(self._waiting.pop()) if self._waiting else None

    def is_finished(self) -> bool:
        """Return whether no new trials will come."""
        return not self._waiting


class MockExperiment:
    """Trains trials with known curves on a few workers, as Ray Tune would under the scheduler.

    Each worker takes the next trial as it becomes free; which of the running trials reports next is
    drawn. A paused trial goes on after its last epoch, as from a checkpoint.

    Args:
        scheduler: Decides; time attribute ``"epoch"``, metric ``"value"``.
        curves: The value after each epoch by trial; a trial ends by itself after the last one.
        workers: Trials that run at once.
        failures: Epoch after which a trial fails once and is tried again from its last epoch.
        seed: Draws which trial reports next.

    Attributes:
        controller: The controller with trials and events.

    Example:
        >>> from ray.tune.schedulers import ASHAScheduler
        >>> scheduler = ASHAScheduler("epoch", "value", "max", max_t=9, reduction_factor=3)
        >>> experiment = MockExperiment(scheduler, {"a": [0.9] * 9, "b": [0.1] * 9, "c": [0.95] * 9})
        >>> experiment.run()
        >>> experiment.epochs("b"), experiment.epochs("c")
        (1, 9)
    """

    def __init__(
        self,
        scheduler: TrialScheduler,
        curves: Mapping[str, Sequence[float]],
        *,
        workers: int = 4,
        failures: Mapping[str, int] | None = None,
        seed: int = 0,
    ) -> None:
        self.controller = MockController(scheduler, TrialQueue(list(curves)))
        self._curves, self._workers, self._failures = curves, workers, dict(failures or {})
        self._rng = np.random.default_rng(seed)
        self._staged: list[Trial] = []

    def epochs(self, trial_id: str) -> int:
        """Return how many epochs a trial has been trained."""
        return int(self.controller.trial(trial_id).last_result.get("epoch", 0))

    def run(self) -> None:
        """Run until every trial has ended.

        Raises:
            ContractError: If the scheduler breaks Ray's contract or leaves trials paused for ever.
        """
        idle = 0
        while not self.finished:
            idle = 0 if self.step() else idle + 1
            if idle > len(self._curves) + 2:
                paused = [t.trial_id for t in self.controller.get_trials() if t.status == Trial.PAUSED]
                raise ContractError(
                    f"Nothing runs and the trials {paused} stay PAUSED for ever. choose_trial_to_run must "
                    "return each of them some day, or give it up with tune_controller.stop_trial(trial)."
                )

    @property
    def finished(self) -> bool:
        """Whether all trials have ended and no new ones will come."""
        trials = self.controller.get_trials()
        return self.controller.search_alg.is_finished() and all(trial.is_finished() for trial in trials)

    def step(self) -> bool:
        """Take one step of Ray's event loop; return False if no trial ran."""
        self._propose()
        chosen = self.controller.choose()
        waiting = [trial for trial in self.controller.get_trials() if trial.status == Trial.PENDING]
        for trial in [chosen, *waiting]:
            if trial is not None and trial not in self._staged:
                self._staged.append(trial)
        self._start()
        running = [trial for trial in self.controller.get_trials() if trial.status == Trial.RUNNING]
        if running:
            self._train(running[self._rng.integers(len(running))])
        return bool(running)

    def restore(self, scheduler: TrialScheduler) -> None:
        """Go on with another scheduler as after a crash of the driver and ``Tuner.restore``."""
        self.controller = self.controller.restored(scheduler)
        self._staged = []

    def _propose(self) -> None:
        """Ask for a trial unless one waits: Ray keeps one pending for any searcher but its own random one."""
        if not any(trial.status == Trial.PENDING for trial in self.controller.get_trials()):
            trial = self.controller.search_alg.next_trial()
            if trial is not None:
                self.controller.add(trial)

    def _start(self) -> None:
        """Start queued trials while there are free workers; some may have been stopped as they waited."""
        self._staged = [trial for trial in self._staged if trial.status == Trial.PENDING]
        running = sum(trial.status == Trial.RUNNING for trial in self.controller.get_trials())
        starting = self._staged[: self._workers - running]
        self._staged = self._staged[len(starting) :]
        for trial in starting:
            trial.set_status(Trial.RUNNING)

    def _train(self, trial: Trial) -> None:
        """Let a running trial report its next epoch, fail or return."""
        done, curve = self.epochs(trial.trial_id), self._curves[trial.trial_id]
        if self._failures.get(trial.trial_id) == done:
            del self._failures[trial.trial_id]
            self.controller.fail(trial, tried_again=True)
        elif done >= len(curve):
            self.controller.end(trial)
        else:
            self.controller.result(trial, {"epoch": done + 1, "value": curve[done]})
