"""Whether a training came out as it was recorded."""

import math
from collections.abc import Sequence

from neurocap_search.inspection.measures import EpochMeasures
from neurocap_search.prediction import Report


def same_curve(recorded: Sequence[Report], again: Sequence[EpochMeasures], metrics: Sequence[str]) -> str:
    """Say in a sentence whether two trainings of one trial gave the same numbers.

    Args:
        recorded: The reports of the search.
        again: The measures of the second training, for the same epochs.
        metrics: The numbers compared at each epoch.

    Example:
        >>> recorded = [Report(1, {"beta_eff": 0.5}), Report(2, {"beta_eff": 0.25})]
        >>> again = [EpochMeasures(1, {"beta_eff": 0.5}), EpochMeasures(2, {"beta_eff": 0.125})]
        >>> same_curve(recorded, again, ["beta_eff"])
        'Not the curve that was recorded: beta_eff differs by up to 0.12 (epoch 2).'
    """
    if not recorded:
        return "The search recorded no epoch of it to compare with."
    if len(again) < len(recorded):
        return f"Not the curve that was recorded: only {len(again)} of {len(recorded)} epochs came about."
    found = [words for metric in metrics if (words := _largest(recorded, again, metric))]
    epochs = f"{len(recorded)} epochs" if len(recorded) > 1 else "one epoch"
    if not found:
        return f"Same curve as recorded: {' and '.join(metrics)} are equal at all of {epochs}."
    return f"Not the curve that was recorded: {'; '.join(found)}."


def _largest(recorded: Sequence[Report], again: Sequence[EpochMeasures], metric: str) -> str | None:
    """Name the largest difference of a metric, or None where there is none."""
    pairs = zip(recorded, again, strict=True)
    gaps = [(_gap(old.get(metric), new.metrics.get(metric)), old.epoch) for old, new in pairs]
    gap, epoch = max(gaps)
    if gap == 0.0:
        return None
    size = "has a value in one of them only" if math.isinf(gap) else f"differs by up to {gap:.2g}"
    return f"{metric} {size} (epoch {epoch})"


def _gap(old: float | None, new: float | None) -> float:
    """Return the distance of two numbers: 0 if neither is one, infinite if one of them is."""
    numbers = [value for value in (old, new) if value is not None and not math.isnan(value)]
    if len(numbers) < 2:
        return math.inf if numbers else 0.0
    return abs(numbers[0] - numbers[1])
