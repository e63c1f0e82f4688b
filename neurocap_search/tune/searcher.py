"""Optuna proposes architectures through Ray Tune, and every proposal is recorded."""

from collections.abc import Sequence
from typing import Any, ClassVar

import optuna

from neurocap_search.tracking import SearchRecorder
from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.results import RESUME_FROM
from neurocap_search.tune.search_algorithm import NeuralCapacitanceSearch
from neurocap_search.tune.search_storage import make_room, mark, open_storage
from neurocap_search.tune.told import ToldValue
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


class RecordedSearch(NeuralCapacitanceSearch):
    """The searcher of a search: it records every proposal and lets interrupted trials run again.

    Args:
        proposal: What is searched.
        sampler: Optuna's sampler, seeded.
        metric: The metric that is maximised.
        points: Optuna parameters of the trials to begin with.
        scheduler: Knows the decision on each report, and learns what Ray calls a trial that runs again.
        told_value: What the sampler is told of a pruned trial.
        deduplicate: Do not train a configuration twice.
        storage: Where the study is kept, as ``search.storage`` of the configuration; None keeps it in
            memory. A study that a search left there under this name is deleted: this one begins anew, and
            going on with a search means to play all of it again.
        study_name: Name of the study in the storage.
        seed: Seeds the random draws of a sampler that only repeats itself.

    Raises:
        UserError: If the storage cannot be used.
    """

    scheduler: PolicyScheduler | None
    _shared: ClassVar[set[str]] = {"scheduler", "recorder"}

    def __init__(
        self,
        proposal: Proposal,
        sampler: optuna.samplers.BaseSampler,
        metric: str,
        points: Sequence[dict[str, Any]] = (),
        *,
        scheduler: PolicyScheduler | None = None,
        told_value: ToldValue = "lower_bound",
        deduplicate: bool = True,
        storage: str | None = None,
        study_name: str = "neurocap",
        seed: int = 0,
    ) -> None:
        opened = open_storage(storage)
        if opened is not None:
            make_room(opened, study_name)
        super().__init__(
            proposal,
            metric,
            "max",
            list(points),
            sampler,
            study_name,
            opened,
            seed,
            scheduler=scheduler,
            told_value=told_value,
            deduplicate=deduplicate,
        )
        mark(self._ot_study)
        self.recorder: SearchRecorder | None = None
        self._interrupted: list[tuple[str, dict[str, Any]]] = []

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return an interrupted trial's configuration if one waits, else a new one."""
        if self._interrupted:
            return self._restart(trial_id)
        config = super().suggest(trial_id)
        if self.recorder is not None and isinstance(config, dict):
            self.recorder.suggested(trial_id, config, self._space.facts(config))
        return config

    def run_again(self, trial_id: str, config: dict[str, Any]) -> None:
        """Queue an interrupted trial; it comes before new proposals."""
        self._interrupted.append((trial_id, config))

    def rename(self, old_id: str, trial_id: str) -> None:
        """Let the proposal of ``old_id`` belong to ``trial_id``."""
        if old_id in self._completed_trials:  # lost with its worker, and Optuna was told that it failed
            self._begin_again(old_id, trial_id)
        else:
            self._ot_trials[trial_id] = self._ot_trials.pop(old_id)
            self._label(trial_id)
        self._memory.rename(old_id, trial_id)

    def _config(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """Leave out the raw Optuna parameters; a trial needs what the space made of them."""
        return {key: proposed[key] for key in ("architecture", "training")}

    def _restart(self, trial_id: str) -> dict[str, Any]:
        old_id, config = self._interrupted.pop(0)
        self.rename(old_id, trial_id)
        if self.scheduler is not None:
            self.scheduler.roster.rename(old_id, trial_id)
        if self.recorder is None:
            return config
        self.recorder.restarted(old_id, trial_id)
        folder = self.recorder.checkpoint_of(old_id)
        return config if folder is None else config | {RESUME_FROM: str(folder)}
