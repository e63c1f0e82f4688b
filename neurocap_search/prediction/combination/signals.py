"""The numbers of a trial's first epochs that may say how it will end."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from neurocap_search.prediction.report import Report

Floats = NDArray[np.float64]


class Signal(NamedTuple):
    """A number that is computed from a trial's reports.

    Attributes:
        name: Of the signal; ``metric`` is the number that is optimised.
        kind: ``mean`` of the epochs so far, mean of the ``size`` (the absolute value) or the ``last`` value;
            ``peers`` is not reported but found in the cohort, by comparing networks of similar size.
    """

    name: str
    kind: Literal["mean", "size", "last", "peers"]


METRIC, SIZE, AMONG_PEERS = "metric", "parameters", "metric_among_peers"
SIGNALS = (
    Signal(METRIC, "mean"),
    Signal("train_accuracy", "mean"),
    Signal("train_loss", "mean"),
    Signal("val_loss", "mean"),
    Signal(SIZE, "last"),
    Signal(AMONG_PEERS, "peers"),
    Signal("beta_eff", "size"),
    Signal("beta_numerator", "size"),
    Signal("beta_denominator", "size"),
    Signal("strength_std", "last"),
    Signal("fluctuation_mean", "last"),
    Signal("degree_std", "last"),
    Signal("centrality_std", "last"),
)
"""What the combination looks at. The mean of the epochs is steadier than the last one: one epoch is noisy.
beta_eff counts by its size, because its sign depends on a convention and flips from epoch to epoch."""

NATURAL: dict[str, int] = {METRIC: 1, AMONG_PEERS: 1, "train_accuracy": 1, "train_loss": -1, "val_loss": -1}
"""Which way these rank is no question; of all others it has to be learned."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "learning curve": (METRIC, "train_accuracy", "train_loss", "val_loss"),
    "size": (SIZE, AMONG_PEERS),
    "beta_eff": ("beta_eff", "beta_numerator", "beta_denominator"),
    "graph": ("strength_std", "fluctuation_mean", "degree_std", "centrality_std"),
}
"""Signals that are told apart when somebody asks what each was worth."""


class SignalCourse:
    """Follows one trial's signals from report to report.

    Args:
        names: Of the reported numbers, one for each signal.
        state: From :meth:`to_json`.

    Example:
        >>> names = ["acc", *(signal.name for signal in SIGNALS[1:])]
        >>> course = SignalCourse(names)
        >>> for epoch, acc in ((1, 0.25), (2, 0.75)):
        ...     course.follow(Report(epoch, {"acc": acc, "beta_eff": -acc, "parameters": 8}))
        >>> row = course.row()
        >>> row[0], row[4], row[6], row[1]
        (0.5, 8.0, 0.5, nan)
    """

    def __init__(self, names: Sequence[str], state: Sequence[Sequence[float]] | None = None) -> None:
        self._names = names
        self._sums = [(float(total), int(count)) for total, count in state or [(0.0, 0)] * len(names)]

    def follow(self, report: Report) -> None:
        """Take in a report; a number that is missing or not finite counts as not reported."""
        for k, (name, signal) in enumerate(zip(self._names, SIGNALS, strict=True)):
            value = report.metrics.get(name)
            if value is None or not math.isfinite(value):
                continue
            total, count = self._sums[k]
            if signal.kind == "last":
                self._sums[k] = (value, 1)
            else:
                self._sums[k] = (total + (abs(value) if signal.kind == "size" else value), count + 1)

    def row(self) -> list[float]:
        """Return the value of each signal, NaN where nothing was reported."""
        return [total / count if count else math.nan for total, count in self._sums]

    def to_json(self) -> list[list[Any]]:
        """Return what :class:`SignalCourse` takes as ``state``."""
        return [list(pair) for pair in self._sums]


def normal_scores(rows: Floats) -> Floats:
    r"""Return each column's ranks within the cohort as quantiles of the normal distribution.

    :math:`\Phi^{-1}((r - 1/2) / n)`, with the mean rank for ties. Ranks carry over to tasks with other
    numbers, and no diverged trial spoils the scale. A missing value, and a column without any difference,
    says nothing: 0.

    Args:
        rows: (trials, signals), NaN where missing.

    Example:
        >>> normal_scores(np.array([[0.1], [7.0], [0.2], [np.nan]])).round(3).ravel().tolist()
        [-0.967, 0.967, 0.0, 0.0]
    """
    scores = np.zeros_like(rows)
    for k, column in enumerate(rows.T):
        there = np.isfinite(column)
        values = column[there]
        if len(values) > 1:
            scores[there, k] = ndtri((rankdata(values) - 0.5) / len(values))
    return scores
