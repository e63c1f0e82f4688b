"""How well a trained network's features or classes suit another set of labels, without any training.

Four scores from one pass of the data through the network: ``leep`` and ``nce`` look at its class
probabilities or classes, ``logme`` and ``h_score`` at its features. More is better in all of them. Compare
only scores of the same samples and labels.

They suppose a network that has learned something: on random weights they say little.
"""

from neurocap_search.prediction.transferability.h_score import h_score
from neurocap_search.prediction.transferability.leep import leep
from neurocap_search.prediction.transferability.logme import logme
from neurocap_search.prediction.transferability.nce import nce

__all__ = ["h_score", "leep", "logme", "nce"]
