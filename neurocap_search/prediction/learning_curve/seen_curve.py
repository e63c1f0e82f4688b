"""The part of a learning curve that a trial has reported."""

import math
from typing import NamedTuple

from neurocap_search.prediction.learning_curve.arguments import Bounds, Mode, clip
from neurocap_search.prediction.prediction import Prediction
from neurocap_search.prediction.report import History


class SeenCurve(NamedTuple):
    """Finite values of one reported number.

    Attributes:
        epochs: The epochs they were reported after, ascending; there may be holes.
        values: The values, as many.
    """

    epochs: tuple[int, ...]
    values: tuple[float, ...]

    def best(self, mode: Mode) -> float:
        """Return the largest value, or the smallest where smaller is better."""
        return max(self.values) if mode == "max" else min(self.values)


def finite_values(history: History, name: str) -> SeenCurve:
    """Return the finite values called ``name``; reports without one are left out."""
    seen = [(r.epoch, y) for r in history if (y := r.get(name)) is not None and math.isfinite(y)]
    return SeenCurve(tuple(t for t, _ in seen), tuple(y for _, y in seen))


def seen_curve(history: History, metric: str) -> SeenCurve:
    """Return the curve of the metric.

    Raises:
        ValueError: If no report has a finite metric.
    """
    curve = finite_values(history, metric)
    if not curve.values:
        raise ValueError(f"No report has a finite {metric!r}; received {len(history)} reports.")
    return curve


def best_seen(curve: SeenCurve, mode: Mode, bounds: Bounds, predictor: str, why: str) -> Prediction:
    """Return the answer of a predictor that cannot predict, with the reason."""
    return Prediction(clip(curve.best(mode), bounds), None, predictor, curve.epochs, fallback=why)
