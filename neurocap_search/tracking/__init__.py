"""The record of a search: journal, run directory, figures, MLflow.

A search reports to a :class:`SearchRecorder`, which keeps every event in an append-only journal and
tells its listeners: the tables of the run directory, the figures, MLflow, the screen.
"""

from neurocap_search.tracking.events import Journal
from neurocap_search.tracking.figures import FigureWriter
from neurocap_search.tracking.listener import SearchListener
from neurocap_search.tracking.record import SearchRecord, TrialRecord, TrialState
from neurocap_search.tracking.recorder import SearchRecorder
from neurocap_search.tracking.summary import Summary, summarise
from neurocap_search.tracking.tables import TableWriter

__all__ = [
    "FigureWriter",
    "Journal",
    "SearchListener",
    "SearchRecord",
    "SearchRecorder",
    "Summary",
    "TableWriter",
    "TrialRecord",
    "TrialState",
    "summarise",
]
