"""What the estimators of training speed have in common."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from neurocap_search.prediction.arguments import (
    Bounds,
    Mode,
    check_at_least,
    check_bounds,
    check_mode,
    clip,
)
from neurocap_search.prediction.learning_curve.calibration import Calibration, calibrate
from neurocap_search.prediction.learning_curve.finished_trials import FinishedTrials
from neurocap_search.prediction.prediction import Prediction
from neurocap_search.prediction.report import History
from neurocap_search.prediction.seen_curve import best_seen


class TrainingSpeed(ABC):
    r"""Ranks trials by a weighted sum of their training losses, :math:`\sum_{t=1}^T w_{T-t}\,\ell_t`.

    The smaller the sum, the faster the network learns and the better it is expected to end. It needs no
    validation data and no finished trial. A subclass says in :meth:`weight` how much an epoch counts, and in
    :meth:`whole` how much the first T do together.

    **The mean is an ordering score, not a metric,** unless ``calibrate_after`` is given: the sum itself,
    negated where a larger metric is better, without a spread. It orders trials of the same epoch, no more.
    With ``calibrate_after`` the mean is in the metric's unit, by a straight line through the finished trials'
    sums at the same epoch. Until so many have finished, or where the line would turn the order round, the
    answer is the best metric seen with the reason in :attr:`Prediction.fallback`. So nobody is ever compared
    across two units; but the line moves with every trial that finishes, and scores given at different times
    agree less well.

    When not to use it: where the losses are not comparable, as with batch size, label smoothing, dropout or
    augmentation in the search space.

    An epoch without a report counts as the (weighted) mean of those with one; a loss that is not finite makes
    the answer the best metric seen. What was reported within the first epoch is no epoch's loss and is left
    out.

    Args:
        loss: Name of the training loss in the reports: the mean over the epoch.
        metric: Name of the predicted number in the reports.
        mode: ``"max"`` if a larger metric is better, ``"min"`` otherwise; a smaller loss is always better.
        bounds: Range the metric cannot leave; predictions in its unit are clipped to it.
        calibrate_after: Finished trials, at least 3, from which on the mean is in the metric's unit; None:
            never.

    Raises:
        ValueError: On a mode other than max and min, bounds out of order or ``calibrate_after`` below 3.
    """

    name: ClassVar[str]

    def __init__(
        self,
        *,
        loss: str = "train_loss",
        metric: str = "val_accuracy",
        mode: Mode = "max",
        bounds: Bounds = None,
        calibrate_after: int | None = None,
    ) -> None:
        check_mode(mode)
        check_bounds(bounds)
        if calibrate_after is not None:
            check_at_least("calibrate_after", calibrate_after, 3)
        self.loss, self.metric, self.mode = loss, metric, mode
        self.bounds, self.calibrate_after = bounds, calibrate_after
        self._finished = FinishedTrials()
        self._lines: dict[float, Calibration | None] = {}

    @property
    def learns(self) -> bool:
        """Whether finished trials change anything: only where they give the unit."""
        return self.calibrate_after is not None

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it looks at."""
        return (self.metric, self.loss)

    @abstractmethod
    def weight(self, age: float) -> float:
        """Return how much the loss of an epoch counts, ``age`` epochs before the last one."""

    @abstractmethod
    def whole(self, epochs: int) -> float:
        """Return the sum of the weights of that many epochs, of ages 0 to ``epochs - 1``.

        In closed form: where time is counted in samples there are millions.
        """

    def score(self, history: History) -> float:
        """Return the weighted sum of training losses in nats, or nan where one is missing or not finite."""
        losses = self._losses(history)
        last = history[-1].epoch if history else 0
        seen = [(w, y) for epoch, y in losses if (w := self.weight(last - epoch))]
        if not seen or not all(math.isfinite(y) for _, y in seen):
            return math.nan
        share = self.whole(int(last)) / math.fsum(w for w, _ in seen)
        return math.fsum(w * y for w, y in seen) * share

    def _losses(self, history: History) -> list[tuple[float, float]]:
        """Return the whole epochs with a loss, and the losses."""
        told = ((r.epoch, r.get(self.loss)) for r in history if not r.is_early)
        return [(epoch, y) for epoch, y in told if y is not None]

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Learn the unit of the metric from finished trials; ``histories[i]`` ended at ``finals[i]``."""
        self._finished, self._lines = FinishedTrials(histories, finals), {}
        return self

    def predict(self, history: History) -> Prediction:
        """Predict the final metric, or only order the trial among others (see the class).

        Raises:
            ValueError: If there is neither a usable training loss nor a finite metric.
        """
        losses = self.score(history)
        if math.isnan(losses):
            return best_seen(self, history, f"no finite {self.loss}")
        epochs = tuple(epoch for epoch, _ in self._losses(history))
        if self.calibrate_after is None:
            return Prediction(-self._sign * losses, None, self.name, epochs)
        if len(self._finished) < self.calibrate_after:
            enough = f"{len(self._finished)} of {self.calibrate_after} finished trials"
            return best_seen(self, history, f"{enough} to tell {self.metric} from {self.loss}")
        line = self._line(history[-1].epoch)
        if line is None:
            why = f"{self.metric} of the finished trials does not follow their {self.loss}"
            return best_seen(self, history, why)
        mean, std = line.predict(-losses)
        return Prediction(clip(self._sign * mean, self.bounds), std, self.name, epochs)

    @property
    def _sign(self) -> int:
        return 1 if self.mode == "max" else -1

    def _line(self, epoch: float) -> Calibration | None:
        """Return the line at an epoch; like the scores its metric is signed so that larger is better."""
        if epoch not in self._lines:
            pairs = [(-self.score(young), self._sign * final) for young, final in self._finished.up_to(epoch)]
            usable = [(score, final) for score, final in pairs if math.isfinite(score)]
            self._lines[epoch] = calibrate(*zip(*usable, strict=True)) if len(usable) >= 3 else None
        return self._lines[epoch]
