"""LEEP: how likely the labels are under a classifier made of the network's own class probabilities."""

import numpy as np
from numpy.typing import ArrayLike

from neurocap_search.prediction.transferability.checks import as_classes, as_probabilities, indicators


def leep(source_probabilities: ArrayLike, labels: ArrayLike) -> float:
    r"""Log expected empirical prediction of labels by a network trained for other classes.

    With the probabilities :math:`\theta(x)_z` of the network's classes and the empirical joint
    :math:`\hat P(y, z) = \frac1N \sum_{i: y_i = y} \theta(x_i)_z`,

    .. math:: \text{LEEP} = \frac1N \sum_i \log \sum_z \hat P(y_i \mid z)\, \theta(x_i)_z .

    When not to use it: it sees the classes the network was trained for and not its features, so a network
    with few classes cannot score well; and many classes with few samples score too well.

    Source: arXiv 2002.12462, section 3.

    Args:
        source_probabilities: (N, Z), each row sums to 1: what the network's softmax says of each sample.
        labels: (N,) integers, the new task's classes.

    Returns:
        The score in nats, at most 0; that of a network sure of every sample is the ``nce`` of its classes.

    Raises:
        ValueError: If the shapes do not go together or the rows are no probabilities.

    Example:
        >>> leep([[1, 0], [1, 0], [0, 1], [0, 1]], [0, 0, 1, 1])
        0.0
        >>> round(leep([[0.5, 0.5], [0.5, 0.5]], [0, 1]), 4)  # log 1/2: the network tells nothing
        -0.6931
    """
    classes = as_classes("labels", labels)
    probabilities = as_probabilities("source_probabilities", source_probabilities, len(classes))
    probabilities = probabilities[:, probabilities.any(axis=0)]  # a class that never occurs predicts nothing
    joint = indicators(classes).T @ probabilities
    conditional = joint / joint.sum(axis=0)
    expected = np.einsum("iz,iz->i", conditional[classes], probabilities)
    return min(float(np.log(expected).mean()), 0.0)
