"""Training speed estimation: the sum of all training losses, of the last ones, and a fading sum."""

import math
from typing import Any, ClassVar

from neurocap_search.prediction.arguments import check_at_least
from neurocap_search.prediction.learning_curve.training_speed import TrainingSpeed


class TSE(TrainingSpeed):
    r"""Ranks trials by the sum of all their training losses, :math:`\sum_{t=1}^T \ell_t` (also called SoTL).

    The mean is an ordering score unless ``calibrate_after`` is given; see :class:`TrainingSpeed`.

    When not to use it: the first epochs, which say least, count as much as the last; on NAS-Bench-201
    :class:`TSEE` ranks better at every epoch. Not where losses are not comparable, as with batch size, label
    smoothing or dropout in the search space.

    Source: Ru et al., Speedy Performance Estimation for Neural Architecture Search, NeurIPS 2021
    (arXiv 2006.04492).

    Args:
        **arguments: ``loss``, ``metric``, ``mode``, ``bounds`` and ``calibrate_after``, as in
            :class:`TrainingSpeed`.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> print(TSE().predict([Report(t, {"train_loss": y}) for t, y in enumerate([2.0, 1.0, 0.5], 1)]))
        -3.500
    """

    name: ClassVar[str] = "tse"

    def weight(self, age: float) -> float:
        """Return 1: every epoch counts the same."""
        return 1.0

    def whole(self, epochs: int) -> float:
        """Return the number of epochs."""
        return float(epochs)


class TSEE(TrainingSpeed):
    r"""TSE-E: ranks trials by their training losses of the last E epochs, :math:`\sum_{t=T-E+1}^T \ell_t`.

    With E = 1, the default, that is the training loss of the last epoch: on NAS-Bench-201 the strongest
    early predictor that needs no finished trial.

    The mean is an ordering score unless ``calibrate_after`` is given; see :class:`TrainingSpeed`.

    When not to use it: where losses are not comparable, as with batch size, label smoothing or dropout in the
    search space.

    Source: Ru et al., Speedy Performance Estimation for Neural Architecture Search, NeurIPS 2021
    (arXiv 2006.04492).

    Args:
        window: The number E of epochs, up to the last report's.
        **arguments: ``loss``, ``metric``, ``mode``, ``bounds`` and ``calibrate_after``, as in
            :class:`TrainingSpeed`.

    Raises:
        ValueError: If ``window`` is below 1.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> print(TSEE().predict([Report(t, {"train_loss": y}) for t, y in enumerate([2.0, 1.0, 0.5], 1)]))
        -0.500
    """

    name: ClassVar[str] = "tse_e"

    def __init__(self, *, window: int = 1, **arguments: Any) -> None:
        check_at_least("window", window, 1)
        super().__init__(**arguments)
        self.window = window

    def weight(self, age: float) -> float:
        """Return 1 within the window, else 0."""
        return 1.0 if age < self.window else 0.0

    def whole(self, epochs: int) -> float:
        """Return how many epochs the window holds."""
        return float(min(epochs, self.window))


class TSEEMA(TrainingSpeed):
    r"""TSE-EMA: ranks trials by a fading sum of training losses, :math:`\sum_{t=1}^T \gamma^{T-t} \ell_t`.

    With the paper's :math:`\gamma = 0.999` a loss a hundred epochs old still counts nine tenths: over few
    epochs it orders as :class:`TSE` does. (NASLib sums the running averages themselves, with another factor.)

    The mean is an ordering score unless ``calibrate_after`` is given; see :class:`TrainingSpeed`.

    When not to use it: where losses are not comparable, as with batch size, label smoothing or dropout in the
    search space.

    Source: Ru et al., Speedy Performance Estimation for Neural Architecture Search, NeurIPS 2021
    (arXiv 2006.04492).

    Args:
        decay: The factor :math:`\gamma` by which a loss counts less one epoch later, from 0 (excluded) to 1.
        **arguments: ``loss``, ``metric``, ``mode``, ``bounds`` and ``calibrate_after``, as in
            :class:`TrainingSpeed`.

    Raises:
        ValueError: If ``decay`` is out of its range.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> history = [Report(t, {"train_loss": y}) for t, y in enumerate([2.0, 1.0, 0.5], 1)]
        >>> print(TSEEMA(decay=0.5).predict(history))
        -1.500
    """

    name: ClassVar[str] = "tse_ema"

    def __init__(self, *, decay: float = 0.999, **arguments: Any) -> None:
        if not 0 < decay <= 1:
            raise ValueError(f"decay must be above 0 and at most 1, received {decay}.")
        super().__init__(**arguments)
        self.decay = decay

    def weight(self, age: float) -> float:
        """Return the decay to the power of the age."""
        return float(self.decay**age)

    def whole(self, epochs: int) -> float:
        r"""Return the geometric sum :math:`(1 - \gamma^T) / (1 - \gamma)`."""
        if self.decay == 1:
            return float(epochs)
        # Not 1 - decay ** epochs, of which little is left where the decay is almost 1.
        return math.expm1(epochs * math.log(self.decay)) / (self.decay - 1)
