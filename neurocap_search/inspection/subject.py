"""What can be inspected: a source of measures, epoch by epoch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from neurocap_search.inspection.measures import EpochMeasures

Step = Callable[[str], None]
"""Told what is being done, before it is done."""


class Subject(ABC):
    """A network, or a training of one, that can be inspected.

    Not for measuring a module of your own: :func:`~neurocap_search.inspection.measure_network` does that.

    Attributes:
        title: Heads the figures, such as ``trial-0003, 64 gelu layer p=0.2``.
        identity: Tells the subject from all others; the same subject may replace its own files.
        folder: Where the figures go unless the user says otherwise.
        steps: How many times ``measures`` will yield.
        images: On what the capacitance is measured, in words.
    """

    title: str
    identity: str
    folder: Path
    steps: int
    images: str

    @abstractmethod
    def opening(self) -> list[str]:
        """Return sentences on what is going to be done."""

    @abstractmethod
    def measures(self, step: Step) -> Iterator[EpochMeasures]:
        """Measure epoch by epoch."""

    def closing(self, measures: Sequence[EpochMeasures]) -> list[str]:
        """Return sentences on what was found beside the measures."""
        return []
