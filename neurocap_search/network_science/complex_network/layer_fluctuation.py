"""Layer fluctuation: how much the neurons of a layer differ (arXiv 2110.02628)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray


def layer_fluctuation(strengths: Mapping[str, ArrayLike]) -> dict[str, float]:
    """Compute the population standard deviation of the node strengths of each neuron layer.

    With the strengths s_k of the n neurons of a layer and their mean m (arXiv 2110.02628),

        Y = sqrt(sum_k (s_k - m)^2 / n).

    Not a measure of variation from input to input: the node strengths are known without any data.

    Args:
        strengths: values of the neurons of each layer, of any shape: ``NodeStrengths.strengths``, or the
            means of ``NeuronActivity``.

    Returns:
        One number a layer, in the unit of the strengths.

    Raises:
        ValueError: if a layer has no value, or one that is infinite or NaN.

    Example:
        >>> layer_fluctuation({"fc": [[1.0, 3.0]], "(output)": [2.0, 2.0]})
        {'fc': 1.0, '(output)': 0.0}
    """
    return {name: _fluctuation(name, np.asarray(values, np.float64)) for name, values in strengths.items()}


def _fluctuation(name: str, values: NDArray[np.float64]) -> float:
    broken = int((~np.isfinite(values)).sum())
    if broken or not values.size:
        raise ValueError(
            f"layer {name}: expected finite strengths, received {values.size} values of which {broken} are "
            "infinite or NaN; leave the layer out, or measure before training diverges"
        )
    return float(values.std())
