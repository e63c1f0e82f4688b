"""What only Ray Tune's callbacks learn, told to the record."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ray import tune
from ray.tune.experiment import Trial

from neurocap_search.tracking import SearchListener, SearchRecorder, TrialState, summarise
from neurocap_search.tune.policy_scheduler import PolicyScheduler

ListenerMaker = Callable[[Path], Sequence[SearchListener]]
"""Makes listeners, such as MLflow's, for the folder in which a record is kept."""


class Closes(Protocol):
    """A searcher that can tell its sampler of trials which never ended."""

    def close(self) -> None:
        """Do so."""


class RecordCallback(tune.Callback):  # type: ignore[misc]
    """Completes a scheduler's record: starts, checkpoints, and how the experiment ended.

    A time budget, a ``Stopper`` and Ctrl-C end an experiment without a word to scheduler and searcher; this
    callback marks what was cut off, in the record, in MLflow and in Optuna. It also carries the
    scheduler's state in Ray's own snapshots, for experiments on storage where the scheduler can keep
    no journal. Put it first in ``tune.RunConfig(callbacks=[...])``: Ray finds states by position.

    Args:
        scheduler: The scheduler of the experiment.
        searcher: Its searcher, closed when the experiment ends.
        listeners: Makes listeners that follow the record, such as
            :class:`~neurocap_search.tune.MlflowListeners`.
        keep_pruned: False deletes the checkpoint of a trial once it is pruned or given up.

    Example:
        >>> from neurocap_search.pruning import FullTrainingPolicy
        >>> scheduler = PolicyScheduler(FullTrainingPolicy(max_t=9), metric="acc", mode="max")
        >>> config = tune.RunConfig(callbacks=[RecordCallback(scheduler)])
    """

    def __init__(
        self,
        scheduler: PolicyScheduler,
        *,
        searcher: Closes | None = None,
        listeners: ListenerMaker | None = None,
        keep_pruned: bool = True,
    ) -> None:
        self._scheduler, self._searcher = scheduler, searcher
        self._make_listeners, self._keep_pruned = listeners, keep_pruned
        self._started: set[str] = set()
        self._told = False

    def get_state(self) -> dict[str, Any] | None:
        """Return the scheduler's state where no journal holds it."""
        return self._scheduler.state_dict() if self._scheduler.recorder is None else None

    def set_state(self, state: dict[str, Any] | None) -> None:
        """Give the scheduler back what :meth:`get_state` returned."""
        if state is not None:
            self._scheduler.load_state_dict(state)

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial begins to train, or goes on after a pause or a failure."""
        recorder, key = self._recorder, self._scheduler.roster.key(trial.trial_id)
        if recorder is None or key in self._started or key not in recorder.record.trials:
            return
        self._tell_start(recorder)
        self._started.add(key)
        recorder.started(key)

    def on_checkpoint(
        self, iteration: int, trials: list[Trial], trial: Trial, checkpoint: Any, **info: Any
    ) -> None:
        """A trial's checkpoint is written."""
        recorder, key = self._recorder, self._scheduler.roster.key(trial.trial_id)
        epoch = (trial.last_result or {}).get(self._scheduler.time_attr)
        if recorder is not None and key in recorder.record.trials and epoch is not None:
            recorder.checkpointed(key, int(epoch), self._inside(checkpoint.path))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial has ended; a pruned one may need its checkpoint no more."""
        key = self._scheduler.roster.key(trial.trial_id)
        decisions = self._scheduler.decisions.get(key, [])
        pruned = bool(decisions) and decisions[-1].pruned
        recorder = self._recorder
        if not pruned or self._keep_pruned or recorder is None:
            return
        # Ray does not know the checkpoint of a trial that an earlier attempt trained.
        known = recorder.checkpoint_of(key) if key in recorder.record.trials else None
        for folder in (trial.checkpoint and trial.checkpoint.path, known):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """Mark what was cut off; Ray tells nobody else of it."""
        if self._searcher is not None:
            self._searcher.close()
        recorder = self._recorder
        if recorder is None:
            return
        if recorder.record.trials:  # none may have started: all had ended before a restore
            self._tell_start(recorder)
        for record in recorder.record.in_state(TrialState.RUNNING):
            recorder.ended(record.trial_id, TrialState.INTERRUPTED)
        self._scheduler.note_insight()
        if self._told:
            milestones = self._scheduler.policy.milestones
            summary = summarise(recorder.record, int(milestones[0]) if milestones else 1)
            recorder.tell(lambda listener: listener.on_search_end(recorder.record, summary))
        recorder.journal.close()

    @property
    def _recorder(self) -> SearchRecorder | None:
        return self._scheduler.recorder

    @property
    def _folder(self) -> Path | None:
        return self._recorder.journal.path.parent if self._recorder is not None else None

    def _tell_start(self, recorder: SearchRecorder) -> None:
        """Bring in the listeners once there is a record to follow."""
        if self._make_listeners is not None and not self._told and self._folder is not None:
            self._told = True
            recorder.listeners.extend(self._make_listeners(self._folder))
            recorder.tell(lambda listener: listener.on_search_start(recorder.record))

    def _inside(self, path: str) -> str:
        """Return a path relative to the record's folder, so that the folder can be moved."""
        folder = self._folder.resolve() if self._folder is not None else Path.cwd()
        return str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path
