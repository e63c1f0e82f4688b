"""Optuna as Ray Tune's search algorithm: told the truth about pruned trials, and never twice the same."""

import logging
from collections.abc import Mapping
from typing import Any, Literal

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage
from ray.tune.result import TRAINING_ITERATION
from ray.tune.search import Searcher
from ray.tune.utils.util import unflatten_dict

from neurocap_search.pruning import Decision
from neurocap_search.tune.duplicates import ProposalMemory, told_again
from neurocap_search.tune.search_arguments import Decides, Space, check_arguments
from neurocap_search.tune.search_trials import DurableSearch
from neurocap_search.tune.told import (
    Seen,
    Told,
    ToldValue,
    ended_early,
    failed,
    report_once,
    told_at_end,
    told_objectives,
)

_log = logging.getLogger(__name__)

_RANDOM_DRAWS = 100


class NeuralCapacitanceSearch(DurableSearch):
    """Ray Tune's ``OptunaSearch`` that knows what pruning means: a drop-in with the same arguments.

    What it does otherwise than ``OptunaSearch``:

    - A pruned trial is not told as if its last metric were the final one, but by ``told_value``, with the
      scheduler's prediction; see :func:`~neurocap_search.tune.told.told_at_end`. User attributes
      ``neurocap:...`` of the Optuna trial hold the metric seen, the prediction and the reason.
    - A configuration proposed before is not trained again. It is told from memory and the sampler asked
      again, then random configurations are drawn; where all of these were tried too, the space is
      exhausted and the experiment ends.
    - No Optuna trial stays RUNNING: metrics that are not finite, errors and, after :meth:`close`, trials
      that were cut off are told as FAIL. A missing metric does not end the experiment.
    - ``points_to_evaluate`` are not queued a second time in a storage that has them.

    When not to use it: to train configurations several times for their noise, give
    ``deduplicate=False``. Under a scheduler without ``decisions``, such as Ray's own, the searcher cannot
    know that a trial was pruned and tells its last metric. Report the best of the fully trained trials:
    ``study.best_trial`` may be a pruned one that was never trained to its end.

    Args:
        space: A define-by-run function of an Optuna trial, on the top level of a module, or a callable
            object; or a dict of Optuna's distributions; None takes the ``param_space`` of the Tuner.
        metric: The result's key that is optimised; a list for several objectives, which are told as
            ``OptunaSearch`` does.
        mode: ``"max"`` or ``"min"``; a list for several objectives.
        points_to_evaluate: Optuna parameters of the trials to begin with.
        sampler: Optuna's sampler, seeded; None takes TPE.
        study_name: Name of the study in the storage; one that exists is continued.
        storage: Optuna's storage; None keeps the study in memory.
        seed: Seeds TPE if no sampler is given, and the random draws.
        scheduler: Knows the decisions on each trial: the :class:`~neurocap_search.tune.PolicyScheduler`
            given to the Tuner.
        told_value: What the sampler is told of a pruned trial.
        deduplicate: Do not train a configuration twice.
        max_asks: How often the sampler is asked for a new configuration before random ones are drawn.

    Attributes:
        exhausted: True once no new configuration could be found.

    Raises:
        ValueError: If Ray could not save the space, or an argument is out of its range.

    Example:
        >>> from optuna.distributions import IntDistribution
        >>> search = NeuralCapacitanceSearch({"width": IntDistribution(1, 2)}, "acc", "max")
        >>> for name in "ab":
        ...     config = search.suggest(name)
        ...     search.on_trial_complete(name, {"acc": 0.5, "training_iteration": 1})
        >>> search.suggest("c")
        'FINISHED'
    """

    def __init__(
        self,
        space: Space | None = None,
        metric: str | list[str] | None = None,
        mode: str | list[str] | None = None,
        points_to_evaluate: list[dict[str, Any]] | None = None,
        sampler: BaseSampler | None = None,
        study_name: str | None = None,
        storage: BaseStorage | None = None,
        seed: int = 0,
        *,
        scheduler: Decides | None = None,
        told_value: ToldValue = "lower_bound",
        deduplicate: bool = True,
        max_asks: int = 20,
    ) -> None:
        check_arguments(space, mode, sampler, told_value, max_asks)
        super().__init__(
            space,
            metric=metric,
            mode=mode,
            points_to_evaluate=points_to_evaluate,
            sampler=sampler,
            study_name=study_name,
            storage=storage,
            seed=None if sampler else seed,
        )
        self.scheduler, self._told_value = scheduler, told_value
        self._deduplicate, self._max_asks = deduplicate, max_asks
        self.exhausted = False
        self._memory, self._seen = ProposalMemory(), dict[str, Seen]()
        self._random = RandomSampler(seed=seed)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return a configuration that was not proposed before, or ``"FINISHED"`` if none is left."""
        if self.exhausted:
            return str(Searcher.FINISHED)
        for _ in range(self._max_asks):
            config = self._config(super().suggest(trial_id))
            first = self._memory.first(trial_id, config) if self._deduplicate else None
            if first is None or first.trial_id == trial_id:
                self._label(trial_id)
                return config
            told_again(first).tell(self._ot_study, self._ot_trials.pop(trial_id))
        return self._draw_at_random(trial_id)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Keep the metric of a trial that goes on or pauses."""
        trial, seen = self._running(trial_id), self._read(result)
        if trial is None or seen is None:
            return
        self._seen[trial_id] = seen
        report_once(trial, seen)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the sampler that a trial has ended; no result means that it was stopped while paused."""
        if self._running(trial_id) is not None:
            self._tell(trial_id, failed("the trial failed") if error else self._told(trial_id, result))

    def _config(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """Return what the trainable gets of a proposal."""
        return proposed

    def _draw_at_random(self, trial_id: str) -> dict[str, Any] | str:
        """Return a random configuration that is new; draws that are not leave no trace in the study."""
        scratch = optuna.create_study(sampler=self._random)
        for _ in range(_RANDOM_DRAWS):
            if callable(self._space):
                trial = scratch.ask()
                drawn = self._suggest_from_define_by_run_func(self._space, trial)
            else:
                trial = scratch.ask(fixed_distributions=self._space)
                drawn = trial.params
            config = self._config(unflatten_dict(drawn))
            if self._memory.first(trial_id, config).trial_id == trial_id:
                self._begin(trial_id, trial)
                return config
        self.exhausted = True
        _log.warning(
            "The search ends here: %d different configurations were proposed, and neither %d asks of the "
            "sampler nor %d random draws gave another one; the space is exhausted.",
            len(self._memory),
            self._max_asks,
            _RANDOM_DRAWS,
        )
        return str(Searcher.FINISHED)

    def _told(self, trial_id: str, result: dict[str, Any] | None) -> Told:
        if isinstance(self._metric, list):
            return told_objectives([(result or {}).get(name) for name in self._metric], pruned=not result)
        decision = self._decision(trial_id)
        pruned = ended_early(result, decision)
        seen = self._read(result or {}) or (self._seen.get(trial_id) if pruned else None)
        mode: Literal["max", "min"] = "min" if self._mode == "min" else "max"
        return told_at_end(seen, decision, pruned=pruned, told_value=self._told_value, mode=mode)

    def _decision(self, trial_id: str) -> Decision | None:
        """Return the scheduler's last decision on a trial, which it may know by an earlier id."""
        roster = getattr(self.scheduler, "roster", None)
        key = trial_id if roster is None else roster.key(trial_id)
        made = self.scheduler.decisions.get(key) if self.scheduler is not None else None
        return made[-1] if made else None

    def _tell(self, trial_id: str, told: Told) -> None:
        super()._tell(trial_id, told)
        self._memory.ended(trial_id, told)
        self._seen.pop(trial_id, None)

    def _read(self, result: Mapping[str, Any]) -> Seen | None:
        """Return the metric of a result, or None without one; of several objectives none.

        Ray counts reports; a scheduler knows epochs, which differ where trials report within the first.
        """
        step = result.get(getattr(self.scheduler, "time_attr", TRAINING_ITERATION))
        try:
            step = result[TRAINING_ITERATION] if step is None else step
            return Seen(float(result[self._metric]), int(step))
        except (KeyError, TypeError, ValueError):
            return None
