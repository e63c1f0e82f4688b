"""What the sampler is told when a trial ends: the one place where this is decided."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import optuna
from optuna.samplers import BaseGASampler
from optuna.trial import TrialState

from neurocap_search.pruning import Action, Decision
from neurocap_search.tracking.events import finite

_log = logging.getLogger(__name__)

ToldValue = Literal["lower_bound", "last", "predicted", "pruned"]
"""What a sampler is told of a pruned trial, see :func:`told_at_end`."""

_SPREADS = 2
"""Standard deviations below the predicted mean: a normal variable is above with probability 0.977."""


class Seen(NamedTuple):
    """The last number a trial reported.

    Attributes:
        value: The metric.
        step: Ray's ``training_iteration``, Optuna's step.
    """

    value: float
    step: int


@dataclass(frozen=True)
class Told:
    """The end of a trial as a sampler learns of it.

    Attributes:
        state: COMPLETE, PRUNED or FAIL.
        values: One for each objective; empty unless COMPLETE.
        seen: The last number reported; Optuna ranks PRUNED trials by it.
        attributes: User attributes of the Optuna trial.
    """

    state: TrialState
    values: tuple[float, ...] = ()
    seen: Seen | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def tell(self, study: optuna.Study, trial: optuna.Trial) -> None:
        """Tell it to a study; nothing is raised, and the trial does not stay RUNNING."""
        try:
            for name, value in self.attributes.items():
                trial.set_user_attr(name, value)
            if self.seen is not None:
                report_once(trial, self.seen)
            if self.state is TrialState.COMPLETE:
                _join_population(study, trial)
            study.tell(trial, self.values or None, state=self.state)
        except Exception as error:
            # Raised here, it would make Ray call a trained trial failed. Grid and brute-force samplers want
            # to stop a `Study.optimize` that is not there with their last point; the trial is told by then.
            level = logging.DEBUG if "Study.stop" in str(error) else logging.WARNING
            _log.log(level, "Optuna trial %d: the sampler failed to learn", trial.number, exc_info=True)


def told_at_end(
    seen: Seen | None,
    decision: Decision | None,
    *,
    pruned: bool,
    told_value: ToldValue,
    mode: Literal["max", "min"],
) -> Told:
    r"""Return what the sampler is told of a trial that has ended.

    A fully trained trial is told with its final metric. Of a pruned one nobody knows the final metric; by
    ``told_value`` the sampler is told, with :math:`\mu \pm \sigma` the prediction of it:

    - ``lower_bound``: :math:`\mu - 2\sigma` (:math:`\mu + 2\sigma` if small is good), so that a pruned trial
      looks good only if it very likely is, and where there is no real prediction with a spread, the last
      metric seen;
    - ``last``: the last metric seen, as Ray Tune's ``OptunaSearch`` does;
    - ``predicted``: :math:`\mu`; the luckiest errors of the predictor then look best;
    - ``pruned``: Optuna's state PRUNED. Not for samplers that forget such trials, see
      :func:`~neurocap_search.tune.samplers.forgets_pruned`.

    A trial that was pruned within its first epoch, before it had a metric, is told as PRUNED in any case.

    Args:
        seen: The last number the trial reported.
        decision: The scheduler's last decision on it; its prediction is used.
        pruned: True if the trial was not trained to its end.
        told_value: The choice above.
        mode: Whether the metric is to be large or small.

    Returns:
        FAIL if the last metric is missing or not finite, or the decision says that the trial failed.

    Example:
        >>> from neurocap_search.prediction import Prediction
        >>> stop = Decision(Action.STOP, 3, "too low", Prediction(0.8, 0.1, "ridge", (1, 2, 3)), pruned=True)
        >>> told = told_at_end(Seen(0.5, 3), stop, pruned=True, told_value="lower_bound", mode="max")
        >>> told.state.name, round(told.values[0], 3), told.attributes["neurocap:raw"]
        ('COMPLETE', 0.6, 0.5)
    """
    attributes = _attributes(seen, decision, pruned)
    if decision is not None and decision.pruned and decision.epoch < 1:
        return Told(TrialState.PRUNED, (), None, attributes)
    if seen is None or not math.isfinite(seen.value):
        value = None if seen is None else seen.value
        return failed(f"no finite metric at its end, last seen: {value}", attributes)
    if decision is not None and decision.failed:
        return failed(decision.reason, attributes)
    if pruned and told_value == "pruned":
        return Told(TrialState.PRUNED, (), seen, attributes)
    value = _pruned_value(seen, decision, told_value, mode) if pruned else seen.value
    return Told(TrialState.COMPLETE, (value,), seen, attributes)


def told_objectives(values: Sequence[float | None], *, pruned: bool) -> Told:
    """Return what the sampler is told of a trial with several objectives: all of them, or FAIL.

    Example:
        >>> told_objectives([0.9, 12.0], pruned=False).values
        (0.9, 12.0)
        >>> told_objectives([0.9, None], pruned=False).state.name
        'FAIL'
    """
    if pruned:
        return Told(TrialState.PRUNED, attributes={"neurocap:pruned": True})
    numbers = tuple(float(value) for value in values if value is not None and math.isfinite(value))
    if len(numbers) < len(values):
        return failed(f"not all objectives are finite numbers: {list(values)}")
    return Told(TrialState.COMPLETE, numbers)


def failed(reason: str, attributes: dict[str, Any] | None = None) -> Told:
    """Return the FAIL of a trial, which samplers do not learn from."""
    return Told(TrialState.FAIL, attributes={**(attributes or {}), "neurocap:reason": reason})


def ended_early(result: dict[str, Any] | None, decision: Decision | None) -> bool:
    """Tell whether a trial that did not fail was pruned: by a decision, or stopped while it was paused."""
    if not result:
        return True
    return decision is not None and (decision.pruned or decision.action is Action.PAUSE)


def report_once(trial: optuna.Trial, seen: Seen) -> None:
    """Report an intermediate value unless one is known for this step or a later one."""
    last = trial.storage.get_trial(trial._trial_id).last_step
    if math.isfinite(seen.value) and (last is None or seen.step > last):
        trial.report(seen.value, seen.step)


def check_told_value(told_value: str) -> None:
    """Check the name of a choice.

    Raises:
        ValueError: If it is not one of them.
    """
    if told_value not in get_args(ToldValue):
        raise ValueError(f"told_value must be one of {list(get_args(ToldValue))}, received {told_value!r}.")


def _pruned_value(
    seen: Seen, decision: Decision | None, told_value: ToldValue, mode: Literal["max", "min"]
) -> float:
    prediction = decision.prediction if decision else None
    if told_value == "last" or prediction is None or prediction.fallback is not None:
        return seen.value
    if told_value == "predicted":
        return prediction.mean if math.isfinite(prediction.mean) else seen.value
    if prediction.std is None:
        return seen.value
    bound = prediction.mean - _SPREADS * prediction.std * (1 if mode == "max" else -1)
    return bound if math.isfinite(bound) else seen.value


def _attributes(seen: Seen | None, decision: Decision | None, pruned: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"pruned": pruned}
    if seen is not None:
        facts |= {"raw": seen.value, "epoch": seen.step}
    if decision is not None:
        facts |= {"epoch": decision.epoch, "reason": decision.reason}
    if decision is not None and decision.prediction is not None:
        prediction = decision.prediction
        facts |= {"predicted": prediction.mean, "std": prediction.std, "fallback": prediction.fallback}
    return {f"neurocap:{name}": finite(value) for name, value in facts.items()}


def _join_population(study: optuna.Study, trial: optuna.Trial) -> None:
    """Enter a trial the genetic sampler did not draw itself, such as a given point, into a generation.

    Optuna 5.0 numbers generations as it draws; a trial whose parameters were fixed never gets a number
    and is no parent of any.
    """
    if isinstance(study.sampler, BaseGASampler):
        study.sampler.get_trial_generation(study, trial.storage.get_trial(trial._trial_id))
