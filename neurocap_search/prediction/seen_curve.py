"""The part of a learning curve that a trial has reported."""

import math
from typing import ClassVar, NamedTuple, Protocol

from neurocap_search.prediction.arguments import Bounds, Mode, clip
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
    """Return the finite values called ``name`` after whole epochs; reports without one are left out."""
    whole = [(int(r.epoch), r.get(name)) for r in history if not r.is_early]
    seen = [(epoch, y) for epoch, y in whole if y is not None and math.isfinite(y)]
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


class Extrapolating(Protocol):
    """A predictor of a metric that may have to fall back on what was seen.

    Attributes:
        name: Who predicts.
        metric: Name of the predicted number in the reports.
        mode: Whether it is to be large or small.
        bounds: Range it cannot leave.
    """

    name: ClassVar[str]
    metric: str
    mode: Mode
    bounds: Bounds


def best_seen(
    predictor: Extrapolating, history: History, why: str, *, std: float | None = None
) -> Prediction:
    """Return the answer of a predictor that cannot predict: the best value seen, with the reason.

    Raises:
        ValueError: If no report has a finite metric.
    """
    curve = seen_curve(history, predictor.metric)
    best = clip(curve.best(predictor.mode), predictor.bounds)
    return Prediction(best, std, predictor.name, curve.epochs, fallback=why)
