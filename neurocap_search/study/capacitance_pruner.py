"""The neural capacitance pruner: a drop-in for Optuna's ``HyperbandPruner``."""

from typing import Literal

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from neurocap_search.prediction import CapacitanceRidge
from neurocap_search.pruning import PruningPolicy, SuccessiveHalvingPolicy
from neurocap_search.study.policy_pruner import Mode, StudyPruner


class NeuralCapacitancePruner(StudyPruner):
    r"""Prunes trials by their final value as predicted from beta_eff: a drop-in for ``HyperbandPruner``.

    Asynchronous successive halving with rungs at steps ``min_resource * reduction_factor**k``. At a rung a
    trial goes on if its *predicted* final value is among the top ``1 / reduction_factor`` of those before
    it, by the policy that decides in :class:`~neurocap_search.NeuralCapacitanceScheduler` with
    ``predictor="capacitance"``. A trial that reports no beta_eff, or too few values, competes by its value,
    as under ASHA. Report beta_eff with :func:`~neurocap_search.study.report`; plain
    ``trial.report(value, step)`` works too.

    Several processes may share a study: all state lives in its storage. Each judges by what the others have
    written there. There is one bracket, as in ``SuccessiveHalvingPruner``; for several give
    :class:`~neurocap_search.study.PolicyPruner` a policy that has them.

    When not to use it: with a ``min_resource`` below 3 the first rung comes before a prediction is possible.
    beta_eff is not known to rank networks better than their training loss on every task: compare both on
    yours. Optuna cannot prune studies with several objectives.

    Args:
        min_resource: The step of the first rung, from 1.
        max_resource: The step of full training, where nothing is pruned any more; ``"auto"`` takes the last
            step of the first trial that completed with reports, and prunes nothing before. Count steps from
            1, as ``report`` does; where they count from 0, give the number of the last.
        reduction_factor: One in how many goes on at each rung.
        metric: The name of the value given to ``trial.report``, for the reasons.
        capacitance_attr: The name of beta_eff among the reported numbers.
        bounds: Range of the value, such as ``(0, 1)`` for an accuracy; predictions are clipped to it.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> import optuna
        >>> from neurocap_search.study import report
        >>> pruner = NeuralCapacitancePruner(min_resource=3, max_resource=16, metric="val_accuracy")
        >>> study = optuna.create_study(direction="maximize", pruner=pruner)
        >>> trial = study.ask()
        >>> report(trial, 1, {"val_accuracy": 0.5, "beta_eff": 0.2})
        >>> trial.should_prune()
        False
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int | Literal["auto"] = "auto",
        reduction_factor: float = 3,
        *,
        metric: str = "value",
        capacitance_attr: str = "beta_eff",
        bounds: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(metric)
        self._min_resource, self._max_resource = min_resource, max_resource
        self._reduction_factor = reduction_factor
        self._capacitance_attr, self._bounds = capacitance_attr, bounds
        _check(min_resource, max_resource, reduction_factor)
        self._policy("max", max_resource if isinstance(max_resource, int) else min_resource)

    def make_policy(self, study: Study, mode: Mode) -> PruningPolicy | None:
        """Return successive halving on predictions, or None while ``max_resource`` is not known."""
        last = _first_length(study) if self._max_resource == "auto" else self._max_resource
        return None if last is None else self._policy(mode, max(last, self._min_resource))

    def _policy(self, mode: Mode, max_t: int) -> PruningPolicy:
        predictor = CapacitanceRidge(
            metric=self.metric, capacitance=self._capacitance_attr, mode=mode, bounds=self._bounds
        )
        return SuccessiveHalvingPolicy(
            metric=self.metric,
            mode=mode,
            max_t=max_t,
            grace_period=self._min_resource,
            reduction_factor=self._reduction_factor,
            predictor=predictor,
        )


def _first_length(study: Study) -> int | None:
    """The last step of the first trial that completed: the same in every process, now and later."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    reported = [trial for trial in trials if trial.last_step is not None]
    return min(reported, key=_completion).last_step if reported else None


def _completion(trial: FrozenTrial) -> tuple[float, int]:
    return (trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0, trial.number)


def _check(min_resource: int, max_resource: int | str, reduction_factor: float) -> None:
    if not min_resource >= 1:
        raise ValueError(f"min_resource must be at least 1, received {min_resource}.")
    if max_resource != "auto" and (isinstance(max_resource, str) or max_resource < min_resource):
        raise ValueError(
            f"max_resource must be 'auto' or a step from min_resource = {min_resource} on, received "
            f"{max_resource!r}."
        )
    if not reduction_factor > 1:
        raise ValueError(f"reduction_factor must be above 1, received {reduction_factor}.")
