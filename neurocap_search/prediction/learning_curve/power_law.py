"""The power law of learning curves."""

from typing import ClassVar

from neurocap_search.prediction.learning_curve.curve_extrapolation import CurveExtrapolation
from neurocap_search.prediction.learning_curve.families import POW3, Family


class PowerLaw(CurveExtrapolation):
    r"""Extrapolates the trial's curve with :math:`a - b\,t^{-c}` (pow3), b and c positive.

    The three parameters are the most probable ones under weak priors, found by least squares; the
    spread is Laplace's with the noise of an epoch. b and c are fitted as logarithms, which bounds them.

    When not to use it: to rank trials. On the public curves of Baker et al. the last value seen mostly ranks
    better; nor for curves that start flat or jump, as where the learning rate is cut in steps.

    Where fewer than ``min_points`` values are usable it answers with the best value seen and says so in
    :attr:`Prediction.fallback`.

    Args:
        **arguments: ``final_epoch``, ``metric``, ``mode``, ``bounds``, ``min_points`` of
            :class:`CurveExtrapolation`.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> history = [Report(t, {"val_accuracy": 0.9 - 0.5 / t}) for t in range(1, 9)]
        >>> print(PowerLaw(final_epoch=100, bounds=(0, 1)).predict(history))
        0.896 ± 0.018
    """

    name: ClassVar[str] = "power_law"
    families: ClassVar[tuple[Family, ...]] = (POW3,)
