"""Optuna's trials over the life of an experiment: begun, snapshotted, cut off and gone on with."""

import logging
import pickle
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import optuna
from optuna.trial import TrialState, create_trial
from ray.tune.search.optuna import OptunaSearch
from ray.tune.utils.util import validate_warmstart

from neurocap_search.tune.told import Told, failed

_log = logging.getLogger(__name__)

TRIAL, _SEARCHER = "neurocap:trial", "neurocap:searcher"
# User attributes: what Ray calls an Optuna trial, and which searcher asked for it; a study may have several.


class DurableSearch(OptunaSearch):  # type: ignore[misc]
    """``OptunaSearch`` that leaves no Optuna trial RUNNING and goes on where Ray's snapshots left it."""

    _points_to_evaluate: list[dict[str, Any]]
    _shared: ClassVar[set[str]] = {"scheduler"}
    """Objects others hold too; a copy out of Ray's snapshot must not take their place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cut_off: set[str] = set()
        self._name = uuid4().hex

    def _setup_study(self, mode: str | list[str] | None) -> None:
        points = self._points_to_evaluate
        self._points_to_evaluate = []  # OptunaSearch would queue them again in a storage that has them
        super()._setup_study(mode)
        self._points_to_evaluate = points
        validate_warmstart(self._space, points, None, validate_point_name_lengths=not callable(self._space))
        for point in points:
            self._ot_study.enqueue_trial(point, skip_if_exists=True)

    def close(self) -> None:
        """Tell the sampler FAIL of the trials still running: call it when the experiment ends.

        Ray does not tell a searcher of the trials that a time budget or Ctrl-C cuts off. A trial that goes
        on after all, because the experiment is restored, is told as usual.
        """
        for trial_id in [name for name in self._ot_trials if name not in self._completed_trials]:
            self._tell(trial_id, failed("cut off: the experiment ended before the trial"))
            self._cut_off.add(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Write Ray's snapshot of this searcher, without the objects that it shares."""
        state = {name: value for name, value in self.__dict__.items() if name not in self._shared}
        Path(checkpoint_path).write_bytes(pickle.dumps(state))

    def restore(self, checkpoint_path: str) -> None:
        """Read Ray's snapshot, and make good what a persistent storage has learnt since it was taken.

        Trials told to have ended since then begin again; those begun since then, of which Ray knows nothing
        any more, are told as FAIL.
        """
        super().restore(checkpoint_path)
        known = {trial._trial_id: trial_id for trial_id, trial in self._ot_trials.items()}
        for trial in self._ot_study.get_trials(deepcopy=False):
            trial_id = known.get(trial._trial_id)
            if trial_id is None:
                if trial.state is TrialState.RUNNING and trial.user_attrs.get(_SEARCHER) == self._name:
                    self._ot_study.tell(trial.number, state=TrialState.FAIL)
            elif trial.state.is_finished() and trial_id not in self._completed_trials:
                self._completed_trials.add(trial_id)
                self._cut_off.add(trial_id)

    def _begin(self, trial_id: str, like: optuna.Trial) -> None:
        """Begin an Optuna trial with the parameters of another one, past whatever is queued."""
        study = self._ot_study
        running = create_trial(state=TrialState.RUNNING, params=like.params, distributions=like.distributions)
        number = study._storage.create_new_trial(study._study_id, template_trial=running)
        self._ot_trials[trial_id] = optuna.Trial(study, number)
        self._label(trial_id)

    def _label(self, trial_id: str) -> None:
        self._ot_trials[trial_id].set_user_attr(TRIAL, trial_id)
        self._ot_trials[trial_id].set_user_attr(_SEARCHER, self._name)

    def _begin_again(self, old_id: str, trial_id: str) -> None:
        """Let ``trial_id`` have the parameters of a trial that was told to have failed."""
        self._begin(trial_id, self._ot_trials[old_id])
        self._completed_trials.discard(trial_id)

    def _running(self, trial_id: str) -> optuna.Trial | None:
        if trial_id in self._cut_off:
            self._cut_off.remove(trial_id)
            self._begin_again(trial_id, trial_id)
        if trial_id not in self._ot_trials or trial_id in self._completed_trials:
            _log.debug("trial %s is not known or has ended", trial_id)
            return None
        running: optuna.Trial = self._ot_trials[trial_id]
        return running

    def _tell(self, trial_id: str, told: Told) -> None:
        told.tell(self._ot_study, self._ot_trials[trial_id])
        self._completed_trials.add(trial_id)
