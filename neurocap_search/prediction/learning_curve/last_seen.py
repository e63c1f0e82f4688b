"""The last value seen as the prediction."""

from typing import ClassVar

from neurocap_search.prediction.learning_curve.seen_value import SeenValue
from neurocap_search.prediction.seen_curve import SeenCurve


class LastSeen(SeenValue):
    """Predicts the last value seen: what plain successive halving compares, and the first to beat.

    When not to use it: where curves cross, as with a learning rate that is cut late in training.

    The spread is the root mean square error of this answer at the same epoch of the finished trials, None
    while fewer than three have finished.

    Args:
        metric: Name of the predicted number in the reports.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> print(LastSeen().predict([Report(1, {"val_accuracy": 0.6}), Report(2, {"val_accuracy": 0.5})]))
        0.500
    """

    name: ClassVar[str] = "last_seen"

    def value(self, curve: SeenCurve) -> tuple[float, tuple[int, ...]]:
        """Return the last value and its epoch."""
        return curve.values[-1], curve.epochs[-1:]
