"""One predictor that learns from the finished trials of several policies."""

from collections.abc import Sequence
from typing import Self

from neurocap_search.prediction import History, Prediction, Predictor


class PooledPredictor:
    """A policy's share of a predictor: it predicts with the whole, and what it learns goes to the whole.

    Without it each policy that shares a predictor would teach it its own finished trials only and so
    make it forget those of the others.

    Args:
        predictor: The predictor that is shared.
        pool: What each share has learned, by its number; the same dict for all shares.
        number: Number of this share.
    """

    def __init__(
        self,
        predictor: Predictor,
        pool: dict[int, tuple[Sequence[History], Sequence[float]]],
        number: int,
    ) -> None:
        self._predictor, self._pool, self._number = predictor, pool, number
        self.signals: tuple[str, ...] = getattr(predictor, "signals", ())
        self.learns: bool = getattr(predictor, "learns", True)

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Teach the shared predictor the finished trials of all shares, in the order of their numbers."""
        self._pool[self._number] = (histories, finals)
        learned = [self._pool[number] for number in sorted(self._pool)]
        self._predictor.fit(
            [history for histories, _ in learned for history in histories],
            [final for _, finals in learned for final in finals],
        )
        return self

    def predict(self, history: History) -> Prediction:
        """Predict with the shared predictor."""
        return self._predictor.predict(history)
