"""What predictors that answer with a value already seen have in common."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from neurocap_search.prediction.learning_curve.finished_trials import FinishedTrials
from neurocap_search.prediction.prediction import Prediction
from neurocap_search.prediction.report import History
from neurocap_search.prediction.seen_curve import SeenCurve, finite_values, seen_curve

_FEWEST_ERRORS = 3


class SeenValue(ABC):
    """Predicts that the metric stays as it was seen.

    The spread is the root mean square error that the same answer made, at the same epoch, on the
    finished trials; None while fewer than three have finished. It holds the bias too: most curves still rise.
    A subclass gives the value in :meth:`value`.

    Args:
        metric: Name of the predicted number in the reports.
    """

    name: ClassVar[str]
    learns: bool = True
    """Finished trials tell the spread."""

    def __init__(self, *, metric: str = "val_accuracy") -> None:
        self.metric = metric
        self._finished = FinishedTrials()
        self._spreads: dict[float, float | None] = {}

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it looks at."""
        return (self.metric,)

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Learn the spread from finished trials; ``histories[i]`` ended at the metric ``finals[i]``."""
        self._finished, self._spreads = FinishedTrials(histories, finals), {}
        return self

    def predict(self, history: History) -> Prediction:
        """Predict the final metric from at least one report.

        Raises:
            ValueError: If no report has a finite metric.
        """
        curve = seen_curve(history, self.metric)
        mean, epochs = self.value(curve)
        return Prediction(mean, self._spread(curve.epochs[-1]), self.name, epochs)

    @abstractmethod
    def value(self, curve: SeenCurve) -> tuple[float, tuple[int, ...]]:
        """Return the value and the epochs it was seen in; the curve is not empty."""

    def _spread(self, epoch: float) -> float | None:
        if epoch not in self._spreads:
            young = ((finite_values(h, self.metric), final) for h, final in self._finished.up_to(epoch))
            errors = [self.value(curve)[0] - final for curve, final in young if curve.values]
            enough = len(errors) >= _FEWEST_ERRORS
            self._spreads[epoch] = math.hypot(*errors) / math.sqrt(len(errors)) if enough else None
        return self._spreads[epoch]
