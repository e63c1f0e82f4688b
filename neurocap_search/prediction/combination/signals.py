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

LOSSES = ("train_loss", "val_loss")
"""One of them that is not finite says that the training has diverged."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "learning curve": (METRIC, "train_accuracy", "train_loss", "val_loss"),
    "size": (SIZE, AMONG_PEERS),
    "beta_eff": ("beta_eff", "beta_numerator", "beta_denominator"),
    "graph": ("strength_std", "fluctuation_mean", "degree_std", "centrality_std"),
}
"""Signals that are told apart when somebody asks what each was worth."""


class SignalCourse:
    """Follows one trial's signals from report to report.

    A trial that goes back, to its last checkpoint or to its start, takes back what it reported after that.

    Args:
        names: Of the reported numbers, one for each signal.
        state: From :meth:`to_json`.

    Example:
        >>> names = ["acc", *(signal.name for signal in SIGNALS[1:])]
        >>> course = SignalCourse(names)
        >>> for epoch, acc in ((1, 0.25), (2, 0.5), (2, 0.75)):
        ...     course.follow(Report(epoch, {"acc": acc, "beta_eff": -acc, "parameters": 8}))
        >>> row = course.row()
        >>> row[0], row[4], row[6], row[1]
        (0.5, 8.0, 0.5, nan)
    """

    def __init__(self, names: Sequence[str], state: Sequence[Sequence[Any]] | None = None) -> None:
        self._names = names
        self._seen = [(float(epoch), from_json(row)) for epoch, row in state or ()]

    def follow(self, report: Report) -> None:
        """Take in a report.

        A number that is missing or not finite counts as not reported; but a loss that is not finite has
        diverged, and is the worst there is.
        """
        self._seen = [(epoch, row) for epoch, row in self._seen if epoch < report.epoch]
        values = [report.metrics.get(name) for name in self._names]
        self._seen.append((report.epoch, list(map(_value, SIGNALS, values))))

    def row(self) -> list[float]:
        """Return the value of each signal, NaN where nothing was reported."""
        columns = zip(*(row for _, row in self._seen), strict=True)
        seen = [[v for v in column if not math.isnan(v)] for column in columns] or [[] for _ in SIGNALS]
        return [_summary(signal, values) for signal, values in zip(SIGNALS, seen, strict=True)]

    def to_json(self) -> list[list[Any]]:
        """Return what :class:`SignalCourse` takes as ``state``."""
        return [[epoch, to_json(row)] for epoch, row in self._seen]


def _value(signal: Signal, value: float | None) -> float:
    if value is None:
        return math.nan
    if not math.isfinite(value):
        return math.inf if signal.name in LOSSES else math.nan
    return abs(float(value)) if signal.kind == "size" else float(value)


def _summary(signal: Signal, values: Sequence[float]) -> float:
    if not values:
        return math.nan
    return values[-1] if signal.kind == "last" else sum(values) / len(values)


def to_json(row: Sequence[float]) -> list[float | str | None]:
    """Return signals as JSON has them: missing ones as None, infinite ones in words.

    Example:
        >>> from_json(to_json([0.5, math.inf, math.nan]))
        [0.5, inf, nan]
    """
    return [None if math.isnan(v) else v if math.isfinite(v) else str(v) for v in row]


def from_json(row: Sequence[float | str | None]) -> list[float]:
    """Return what :func:`to_json` was called on."""
    return [math.nan if v is None else float(v) for v in row]


def normal_scores(rows: Floats) -> Floats:
    r"""Return each column's ranks within the cohort as quantiles of the normal distribution.

    :math:`\Phi^{-1}((r - 1/2) / n)`, with the mean rank for ties. Ranks carry over to tasks with other
    numbers, and no diverged trial spoils the scale: an infinite value ranks last or first. A missing value,
    and a column without any difference, says nothing: 0.

    Args:
        rows: (trials, signals), NaN where missing.

    Example:
        >>> normal_scores(np.array([[0.1], [7.0], [0.2], [np.nan]])).round(3).ravel().tolist()
        [-0.967, 0.967, 0.0, 0.0]
    """
    scores = np.zeros_like(rows)
    for k, column in enumerate(rows.T):
        there = ~np.isnan(column)
        values = column[there]
        if len(values) > 1:
            scores[there, k] = ndtri((rankdata(values) - 0.5) / len(values))
    return scores
