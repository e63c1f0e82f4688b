"""What finished trials looked like when they were as young as the one at hand."""

import math
from collections.abc import Iterator, Sequence

from neurocap_search.prediction.report import History


class FinishedTrials:
    """Histories and final metrics to learn from.

    Trials without a report or with a final metric that is not finite are left out.

    Args:
        histories: Reports of each trial, in the order of their epochs.
        finals: The final metric of each.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> finished = FinishedTrials([[Report(1, {"acc": 0.4}), Report(2, {"acc": 0.7})], []], [0.7, 0.9])
        >>> len(finished), [(len(history), final) for history, final in finished.up_to(1)]
        (1, [(1, 0.7)])
    """

    def __init__(self, histories: Sequence[History] = (), finals: Sequence[float] = ()) -> None:
        pairs = zip(histories, finals, strict=True)
        self._trials = [(history, final) for history, final in pairs if history and math.isfinite(final)]

    def __len__(self) -> int:
        return len(self._trials)

    def up_to(self, epoch: float) -> Iterator[tuple[History, float]]:
        """Iterate over what each had reported by ``epoch``, with its final metric."""
        for history, final in self._trials:
            if young := [report for report in history if report.epoch <= epoch]:
                yield young, final
