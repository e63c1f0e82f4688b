"""From Ray Tune's callbacks to the record."""

import re
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from neurocap_search.pruning import Action, Decision
from neurocap_search.tracking import SearchRecorder, TrialState
from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.results import to_report


class RecordCallback(tune.Callback):  # type: ignore[misc]
    """Tells the recorder what Ray Tune tells its callbacks.

    Args:
        recorder: Keeps the events.
        scheduler: Knows the decision on each report.
        time_attr: The result's key for the epoch.
    """

    def __init__(self, recorder: SearchRecorder, scheduler: PolicyScheduler, time_attr: str) -> None:
        self._recorder, self._scheduler, self._time_attr = recorder, scheduler, time_attr

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial begins to train."""
        self._recorder.started(trial.trial_id)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial has reported; Ray repeats the last result of a function that returns."""
        report = to_report(result, self._time_attr)
        if report.epoch > self._recorder.record.trials[trial.trial_id].epochs:
            self._recorder.reported(trial.trial_id, report, self._decision(trial.trial_id, report.epoch))

    def _decision(self, trial_id: str, epoch: int) -> Decision:
        """Return the scheduler's answer to this report; after an error of the policy there is none."""
        decisions = self._scheduler.decisions.get(trial_id, [])
        if decisions and decisions[-1].epoch == epoch:
            return decisions[-1]
        return Decision(Action.CONTINUE, epoch, f"epoch {epoch}: the policy failed, see search.log")

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial has been trained to the end or stopped by the scheduler."""
        decisions = self._recorder.record.trials[trial.trial_id].decisions
        pruned = bool(decisions) and decisions[-1].pruned
        weights = None if pruned or trial.checkpoint is None else self._inside(trial.checkpoint.path)
        state = TrialState.PRUNED if pruned else TrialState.COMPLETED
        self._recorder.ended(trial.trial_id, state, weights=weights)

    def _inside(self, path: str) -> str:
        """Return a path relative to the run directory, so that the directory can be moved."""
        return str(Path(path).relative_to(self._recorder.journal.path.parent.resolve()))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial has failed: for good by its own error, else cut off, to be run again on resuming."""
        text = _error_text(trial)
        # Ray's words for a worker or a node that died, which says nothing of the architecture.
        lost = text.startswith("The actor ")
        state = TrialState.INTERRUPTED if lost else TrialState.FAILED
        self._recorder.ended(trial.trial_id, state, error=error_reason(text))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """Mark what was cut off; Ray tells nobody else of it."""
        for record in self._recorder.record.in_state(TrialState.RUNNING):
            self._recorder.ended(record.trial_id, TrialState.INTERRUPTED)


def _error_text(trial: Trial) -> str:
    """Return what Ray wrote of a trial's failure, without its heading."""
    if trial.error_file is None or not Path(trial.error_file).is_file():
        return ""
    text = Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    return text.rpartition("Failure # ")[2].partition("\n")[2].strip()


def error_reason(text: str) -> str:
    r"""Return the innermost error of a traceback in one line, without the module of its class.

    Example:
        >>> error_reason("  File x, line 1\ntorch.cuda.OutOfMemoryError: no memory\nTry less.")
        'OutOfMemoryError: no memory'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt|Warning)\b", line)]
    if not raised:
        return lines[0] if lines else "failed without an error message"
    name, colon, message = raised[-1].partition(": ")
    return f"{name.rpartition('.')[2]}{colon}{message}"
