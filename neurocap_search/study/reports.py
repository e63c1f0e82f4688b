"""Several numbers in one report of an Optuna trial."""

import math
from collections.abc import Mapping

from optuna.study import Study
from optuna.trial import BaseTrial, FrozenTrial

from neurocap_search.prediction import Report

_KEY = "neurocap:report:{}"
_VERSION = 1


def report(
    trial: BaseTrial,
    epoch: int,
    numbers: Mapping[str, float],
    *,
    objective: str | None = None,
    seconds: float | None = None,
) -> None:
    """Report all numbers of an epoch: the objective as Optuna knows it, the others beside it.

    Calls ``trial.report(objective, epoch)`` and keeps all numbers as a user attribute of the trial, where
    the pruners of this package find them. Not needed where the objective is all there is: plain
    ``trial.report`` does as well.

    Args:
        trial: The trial that the objective function received.
        epoch: Number of finished epochs, from 1; Optuna's step.
        numbers: Named numbers such as ``val_accuracy`` and ``beta_eff``; may be nan.
        objective: The name of the number the study optimises; None takes the first.
        seconds: Wall-clock cost of the epoch in seconds, if known.

    Raises:
        ValueError: If there is no such number, or the study has several objectives.

    Example:
        >>> import optuna
        >>> trial = optuna.create_study(direction="maximize").ask()
        >>> report(trial, 1, {"val_accuracy": 0.5, "beta_eff": 0.2})
        >>> trial.user_attrs
        {'neurocap:report:1': {'version': 1, 'trial': 0, 'epoch': 1, 'metrics': {'val_accuracy': 0.5, ...
    """
    name = _objective(numbers, objective)
    study = getattr(trial, "study", None)  # a FixedTrial belongs to none
    if study is not None:
        check_one_objective(study)
    key = _KEY.format(epoch)
    # Optuna keeps the first report of a step; a trial that is tried again inherits those of the failed one.
    if trial.user_attrs.get(key, {}).get("trial") != trial.number:
        entry = Report(int(epoch), {n: float(value) for n, value in numbers.items()}, seconds).to_json()
        trial.set_user_attr(key, {"version": _VERSION, "trial": trial.number, **entry})
    # After the numbers, so that whoever sees the value sees them too.
    trial.report(numbers[name], epoch)


def trial_report(trial: FrozenTrial, step: int, metric: str) -> Report:
    """Return what a trial reported at a step, the objective under the name ``metric``.

    Raises:
        ValueError: If another number of that name was reported beside the objective.
    """
    value = trial.intermediate_values[step]
    entry = trial.user_attrs.get(_KEY.format(step))
    if entry is None:
        return Report(step, {metric: value})
    _check_version(entry)
    kept = Report.from_json(entry)
    other = kept.metrics.get(metric, value)
    if math.isfinite(other) and other != value:
        raise ValueError(
            f"Trial {trial.number} reported {metric} = {other} at step {step}, but {value} as its objective. "
            f"Name the objective: report(trial, epoch, numbers, objective={metric!r}), or give the pruner "
            "metric='...', the name of the objective."
        )
    return Report(step, {**kept.metrics, metric: value}, kept.seconds)


def check_one_objective(study: Study) -> None:
    """Raise ValueError for a study with several objectives."""
    count = len(study.directions)
    if count > 1:
        raise ValueError(
            f"The study {study.study_name!r} has {count} objectives, and Optuna prunes only studies with "
            "one. Create it with one direction, and report the other numbers beside the objective."
        )


def _objective(numbers: Mapping[str, float], objective: str | None) -> str:
    name = next(iter(numbers), None) if objective is None else objective
    if name is None or name not in numbers:
        raise ValueError(
            f"The objective {name!r} is not among the reported numbers {sorted(numbers)}. Report it too, or "
            "name another as the objective."
        )
    return name


def _check_version(entry: Mapping[str, object]) -> None:
    if entry.get("version") != _VERSION:
        raise ValueError(
            f"Expected reports of version {_VERSION}, received version {entry.get('version')!r}. Continue "
            "the study with the release that began it."
        )
