"""The mean of the last epochs as the prediction."""

import math
from typing import ClassVar

from neurocap_search.prediction.arguments import check_at_least
from neurocap_search.prediction.learning_curve.seen_value import SeenValue
from neurocap_search.prediction.seen_curve import SeenCurve


class RunningMean(SeenValue):
    """Predicts the mean of the values reported in the last ``window`` epochs.

    When not to use it: early in training, where curves are steep: the mean lags behind.

    The spread is the root mean square error of this answer at the same epoch of the finished trials, None
    while fewer than three have finished.

    Args:
        metric: Name of the predicted number in the reports.
        window: Over how many epochs to average, up to the last one with a value. An epoch without a
            report counts as one of them but has no value to add.

    Raises:
        ValueError: If ``window`` is below 1.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> history = [Report(t, {"val_accuracy": y}) for t, y in enumerate([0.1, 0.6, 0.5], 1)]
        >>> print(RunningMean(window=2).predict(history))
        0.550
    """

    name: ClassVar[str] = "running_mean"

    def __init__(self, *, metric: str = "val_accuracy", window: int = 3) -> None:
        check_at_least("window", window, 1)
        super().__init__(metric=metric)
        self.window = window

    def value(self, curve: SeenCurve) -> tuple[float, tuple[int, ...]]:
        """Return the mean and the epochs it is of."""
        first = curve.epochs[-1] - self.window + 1
        epochs = tuple(epoch for epoch in curve.epochs if epoch >= first)
        values = curve.values[-len(epochs) :]
        return math.fsum(value / len(values) for value in values), epochs
