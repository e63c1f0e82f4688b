"""Ray Tune's controller without Ray: the calls a scheduler gets, in the order it gets them."""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search.search_algorithm import SearchAlgorithm
from ray.tune.utils import flatten_dict

from neurocap_search.testing.scheduler_contract import (
    DECISIONS,
    ContractError,
    Event,
    ShownController,
    stub_trial,
)


class MockController:
    """Calls a scheduler as the ``TuneController`` of Ray 2.60 does, in one process and at once.

    When not to use it: it has neither actors nor checkpoints, so it says nothing about time, resources
    or what a trainable restores.

    Args:
        scheduler: The scheduler that is called.
        search_alg: What a scheduler sees as the search; None stands for one that has more trials to come.

    Attributes:
        events: What has happened so far, in order.

    Raises:
        ContractError: By every call, if the scheduler raises or answers what Ray cannot use.

    Example:
        >>> from ray.tune.schedulers import ASHAScheduler
        >>> controller = MockController(ASHAScheduler("epoch", "acc", "max", max_t=9))
        >>> controller.report("good", {"epoch": 1, "acc": 0.9})
        'CONTINUE'
        >>> controller.report("bad", {"epoch": 1, "acc": 0.1})
        'STOP'
        >>> controller.trial("bad").status
        'TERMINATED'
    """

    def __init__(self, scheduler: TrialScheduler, search_alg: SearchAlgorithm | None = None) -> None:
        self.scheduler, self.search_alg = scheduler, search_alg or SearchAlgorithm()
        self.events: list[Event] = []
        self._trials: list[Trial] = []
        self._by_id: dict[str, Trial] = {}
        self._live: set[Trial] = set()
        self.shown = ShownController(self)

    # What Ray shows to schedulers ----------------------------------------------------------------

    def get_trials(self) -> list[Trial]:
        """Return all trials, in the order they were queued."""
        return self._trials

    def get_live_trials(self) -> set[Trial]:
        """Return the trials that are not TERMINATED."""
        return self._live

    def pause_trial(self, trial: Trial, should_checkpoint: bool = True) -> None:
        """Pause a running trial; only :meth:`choose` brings it back."""
        trial.set_status(Trial.PAUSED)

    def stop_trial(self, trial: Trial) -> None:
        """End a trial: on_trial_complete if it runs, on_trial_remove if it waits."""
        if trial.status in (Trial.ERROR, Trial.TERMINATED):
            return
        if trial.status == Trial.RUNNING:
            result = flatten_dict(trial.last_result)
            self.call("on_trial_complete", self, trial, result)
            self.search_alg.on_trial_complete(trial.trial_id, result=flatten_dict(trial.last_result))
            self._note("complete", trial)
        else:
            self.call("on_trial_remove", self, trial)
            self.search_alg.on_trial_complete(trial.trial_id)
            self._note("remove", trial)
        trial.set_status(Trial.TERMINATED)
        self._live.discard(trial)

    def _set_trial_status(self, trial: Trial, status: str) -> None:
        trial.set_status(status)

    def _schedule_trial_save(self, trial: Trial, result: dict[str, Any] | None = None) -> None:
        """Save nothing: there is no actor, and Ray answers None then too."""

    # What happens to trials ------------------------------------------------------------------------

    def trial(self, trial_id: str) -> Trial:
        """Return the trial of this id."""
        return self._by_id[trial_id]

    def add(self, trial: Trial) -> None:
        """Queue a trial, as the searcher proposes it or a restore brings it back."""
        trial.create_placement_group_factory()
        self._trials.append(trial)
        self._by_id[trial.trial_id] = trial
        if trial.status != Trial.TERMINATED:
            self._live.add(trial)
        self.call("on_trial_add", self.shown, trial)

    def choose(self) -> Trial | None:
        """Ask the scheduler which trial is to run next and queue it, as Ray does at every step."""
        chosen = self.call("choose_trial_to_run", self.shown)
        if chosen is None:
            return None
        if not isinstance(chosen, Trial) or chosen.status not in (Trial.PENDING, Trial.PAUSED):
            status = getattr(chosen, "status", None)
            raise ContractError(
                f"choose_trial_to_run returned {chosen!r} with status {status}. Return a PENDING or PAUSED "
                "trial, or None."
            )
        if chosen.status == Trial.PAUSED:
            self._note("resume", chosen)
        chosen.set_status(Trial.PENDING)
        return chosen

    def report(self, trial_id: str, result: Mapping[str, Any]) -> str:
        """Report for a trial, queued and started if need be, and return the decision on it.

        Between the reports of the trials the scheduler is asked for the next one, which starts at once:
        workers are not counted. A trial that cannot report answers with its status instead.
        """
        if trial_id not in self._by_id:
            self.add(stub_trial(trial_id))
        while (chosen := self.choose()) is not None:
            chosen.set_status(Trial.RUNNING)
        trial = self.trial(trial_id)
        if trial.status == Trial.PENDING:  # Ray starts these whatever the scheduler says
            trial.set_status(Trial.RUNNING)
        return self.result(trial, result) if trial.status == Trial.RUNNING else str(trial.status)

    def result(self, trial: Trial, result: Mapping[str, Any]) -> str:
        """Give a running trial's result to scheduler and searcher, act on the decision and return it."""
        count = trial.last_result.get("training_iteration", 0) + 1
        full = {"training_iteration": count, "done": False, "config": trial.config, **result}
        full["trial_id"] = trial.trial_id
        flat = flatten_dict(full)
        decision = self.call("on_trial_result", self.shown, trial, flat)
        if not isinstance(decision, str) or decision not in DECISIONS:
            raise ContractError(
                f"on_trial_result returned {decision!r}: Ray never schedules the trial again after None and "
                f"ends the experiment on an unknown value. Return one of {', '.join(DECISIONS)}."
            )
        if decision == TrialScheduler.STOP:
            full["done"] = True
        else:
            self.search_alg.on_trial_result(trial.trial_id, flat)
        trial.update_last_result(full)
        self._note(decision, trial)
        self._act(trial, decision)
        return str(decision)

    def end(self, trial: Trial) -> None:
        """Let a running trial return by itself: Ray asks the scheduler nothing more."""
        trial.last_result["done"] = True
        self.stop_trial(trial)

    def fail(self, trial: Trial, *, tried_again: bool) -> None:
        """Let a running trial fail; one that is tried again is queued anew under the same id."""
        if not tried_again:
            self.call("on_trial_error", self, trial)
            self.search_alg.on_trial_complete(trial.trial_id, error=True)
            trial.set_status(Trial.ERROR)
            self._note("error", trial)
            return
        trial.set_status(Trial.ERROR)
        self.call("on_trial_error", self, trial)
        trial.set_status(Trial.PENDING)
        self._trials.remove(trial)
        self._trials.append(trial)
        self.call("on_trial_add", self.shown, trial)

    def restored(self, scheduler: TrialScheduler, *, resume_paused: bool = True) -> "MockController":
        """Return a controller with new trial objects as after ``Tuner.restore``.

        Every trial is added again, those that reported last first; TERMINATED ones keep their status, all
        others are PENDING.

        Args:
            scheduler: The scheduler after the restore; Ray takes a fresh one and restores no state.
            resume_paused: False leaves paused trials PAUSED, which Ray does not.
        """
        other = MockController(scheduler, self.search_alg)
        for trial in sorted(self._trials, key=lambda t: t.run_metadata.last_result_time, reverse=True):
            twin = stub_trial(trial.trial_id, trial.config)
            twin.run_metadata = copy(trial.run_metadata)
            ended = (Trial.TERMINATED, Trial.ERROR)
            keeps = ended if resume_paused else (*ended, Trial.PAUSED)
            twin.status = trial.status if trial.status in keeps else Trial.PENDING
            other.add(twin)
        return other

    def call(self, hook: str, *arguments: Any) -> Any:
        """Call a hook of the scheduler; an exception breaks the contract."""
        method: Callable[..., Any] = getattr(self.scheduler, hook)
        try:
            return method(*arguments)
        except ContractError:
            raise
        except Exception as error:
            raise ContractError(
                f"{hook} raised {type(error).__name__}: {error}. Ray ends the experiment, or fails the "
                "trial, on an exception in a scheduler. Catch it there and let the trial continue."
            ) from error

    def _act(self, trial: Trial, decision: str) -> None:
        if decision == TrialScheduler.STOP:
            self.stop_trial(trial)
        elif decision == TrialScheduler.PAUSE:
            self.pause_trial(trial)
        elif decision == TrialScheduler.NOOP and trial.status == Trial.RUNNING:
            raise ContractError(
                "on_trial_result returned NOOP for a trial that still runs: Ray never schedules it again. "
                "Pause or stop the trial yourself before, or return CONTINUE."
            )

    def _note(self, what: str, trial: Trial) -> None:
        self.events.append(Event(what, trial.trial_id, flatten_dict(trial.last_result)))
