"""The decisions that every rule takes alike."""

import math
from functools import lru_cache
from typing import TypeGuard

from neurocap_search.prediction import Report
from neurocap_search.pruning.decision import Action, Decision


def fully_trained(epoch: float, max_t: float) -> Decision:
    """Return the decision that ends a trial which has had its whole budget."""
    return Decision(Action.STOP, epoch, f"epoch {epoch} of {max_t:g}: fully trained")


def already_ended(epoch: float) -> Decision:
    """Return the decision on a report that comes after its trial has ended."""
    return Decision(Action.STOP, epoch, f"epoch {epoch}: the trial has already ended")


@lru_cache(maxsize=4096)  # most reports of a search are answered with one of these
def between_rungs(epoch: float) -> Decision:
    """Return the decision at an epoch where nobody is compared."""
    return Decision(Action.CONTINUE, epoch, f"epoch {epoch}: between rungs")


def not_comparable(metric: str, report: Report) -> Decision:
    """Return the decision on a report whose ``metric`` is missing or not finite.

    A trial without the metric goes on: it may report it later, and within the first epoch nobody knows it
    yet, whichever way a trial says so. One whose metric is not finite later has failed: no rule pruned it,
    and its numbers are of no use to anybody.

    Example:
        >>> not_comparable("acc", Report(3, {"loss": 0.5})).reason
        "epoch 3: 'acc' is not among the reported ['loss']"
        >>> not_comparable("acc", Report(3, {"acc": math.nan})).failed
        True
        >>> not_comparable("acc", Report(0.5, {"acc": math.nan})).failed
        False
    """
    value = report.get(metric)
    if value is None:
        why = f"epoch {report.epoch}: {metric!r} is not among the reported {sorted(report.metrics)}"
        return Decision(Action.CONTINUE, report.epoch, why)
    if report.is_early:
        why = f"epoch {report.epoch}: {metric} is not known within the first epoch"
        return Decision(Action.CONTINUE, report.epoch, why)
    why = f"epoch {report.epoch}: {metric} is {value}; the training has diverged"
    return Decision(Action.STOP, report.epoch, why, failed=True)


def usable(value: float | None) -> TypeGuard[float]:
    """Return True if a reported number is there and finite."""
    return value is not None and math.isfinite(value)
