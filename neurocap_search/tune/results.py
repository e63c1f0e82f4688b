"""Ray Tune's results as reports."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurocap_search.prediction import Report

# What Ray adds to every result; none of it says anything about the network.
_RAY_KEYS = frozenset(
    {
        "episodes_total",
        "iterations_since_restore",
        "pid",
        "time_since_restore",
        "time_this_iter_s",
        "time_total_s",
        "timestamp",
        "timesteps_since_restore",
        "timesteps_total",
        "training_iteration",
    }
)

FAILURE = "neurocap_failure"
"""The result's key under which a trainable that caught its own error says why it ends."""

RESUME_FROM = "resume_from"
"""Key of a trial's configuration for the folder of the checkpoint it goes on from."""


def missing_keys(result: Mapping[str, Any], time_attr: str, metric: str | None) -> str | None:
    """Return a sentence on what a result lacks, or None if it has all.

    Example:
        >>> missing_keys({"epoch": 1, "loss": 0.5}, "epoch", "acc").split(";")[0]
        "metric 'acc' is not among the reported ['epoch', 'loss']"
    """
    absent = [("time_attr", time_attr)] if time_attr not in result else []
    if metric is not None and metric not in result:
        absent.append(("metric", metric))
    if not absent:
        return None
    keys = sorted(key for key in result if not key.startswith("config/"))
    what, name = absent[0]
    return (
        f"{what} {name!r} is not among the reported {keys}; nothing is pruned. Report it with "
        f"tune.report({{{name!r}: ...}}) or give the scheduler another {what}."
    )


def to_report(result: Mapping[str, Any], time_attr: str, keep: str | None = None) -> Report:
    """Return the numbers of a Ray result as a report.

    Args:
        result: What the trainable reported and Ray added to.
        time_attr: The result's key for the epoch.
        keep: A key that is kept even if Ray uses it too, such as the optimised metric.

    Example:
        >>> to_report({"epoch": 2, "acc": 0.5, "config/lr": 0.1, "done": False}, "epoch")
        Report(epoch=2, metrics={'acc': 0.5}, seconds=None)
    """
    metrics = {
        key: float(value)
        for key, value in result.items()
        if _is_number(value)
        and (key == keep or not (key.startswith("config/") or key in {*_RAY_KEYS, time_attr}))
    }
    epoch = result[time_attr]
    seconds = metrics.get("epoch_seconds") if keep == "epoch_seconds" else metrics.pop("epoch_seconds", None)
    return Report(epoch.item() if isinstance(epoch, np.number) else epoch, metrics, seconds)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
