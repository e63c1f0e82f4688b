"""A network looked at closely: beta_eff, node strength, fluctuation and signature, in figures and a table.

:func:`find_subject` finds what is to be inspected (a trial of a search, a checkpoint, a model of
torchvision) and :func:`inspect` measures it, writes ``measures.csv`` and draws the figures.
:func:`measure_network` measures any module of your own.
"""

from neurocap_search.inspection.inspection import Inspection, inspect
from neurocap_search.inspection.measures import EpochMeasures, LayerStrength, measure_network
from neurocap_search.inspection.subject import Subject
from neurocap_search.inspection.targets import find_subject

__all__ = [
    "EpochMeasures",
    "Inspection",
    "LayerStrength",
    "Subject",
    "find_subject",
    "inspect",
    "measure_network",
]
