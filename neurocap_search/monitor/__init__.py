"""beta_eff inside other people's training code: any PyTorch loop, Lightning, Hugging Face transformers.

:class:`CapacitanceMonitor` measures a model while it trains and changes nothing of it. The callbacks of
:mod:`neurocap_search.monitor.lightning` and :mod:`neurocap_search.monitor.transformers` need their packages.
"""

import importlib
from typing import Any

from neurocap_search.monitor.monitor import CapacitanceMonitor

__all__ = ["CapacitanceMonitor", "LightningCapacitanceCallback", "TransformersCapacitanceCallback"]

_HOMES = {"LightningCapacitanceCallback": "lightning", "TransformersCapacitanceCallback": "transformers"}


def __getattr__(name: str) -> Any:
    # Lightning and transformers take seconds to import and may be absent.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{_HOMES[name]}").CapacitanceCallback
