"""Learning curve extrapolation with eleven families."""

from typing import ClassVar

from neurocap_search.prediction.learning_curve.curve_extrapolation import CurveExtrapolation
from neurocap_search.prediction.learning_curve.families import FAMILIES, Family


class CurveEnsemble(CurveExtrapolation):
    r"""Extrapolates the trial's curve with the eleven families of Domhan et al. (LCE), weighted by evidence.

    The mean is :math:`\sum_k p_k f_k(T)`, where :math:`p_k` is the share of family k of the evidence, and the
    spread that of the mixture: noise, parameters, and disagreement between families.

    Unlike the paper, which samples the weights and all parameters together by Markov chains, each family is
    fitted by itself, maximum a posteriori with Laplace's approximation. That takes a tenth of a second
    instead of minutes, gives the same answer every time, and is defined for three points.

    When not to use it: to rank trials. On the public curves of Baker et al. the last value seen mostly ranks
    better at a quarter of the epochs and at half of them: with few epochs the answer rests on the priors, and
    no family knows of a learning rate that is cut.

    Where fewer than ``min_points`` values are usable it answers with the best value seen and says so in
    :attr:`Prediction.fallback`.

    Source: Domhan, Springenberg, Hutter, Speeding up Automatic Hyperparameter Optimization of Deep Neural
    Networks by Extrapolation of Learning Curves, IJCAI 2015.

    Args:
        **arguments: ``final_epoch``, ``metric``, ``mode``, ``bounds``, ``min_points`` of
            :class:`CurveExtrapolation`.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> history = [Report(t, {"val_accuracy": 0.9 - 0.5 / t}) for t in range(1, 9)]
        >>> ensemble = CurveEnsemble(final_epoch=100, bounds=(0, 1))
        >>> print(ensemble.predict(history))
        0.927 ± 0.048
        >>> ensemble.probability_better(history, than=0.8) > 0.95
        True
    """

    name: ClassVar[str] = "curve_ensemble"
    families: ClassVar[tuple[Family, ...]] = FAMILIES
