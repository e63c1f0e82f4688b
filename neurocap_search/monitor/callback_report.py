"""What the callbacks of both frameworks share: how a training epoch is reported and pruned."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurocap_search.monitor.monitor import CapacitanceMonitor

if TYPE_CHECKING:
    import optuna


def check_objective(objective: str | None, trial: "optuna.Trial | None") -> None:
    """Raise ValueError for a trial without the name of what it is judged by."""
    if trial is not None and objective is None:
        raise ValueError(
            "objective: expected the name of the metric that the Optuna study optimises, received None; "
            "name one that is logged"
        )


def report_objective(
    monitor: CapacitanceMonitor,
    metrics: Mapping[str, Any],
    objective: str,
    trial: "optuna.Trial | None",
    epoch: int | None = None,
) -> None:
    """Report the objective with the last measurement, and end a trial that its study prunes.

    Raises:
        ValueError: If the objective is not among the metrics.
        optuna.TrialPruned: If the trial is pruned.
    """
    if objective not in metrics:
        raise ValueError(
            f"objective: {objective!r} is not among the logged {sorted(metrics)}; log it, or name another"
        )
    monitor.report({objective: float(metrics[objective])}, trial=trial, epoch=epoch)
    if trial is not None and trial.should_prune():
        import optuna

        raise optuna.TrialPruned
