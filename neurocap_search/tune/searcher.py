"""Optuna proposes architectures through Ray Tune, and every proposal is recorded."""

from collections.abc import Sequence
from typing import Any

import optuna
from ray.tune.search.optuna import OptunaSearch

from neurocap_search.tracking import SearchRecorder
from search_spaces import SearchSpace


class Proposal:
    """The define-by-run function of a search space: an Optuna trial in, a trial's configuration out.

    A class rather than a closure because Ray pickles the searcher.

    Args:
        space: Samples the architecture and the searched hyper-parameters.
        input_shape: Shape of one image: (channels, height, width).
        num_classes: Number of classes.
    """

    def __init__(self, space: SearchSpace, input_shape: tuple[int, int, int], num_classes: int) -> None:
        self.space, self.input_shape, self.num_classes = space, input_shape, num_classes

    def __call__(self, trial: optuna.Trial) -> dict[str, Any]:
        """Return ``architecture`` and ``training``, the searched hyper-parameters."""
        architecture = self.space.sample(trial)
        return {"architecture": architecture, "training": self.space.hyperparameters.sample(trial)}

    def facts(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return description, parameters and multiply_adds of a trial's configuration."""
        architecture = config["architecture"]
        cost = self.space.cost(architecture, self.input_shape, self.num_classes)
        return {"description": self.space.describe(architecture), **cost._asdict()}


class RecordedSearch(OptunaSearch):  # type: ignore[misc]
    """``OptunaSearch`` that records every proposal and lets interrupted trials run again.

    Args:
        proposal: What is searched.
        sampler: Optuna's sampler, seeded.
        metric: The metric that is maximised.
        points: Optuna parameters of the trials to begin with.
    """

    def __init__(
        self,
        proposal: Proposal,
        sampler: optuna.samplers.BaseSampler,
        metric: str,
        points: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(
            proposal, metric=metric, mode="max", points_to_evaluate=list(points) or None, sampler=sampler
        )
        self.recorder: SearchRecorder | None = None
        self._interrupted: list[tuple[str, dict[str, Any]]] = []

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Return an interrupted trial's configuration if one waits, else a new one."""
        if self._interrupted:
            return self._restart(trial_id)
        proposed = super().suggest(trial_id)
        # OptunaSearch adds the raw Optuna parameters; a trial needs what the space made of them.
        config = {key: proposed[key] for key in ("architecture", "training")}
        if self.recorder is not None:
            self.recorder.suggested(trial_id, config, self._space.facts(config))
        return config

    def run_again(self, trial_id: str, config: dict[str, Any]) -> None:
        """Queue an interrupted trial; it comes before new proposals."""
        self._interrupted.append((trial_id, config))

    def rename(self, old_id: str, trial_id: str) -> None:
        """Let the proposal of ``old_id`` belong to ``trial_id``."""
        if old_id in self._completed_trials:  # lost with its worker, and Optuna was told that it failed
            self._ot_study.enqueue_trial(self._ot_trials[old_id].params)
            self._ot_trials[trial_id] = self._ot_study.ask()
            self._space(self._ot_trials[trial_id])
        else:
            self._ot_trials[trial_id] = self._ot_trials.pop(old_id)

    def _restart(self, trial_id: str) -> dict[str, Any]:
        old_id, config = self._interrupted.pop(0)
        self.rename(old_id, trial_id)
        if self.recorder is not None:
            self.recorder.restarted(old_id, trial_id)
        return config
