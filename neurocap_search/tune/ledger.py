"""What a scheduler in anybody's Tune program remembers over the death of its driver."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pyarrow.fs import LocalFileSystem
from ray.tune.experiment import Trial

from neurocap_search.errors import UserError
from neurocap_search.tracking import Journal, SearchRecord, SearchRecorder, TrialState
from neurocap_search.tracking.events import JOURNAL_VERSION, finite
from neurocap_search.tune.held_trial import hold, show_result
from neurocap_search.tune.past import Past

if TYPE_CHECKING:
    from neurocap_search.tune.policy_scheduler import PolicyScheduler

_log = logging.getLogger(__name__)

JOURNAL_FILE = "journal.jsonl"
_OVER = (Trial.TERMINATED, Trial.ERROR)


class ExperimentLedger:
    """Keeps a journal in the experiment's directory and brings a scheduler back with it.

    Ray saves its own state every ten seconds or more, so after a kill Ray and the journal disagree about
    the last seconds. The journal is right: a trial that had ended is ended again without running, a paused
    one stays paused, and a trial that Ray has forgotten gives its results to the trial with the same
    configuration, once the searcher proposes that again.

    Args:
        scheduler: Its policy, decisions and recorder are kept.
    """

    def __init__(self, scheduler: "PolicyScheduler") -> None:
        self._scheduler = scheduler
        self._folder: Path | None = None
        self._recorder: SearchRecorder
        self._past: Past | None = None
        self._forgotten: Past | None = None
        self._restored: list[Trial] = []
        self._newcomers: list[Trial] = []
        self._to_end: list[Trial] = []

    def recalls(self, trial: Trial) -> bool:
        """Take in a trial that Ray adds; True if it is one from before the driver died."""
        folder = _folder(trial)
        if folder is None:
            return False
        if folder != self._folder:
            self._open(folder)
        key = self._past.key(trial.trial_id) if self._past is not None else None
        if self._past is not None and key is not None:
            self._restored.append(trial)
            self._scheduler.roster.rename(key, trial.trial_id)
            if self._past.is_paused(key) and trial.status == Trial.PENDING:
                # Ray would run every trial that has not ended.
                hold(trial, self._past.trial(key), self._scheduler.time_attr)
            return True
        if self._past is not None:
            # A trial that Ray begins again has a new id, and may come before known ones.
            self._newcomers.append(trial)
            return True
        return self._take_in(trial)

    def end_remembered(self, tune_controller: Any) -> None:
        """End the trials that had ended before the driver died, with their results."""
        self._settle()
        while self._to_end:
            trial = self._to_end.pop()
            key = self._scheduler.roster.key(trial.trial_id)
            record = self._recorder.record.trials[key]
            result = show_result(trial, record, self._scheduler.time_attr)
            tune_controller.search_alg.on_trial_complete(
                trial.trial_id, result=result, error=record.error is not None
            )
            tune_controller.stop_trial(trial)

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        scheduler, journal = self._scheduler, Journal(folder / JOURNAL_FILE)
        # Before anything is set: a journal that cannot be read must not be written into.
        past = _read(journal) if journal.path.is_file() and journal.path.stat().st_size else None
        self._folder, self._past = folder, past
        max_t = int(getattr(scheduler.policy, "max_t", 0))
        record = SearchRecord(str(scheduler.metric), max_t, num_trials=0, mode=scheduler.mode)
        scheduler.recorder = self._recorder = SearchRecorder(record, journal)
        if past is None:
            self._begin()

    def _begin(self) -> None:
        head = {"event": "search", "version": JOURNAL_VERSION, "search_id": uuid4().hex, "libraries": {}}
        self._recorder.begun(head)

    def _settle(self) -> None:
        """Bring everything to where the journal ends, once Ray has shown the trials it knows."""
        past, restored, self._past = self._past, self._restored, None
        if past is None:
            return
        self._restored, newcomers, self._newcomers = [], self._newcomers, []
        if not restored:  # not a restore but a new experiment in an old directory
            past.put_away()
            self._begin()
        else:
            self._bring_back(past, restored)
        for trial in newcomers:
            if not self._take_in(trial):
                self._scheduler.take_in(trial)

    def _bring_back(self, past: Past, restored: list[Trial]) -> None:
        """Bring back the trials that Ray still knows, and sort them in."""
        self._forgotten = past
        keys = [self._scheduler.roster.key(trial.trial_id) for trial in restored]
        past.bring_back(self._scheduler, self._recorder, set(keys))
        past.drop_unknown(self._recorder, set(keys))
        for key, trial in zip(keys, restored, strict=True):
            self._sort_in(past, key, trial)

    def _sort_in(self, past: Past, key: str, trial: Trial) -> None:
        """Let a restored trial go on, stay paused, or be ended when Ray next asks."""
        if trial.status in _OVER:
            if not past.has_ended(key):  # Tuner.restore(resume_unfinished=False)
                self._scheduler.policy.on_error(key)
                self._recorder.ended(key, TrialState.INTERRUPTED)
            return
        failures = trial.run_metadata.num_failures
        asked_again = past.has_failed(key) and failures > past.retries(key)  # resume_errored=True
        if past.has_ended(key) and not asked_again:
            self._to_end.append(trial)
        else:
            if asked_again:
                self._scheduler.policy.on_add(key)
                self._recorder.retried(key)
            self._scheduler.roster.add(trial)

    def _take_in(self, trial: Trial) -> bool:
        """Write down a trial that is new or tried again; a forgotten one gives it what it had."""
        scheduler, recorder = self._scheduler, self._recorder
        key = scheduler.roster.key(trial.trial_id)
        if key in recorder.record.trials:
            return False
        config = plain_config(trial.config)
        forgotten = self._forgotten.find(config, recorder.record) if self._forgotten else None
        if self._forgotten is None or forgotten is None:
            facts = {"description": str(trial.experiment_tag or ""), "parameters": 0, "multiply_adds": 0}
            recorder.suggested(trial.trial_id, config, facts)
            return False
        _log.info("trial %s is %s again, which had ended: it is not trained twice", trial.trial_id, forgotten)
        scheduler.roster.rename(forgotten, trial.trial_id)
        self._forgotten.bring_back(scheduler, recorder, {forgotten})
        recorder.restarted(forgotten, trial.trial_id)
        self._to_end.append(trial)
        return True


def _read(journal: Journal) -> Past:
    try:
        return Past(journal)
    except UserError as error:
        raise UserError(f"{error} Move it away, or give the experiment another name.") from None


def _folder(trial: Trial) -> Path | None:
    """Return the experiment's directory where a file can be appended to, else None."""
    storage = getattr(trial, "storage", None)
    if storage is None or not isinstance(storage.storage_filesystem, LocalFileSystem):
        return None
    return Path(storage.experiment_fs_path)


def plain_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration as JSON gives it back; what JSON does not know becomes its text.

    Example:
        >>> plain_config({"lr": 0.1, "layers": (8, 8), "act": len})
        {'lr': 0.1, 'layers': [8, 8], 'act': '<built-in function len>'}
    """
    plain: dict[str, Any] = json.loads(json.dumps(finite(config), default=str))
    return plain
