"""Neural capacitance: a classification head read as a network of interacting edges.

Training a bias-free multilayer perceptron couples each weight to the weights of the next layer. The
couplings form a weighted directed line graph P whose nodes are the weights, and its mean-field summary
``beta_eff = 1'PP1 / 1'P1`` is the neural capacitance (arXiv 2201.04194; Nature Communications 15 (2024),
doi 10.1038/s41467-024-48069-8).

Start with :class:`NeuralCapacitanceProbe`, the head that a searched network carries. ``head_factors`` and
``neural_capacitance`` are the exact computation beneath it, with other readings of the papers beside it;
``line_graph`` is the slow reference by which all are tested. The connectivity filter of cells (arXiv
2205.05662) needs no training at all.
"""

from neurocap_search.network_science.capacitance import Capacitance, neural_capacitance
from neurocap_search.network_science.capacitance_forms import (
    absolute_capacitance,
    factor_averaged_capacitance,
    gram_capacitance,
    per_sample_capacitance,
)
from neurocap_search.network_science.connectivity import (
    NAS_BENCH_201_FILTER,
    NDS_DARTS_FILTER,
    Connectivity,
    ConnectivityFilter,
    cell_connectivity,
    effective_connectivity,
)
from neurocap_search.network_science.factors import HeadFactors, head_factors
from neurocap_search.network_science.line_graph import line_graph, line_graph_capacitance
from neurocap_search.network_science.probe import NeuralCapacitanceProbe

__all__ = [
    "NAS_BENCH_201_FILTER",
    "NDS_DARTS_FILTER",
    "Capacitance",
    "Connectivity",
    "ConnectivityFilter",
    "HeadFactors",
    "NeuralCapacitanceProbe",
    "absolute_capacitance",
    "cell_connectivity",
    "effective_connectivity",
    "factor_averaged_capacitance",
    "gram_capacitance",
    "head_factors",
    "line_graph",
    "line_graph_capacitance",
    "neural_capacitance",
    "per_sample_capacitance",
]
