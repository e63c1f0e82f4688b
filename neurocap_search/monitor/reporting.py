"""Where measured numbers go: to an Optuna trial or to Ray Tune, without importing what is not there."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def report_to_optuna(
    trial: "optuna.Trial", epoch: int, metrics: Mapping[str, float], numbers: Mapping[str, float]
) -> None:
    """Report numbers to an Optuna trial; the first of ``metrics`` is the objective.

    Raises:
        ValueError: If there are no metrics.
    """
    from neurocap_search.study import report

    if not metrics:
        raise ValueError("metrics: expected the number that the study optimises, received none; give it")
    report(trial, epoch, numbers, objective=next(iter(metrics)))


def report_to_tune(numbers: Mapping[str, float]) -> None:
    """Report to the Tune trial this process runs."""
    from ray import tune

    tune.report(dict(numbers))


def in_tune_trial() -> bool:
    """Return whether this is the training function of a Tune trial; Ray is not imported to find out."""
    if "ray.tune" not in sys.modules:
        return False
    from ray.train._internal.session import get_session

    session = get_session()
    return session is not None and session.world_rank is None
