"""NCE: how little is left to know of the labels once the network's classes are known."""

import numpy as np
from numpy.typing import ArrayLike

from neurocap_search.prediction.transferability.checks import as_classes, indicators


def nce(source_labels: ArrayLike, labels: ArrayLike) -> float:
    r"""Negative conditional entropy of labels given a network's classes.

    .. math:: \text{NCE} = -H(Y \mid Z) = \sum_{y, z} \hat P(y, z) \log \hat P(y \mid z)

    with the shares :math:`\hat P` of the samples.

    When not to use it: it sees only the most probable class of each sample; ``leep`` keeps the probabilities.
    With about as many classes as samples it approaches 0 whatever the network.

    Source: arXiv 1908.08142, section 3.

    Args:
        source_labels: (N,) integers, the network's own classes of the samples.
        labels: (N,) integers, the new task's classes.

    Returns:
        The score in nats, from -log(number of classes) to 0.

    Raises:
        ValueError: If the two are not of the same shape (N,), or are not integers.

    Example:
        >>> nce([5, 5, 8, 8], [0, 0, 1, 1])
        0.0
        >>> round(nce([5, 5, 5, 5], [0, 0, 1, 1]), 4)
        -0.6931
    """
    sources, classes = as_classes("source_labels", source_labels), as_classes("labels", labels)
    if len(sources) != len(classes):
        raise ValueError(
            f"source_labels: expected one a label ({len(classes)}), received {len(sources)}; "
            "pass both for the same samples."
        )
    joint = indicators(classes).T @ indicators(sources) / len(classes)
    conditional = joint / joint.sum(axis=0)
    occurs = joint > 0
    return min(float((joint[occurs] * np.log(conditional[occurs])).sum()), 0.0)
