"""neurocap-search: distributed neural architecture search that prunes by neural capacitance.

The rooms, from the bottom up: :mod:`~neurocap_search.network_science` (beta_eff),
:mod:`~neurocap_search.prediction`, :mod:`~neurocap_search.pruning`,
:mod:`~neurocap_search.training` and :mod:`~neurocap_search.tracking`, :mod:`~neurocap_search.tune`. For
other people's programs: :mod:`~neurocap_search.study` (Optuna without Ray),
:mod:`~neurocap_search.monitor` (any PyTorch loop), :mod:`~neurocap_search.testing` (conformance suites).
"""

from typing import Any

__version__ = "0.1.0"
__all__ = [
    "CapacitanceMonitor",
    "NeuralCapacitanceProbe",
    "NeuralCapacitancePruner",
    "NeuralCapacitanceScheduler",
    "__version__",
]

_HOMES = {
    "CapacitanceMonitor": "neurocap_search.monitor",
    "NeuralCapacitanceProbe": "neurocap_search.network_science",
    "NeuralCapacitancePruner": "neurocap_search.study",
    "NeuralCapacitanceScheduler": "neurocap_search.tune",
}


def __getattr__(name: str) -> Any:
    # Torch and Ray take seconds to import; `neurocap --help` should not wait for them.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
