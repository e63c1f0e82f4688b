"""Three numbers of the node strengths of a whole network."""

import math
from typing import Any

import numpy as np
from torch import Tensor, nn

from neurocap_search.monitor.run import device_of
from neurocap_search.network_science import layer_fluctuation, node_strength

_NAMES = ("strength_mean", "strength_std", "fluctuation_mean")


def strength_summary(model: nn.Module, inputs: Any) -> dict[str, float]:
    """Return mean and standard deviation of all node strengths and the mean layer fluctuation.

    Over the layers whose channels can be followed (arXiv 2110.02628); NaN where there are none, where the
    model takes anything but one tensor, or where a weight is infinite or NaN.

    Args:
        model: In evaluation mode.
        inputs: What its forward takes; only one sample is looked at, for its shape.

    Example:
        >>> strength_summary(nn.Linear(2, 1), None)["strength_mean"]
        nan
    """
    if not isinstance(inputs, Tensor):
        return dict.fromkeys(_NAMES, math.nan)
    try:
        strengths = node_strength(model, inputs[:1].to(device_of(model))).strengths
        fluctuation = list(layer_fluctuation(strengths).values())
    except ValueError:
        return dict.fromkeys(_NAMES, math.nan)
    if not strengths:
        return dict.fromkeys(_NAMES, math.nan)
    every = np.concatenate([values.ravel() for values in strengths.values()])
    numbers = (float(every.mean()), float(every.std()), float(np.mean(fluctuation)))
    return dict(zip(_NAMES, numbers, strict=True))
