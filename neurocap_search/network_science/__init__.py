"""What the graph of a network says about its training: the measures of the source papers, for PyTorch.

- Neural capacitance ``beta_eff = 1'PP1 / 1'P1`` of the line graph P on which gradient descent runs (arXiv
  2201.04194; Nature Communications 15 (2024), doi 10.1038/s41467-024-48069-8). Start with
  :class:`NeuralCapacitanceProbe`, the head that a searched network carries; ``head_capacitance`` measures any
  head under every reading of the papers, ``network_capacitance`` whole networks; ``line_graph`` is the slow
  reference by which all are tested.
- Networks as graphs that evolve in training (arXiv 2111.05410): ``rolled_graph``, ``unrolled_graph``,
  ``eigenvector_centrality``, ``GraphSignature``.
- Complex-network metrics (arXiv 2110.02628, 2209.05488, 2404.11172): ``link_weights``, ``node_strength``,
  ``layer_fluctuation``, ``NeuronActivity``, ``jeffreys_divergence``.
- Emergent properties of fully connected networks (arXiv 2107.14062): ``emergent_measures``, ``BagOfNeurons``.
- The connectivity filter of cells (arXiv 2205.05662), which needs no training: ``cell_connectivity``.

Measures of networks take any module: ``trace_layers`` and ``trace_wiring`` find its linear and convolution
layers where they run.
"""

from neurocap_search.network_science.capacitance.closed_form import Capacitance, neural_capacitance
from neurocap_search.network_science.capacitance.factors import HeadFactors, head_factors
from neurocap_search.network_science.capacitance.forms import (
    absolute_capacitance,
    factor_averaged_capacitance,
    gram_capacitance,
    per_sample_capacitance,
)
from neurocap_search.network_science.capacitance.head import NeuralCapacitance, head_capacitance
from neurocap_search.network_science.capacitance.hessian import hessian_capacitance
from neurocap_search.network_science.capacitance.line_graph import line_graph, line_graph_capacitance
from neurocap_search.network_science.capacitance.module_factors import module_factors
from neurocap_search.network_science.capacitance.network import (
    LayeredCapacitance,
    NetworkCapacitance,
    network_capacitance,
)
from neurocap_search.network_science.capacitance.options import CapacitanceOptions
from neurocap_search.network_science.capacitance.output_errors import output_errors
from neurocap_search.network_science.capacitance.probe import NeuralCapacitanceProbe
from neurocap_search.network_science.capacitance.weighted import weighted_capacitance
from neurocap_search.network_science.complex_network.divergence import (
    drop_outliers,
    jeffreys_divergence,
    without_infinities,
)
from neurocap_search.network_science.complex_network.layer_fluctuation import layer_fluctuation
from neurocap_search.network_science.complex_network.link_weights import (
    LinkMoments,
    link_moments,
    link_weights,
)
from neurocap_search.network_science.complex_network.neuron_activity import (
    ActivitySummary,
    LayerActivity,
    NeuronActivity,
)
from neurocap_search.network_science.complex_network.node_strength import NodeStrengths, node_strength
from neurocap_search.network_science.complex_network.strength_structure import StrengthStructure
from neurocap_search.network_science.connectivity import (
    NAS_BENCH_201_FILTER,
    NDS_DARTS_FILTER,
    Connectivity,
    ConnectivityFilter,
    cell_connectivity,
    effective_connectivity,
)
from neurocap_search.network_science.emergent.bag_of_neurons import BagOfNeurons
from neurocap_search.network_science.emergent.measures import EMERGENT_MEASURES, emergent_measures
from neurocap_search.network_science.emergent.neuron_graph import NeuronGraph, neuron_graph
from neurocap_search.network_science.emergent.neuron_types import MNIST_NEURON_TYPES, NeuronTypes
from neurocap_search.network_science.evolving_graph.centrality import eigenvector_centrality, weighted_degree
from neurocap_search.network_science.evolving_graph.graph_signature import GraphSignature, five_numbers
from neurocap_search.network_science.evolving_graph.published_networks import alexnet_cifar, lenet, vgg_cifar
from neurocap_search.network_science.evolving_graph.rolled_graph import RolledGraph, rolled_graph
from neurocap_search.network_science.evolving_graph.rolled_structure import RolledStructure
from neurocap_search.network_science.evolving_graph.unrolled_graph import UnrolledGraph, unrolled_graph
from neurocap_search.network_science.layers.channel_sources import WiredLayer, trace_wiring
from neurocap_search.network_science.layers.layer_tap import (
    LayerCall,
    LayerTap,
    evaluation_mode,
    trace_layers,
)
from neurocap_search.network_science.layers.weight_operator import WeightOperator

__all__ = [
    "EMERGENT_MEASURES",
    "MNIST_NEURON_TYPES",
    "NAS_BENCH_201_FILTER",
    "NDS_DARTS_FILTER",
    "ActivitySummary",
    "BagOfNeurons",
    "Capacitance",
    "CapacitanceOptions",
    "Connectivity",
    "ConnectivityFilter",
    "GraphSignature",
    "HeadFactors",
    "LayerActivity",
    "LayerCall",
    "LayerTap",
    "LayeredCapacitance",
    "LinkMoments",
    "NetworkCapacitance",
    "NeuralCapacitance",
    "NeuralCapacitanceProbe",
    "NeuronActivity",
    "NeuronGraph",
    "NeuronTypes",
    "NodeStrengths",
    "RolledGraph",
    "RolledStructure",
    "StrengthStructure",
    "UnrolledGraph",
    "WeightOperator",
    "WiredLayer",
    "absolute_capacitance",
    "alexnet_cifar",
    "cell_connectivity",
    "drop_outliers",
    "effective_connectivity",
    "eigenvector_centrality",
    "emergent_measures",
    "evaluation_mode",
    "factor_averaged_capacitance",
    "five_numbers",
    "gram_capacitance",
    "head_capacitance",
    "head_factors",
    "hessian_capacitance",
    "jeffreys_divergence",
    "layer_fluctuation",
    "lenet",
    "line_graph",
    "line_graph_capacitance",
    "link_moments",
    "link_weights",
    "module_factors",
    "network_capacitance",
    "neural_capacitance",
    "neuron_graph",
    "node_strength",
    "output_errors",
    "per_sample_capacitance",
    "rolled_graph",
    "trace_layers",
    "trace_wiring",
    "unrolled_graph",
    "vgg_cifar",
    "weighted_capacitance",
    "weighted_degree",
    "without_infinities",
]
