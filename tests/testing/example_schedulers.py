"""Two correct schedulers, as plain as can be: successive halving that stops, and that pauses and promotes."""

import json
import logging
import math
from numbers import Real
from pathlib import Path

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

_log = logging.getLogger(__name__)


class Halving(FIFOScheduler):
    """Stops a trial that is not among the best third of those at its rung before it."""

    def __init__(self, metric="value", mode="max", grace_period=1):
        super().__init__()
        self._metric, self._mode = metric, mode
        self.rungs = [rung for rung in (1, 3) if rung >= grace_period]
        self.scores = {str(rung): {} for rung in self.rungs}
        self.warned = set()
        self.waiting = {}

    def set_search_properties(self, metric, mode, **spec):
        if (metric and self._metric) or (mode and self._mode):
            return False
        self._metric, self._mode = metric or self._metric, mode or self._mode
        return True

    def on_trial_add(self, tune_controller, trial):
        if trial.status == Trial.PENDING:
            self.waiting[trial.trial_id] = trial

    def on_trial_remove(self, tune_controller, trial):
        self.waiting.pop(trial.trial_id, None)

    def on_trial_result(self, tune_controller, trial, result):
        for key in ("epoch", self._metric):
            if key not in result:
                self.warn(key, result)
                return "CONTINUE"
        epoch, value = result["epoch"], result[self._metric]
        if not isinstance(value, Real):
            return "CONTINUE"
        if epoch >= 9 or not math.isfinite(value):
            return "STOP"
        return self.judge(trial, epoch, float(value if self._mode == "max" else -value))

    def judge(self, trial, epoch, score):
        for rung in reversed(self.rungs):
            scores = self.scores[str(rung)]
            if epoch >= rung and trial.trial_id not in scores:
                others = sorted(scores.values(), reverse=True)
                scores[trial.trial_id] = score
                return "STOP" if others and score < others[len(others) // 3] else "CONTINUE"
            if epoch >= rung:
                return "CONTINUE"
        return "CONTINUE"

    def choose_trial_to_run(self, tune_controller):
        while self.waiting:
            name, trial = next(iter(self.waiting.items()))
            if trial.status == Trial.PENDING:
                return trial
            del self.waiting[name]
        return None

    def warn(self, key, result):
        if key not in self.warned:
            self.warned.add(key)
            _log.warning("%r is not among the reported %s", key, sorted(result))

    def save(self, checkpoint_path):
        Path(checkpoint_path).write_text(json.dumps(self.state()))

    def restore(self, checkpoint_path):
        for name, value in json.loads(Path(checkpoint_path).read_text()).items():
            setattr(self, name, value)

    def state(self):
        return {"scores": self.scores}


class Promotion(Halving):
    """Pauses every trial at each rung and lets the best third of a rung go on, the best first."""

    def __init__(self, metric="value", mode="max", grace_period=1):
        super().__init__(metric, mode, grace_period)
        self.paused_at = {}
        self.trials = {}
        self.active = set()

    def on_trial_add(self, tune_controller, trial):
        super().on_trial_add(tune_controller, trial)
        if trial.status in (Trial.PENDING, Trial.PAUSED):
            self.trials[trial.trial_id] = trial
        if trial.status == Trial.PENDING:
            self.active.add(trial.trial_id)

    def on_trial_remove(self, tune_controller, trial):
        super().on_trial_remove(tune_controller, trial)
        for kept in (self.trials, self.paused_at):
            kept.pop(trial.trial_id, None)
        self.active.discard(trial.trial_id)

    def on_trial_complete(self, tune_controller, trial, result):
        self.on_trial_remove(tune_controller, trial)

    def on_trial_error(self, tune_controller, trial):
        self.on_trial_remove(tune_controller, trial)

    def judge(self, trial, epoch, score):
        for rung in reversed(self.rungs):
            scores = self.scores[str(rung)]
            if epoch >= rung and trial.trial_id not in scores:
                scores[trial.trial_id] = score
                self.paused_at[trial.trial_id] = rung
                self.trials[trial.trial_id] = trial
                self.active.discard(trial.trial_id)
                return "PAUSE"
            if epoch >= rung:
                return "CONTINUE"
        return "CONTINUE"

    def choose_trial_to_run(self, tune_controller):
        self.active |= {name for name in self.paused_at if self.trials[name].status != Trial.PAUSED}
        self.paused_at = {name: rung for name, rung in self.paused_at.items() if name not in self.active}
        chosen = self.promotable() or super().choose_trial_to_run(tune_controller)
        if chosen is None and not self.active and tune_controller.search_alg.is_finished():
            for name in list(self.paused_at):
                tune_controller.stop_trial(self.trials[name])
        return chosen

    def promotable(self):
        for rung in reversed(self.rungs):
            scores = self.scores[str(rung)]
            best = sorted(scores, key=scores.get, reverse=True)[: len(scores) // 3]
            for name in best:
                if self.paused_at.get(name) == rung:
                    return self.trials[name]
        return None

    def state(self):
        return {"scores": self.scores, "paused_at": self.paused_at}
