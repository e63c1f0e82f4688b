"""The neural capacitance pruner: a drop-in for Optuna's ``HyperbandPruner``."""

from collections.abc import Mapping
from typing import Any, Literal

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from neurocap_search.prediction import CapacitanceRidge
from neurocap_search.prediction.combination import LearnedCombination
from neurocap_search.pruning import LearnedHalvingPolicy, PruningPolicy, SuccessiveHalvingPolicy
from neurocap_search.study.policy_pruner import Mode, StudyPruner


class NeuralCapacitancePruner(StudyPruner):
    r"""Prunes trials after a step or two by what many signals tell: a drop-in for ``HyperbandPruner``.

    The policies are those of :class:`~neurocap_search.NeuralCapacitanceScheduler`, in the type that decides
    for good. By default a learned combination of signals decides
    (:class:`~neurocap_search.pruning.LearnedHalvingPolicy`): of the trials that reach ``min_resource`` one in
    the square of ``reduction_factor`` goes on. Report the signals beside the value with
    :func:`~neurocap_search.study.report`: ``train_loss``, ``val_loss``, ``train_accuracy``, ``parameters``,
    ``beta_eff``, summaries of the graph. Those that are not reported are not looked at. What each was worth,
    and what the audit says, tells :meth:`insight`.

    With ``predictor="capacitance"`` trials compete by the final value that the source paper predicts from
    beta_eff alone: asynchronous successive halving with rungs at ``min_resource * reduction_factor**k``,
    where a trial goes on if its *predicted* final value is among the top ``1 / reduction_factor`` of those
    before it. A trial that reports no beta_eff, or too few values, competes by its value, as under ASHA.

    Several processes may share a study: all state lives in its storage. Each judges by what the others have
    written there; give all the same arguments. There is one bracket, as in ``SuccessiveHalvingPruner``; for
    several give :class:`~neurocap_search.study.PolicyPruner` a policy that has them.

    When not to use it: for fewer than about 20 trials, and where trials report nothing but the value, take
    Optuna's ``SuccessiveHalvingPruner``. With ``predictor="capacitance"`` and a ``min_resource`` below 3 the
    first rung comes before a prediction is possible, and beta_eff alone is not known to rank networks better
    than their training loss on any task: compare both on yours. Optuna cannot prune studies with several
    objectives.

    Args:
        min_resource: The step of the first rung, from 1.
        max_resource: The step of full training, where nothing is pruned any more; ``"auto"`` takes the last
            step of the first trial that completed with reports, and prunes nothing before. Count steps from
            1, as ``report`` does; where they count from 0, give the number of the last.
        reduction_factor: One in how many goes on at each rung, for the combination one in its square; None
            takes 2.5 for the combination, and 3 otherwise.
        metric: The name of the value given to ``trial.report``, for the reasons.
        predictor: ``"combination"`` or ``"capacitance"``.
        names: The names under which signals of the combination are reported, where they differ, such as
            ``{"train_loss": "loss", "parameters": "num_params"}``.
        audit: Share of trials that the combination never prunes, to measure what pruning costs.
        capacitance_attr: The name of beta_eff among the reported numbers.
        bounds: Range of the value, such as ``(0, 1)`` for an accuracy; predictions are clipped to it.
        seed: Draws the audit.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> import optuna
        >>> from neurocap_search.study import report
        >>> pruner = NeuralCapacitancePruner(max_resource=16, metric="val_accuracy")
        >>> study = optuna.create_study(direction="maximize", pruner=pruner)
        >>> for accuracy in (0.5, 0.4):
        ...     trial = study.ask()
        ...     report(trial, 1, {"val_accuracy": accuracy, "train_loss": 1 - accuracy, "beta_eff": 0.2})
        ...     print(trial.should_prune())
        False
        True
        >>> insight = pruner.insight(study)
        >>> insight.rungs[0].trials, insight.sentence[-24:]
        (2, 'The combination decides.')
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int | Literal["auto"] = "auto",
        reduction_factor: float | None = None,
        *,
        metric: str = "value",
        predictor: Literal["combination", "capacitance"] = "combination",
        names: Mapping[str, str] | None = None,
        audit: float = 0.05,
        capacitance_attr: str = "beta_eff",
        bounds: tuple[float, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(metric)
        self._min_resource, self._max_resource = min_resource, max_resource
        self._reduction_factor, self._predictor = reduction_factor, predictor
        self._names = {"beta_eff": capacitance_attr, **(names or {})}
        self._audit, self._seed, self._bounds = audit, seed, bounds
        _check(min_resource, max_resource, reduction_factor, predictor)
        self._policy("max", max_resource if isinstance(max_resource, int) else min_resource)

    def make_policy(self, study: Study, mode: Mode) -> PruningPolicy | None:
        """Return a policy that knows nothing yet, or None while ``max_resource`` is not known."""
        last = _first_length(study) if self._max_resource == "auto" else self._max_resource
        return None if last is None else self._policy(mode, max(last, self._min_resource))

    def _policy(self, mode: Mode, max_t: int) -> PruningPolicy:
        aim: dict[str, Any] = {"metric": self.metric, "mode": mode}
        rungs = {**aim, "max_t": max_t, "grace_period": self._min_resource}
        if self._predictor == "combination":
            return LearnedHalvingPolicy(
                **rungs,
                reduction_factor=self._reduction_factor,
                audit=self._audit,
                combination=LearnedCombination(**aim, names=self._names),
                bounds=self._bounds,
                seed=self._seed,
            )
        ridge = CapacitanceRidge(**aim, capacitance=self._names["beta_eff"], bounds=self._bounds)
        factor = 3 if self._reduction_factor is None else self._reduction_factor
        return SuccessiveHalvingPolicy(**rungs, reduction_factor=factor, predictor=ridge)


def _first_length(study: Study) -> int | None:
    """The last step of the first trial that completed: the same in every process, now and later."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    reported = [trial for trial in trials if trial.last_step is not None]
    return min(reported, key=_completion).last_step if reported else None


def _completion(trial: FrozenTrial) -> tuple[float, int]:
    return (trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0, trial.number)


def _check(
    min_resource: int, max_resource: int | str, reduction_factor: float | None, predictor: str
) -> None:
    if predictor not in ("combination", "capacitance"):
        raise ValueError(f"predictor must be 'combination' or 'capacitance', received {predictor!r}.")
    if not min_resource >= 1:
        raise ValueError(f"min_resource must be at least 1, received {min_resource}.")
    if max_resource != "auto" and (isinstance(max_resource, str) or max_resource < min_resource):
        raise ValueError(
            f"max_resource must be 'auto' or a step from min_resource = {min_resource} on, received "
            f"{max_resource!r}."
        )
    if reduction_factor is not None and not reduction_factor > 1:
        raise ValueError(f"reduction_factor must be above 1, received {reduction_factor}.")
