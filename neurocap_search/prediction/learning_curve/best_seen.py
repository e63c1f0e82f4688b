"""The best value seen as the prediction."""

from typing import ClassVar

from neurocap_search.prediction.arguments import Mode, check_mode
from neurocap_search.prediction.learning_curve.seen_value import SeenValue
from neurocap_search.prediction.seen_curve import SeenCurve


class BestSeen(SeenValue):
    """Predicts the best value seen so far (BSV, a baseline of arXiv 2201.04194).

    When not to use it: on curves as noisy as their differences it rewards the luckiest epoch;
    :class:`RunningMean` does not.

    The spread is the root mean square error of this answer at the same epoch of the finished trials, None
    while fewer than three have finished.

    Args:
        metric: Name of the predicted number in the reports.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.

    Raises:
        ValueError: On a mode other than max and min.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> print(BestSeen().predict([Report(1, {"val_accuracy": 0.6}), Report(2, {"val_accuracy": 0.5})]))
        0.600
    """

    name: ClassVar[str] = "best_seen"

    def __init__(self, *, metric: str = "val_accuracy", mode: Mode = "max") -> None:
        check_mode(mode)
        super().__init__(metric=metric)
        self.mode = mode

    def value(self, curve: SeenCurve) -> tuple[float, tuple[int, ...]]:
        """Return the best value and all epochs, which it was chosen from."""
        return curve.best(self.mode), curve.epochs
