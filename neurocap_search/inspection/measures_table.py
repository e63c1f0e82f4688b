"""The measures as rows of a table: one number a row."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from neurocap_search.inspection.measures import EpochMeasures
from neurocap_search.network_science import Capacitance, LayeredCapacitance

_METRICS = ("val_accuracy", "val_loss", "train_accuracy", "train_loss", "learning_rate")


class Row(NamedTuple):
    """One row of ``measures.csv``.

    Attributes:
        epoch: Epochs trained.
        measure: Such as ``fluctuation``.
        layer: Its layer; empty for a number of the whole network.
        value: Empty where it is none.
        reason: Why it is none.
    """

    epoch: int
    measure: str
    layer: str
    value: float | str
    reason: str = ""


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    r"""Return rows as lines of CSV.

    Example:
        >>> csv_lines([Row._fields, Row(1, "val_accuracy", "", 0.5)])
        'epoch,measure,layer,value,reason\n1,val_accuracy,,0.5,\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def rows(measures: EpochMeasures) -> Iterator[Row]:
    """Yield the rows of one epoch."""
    epoch = measures.epoch
    yield from _named(epoch, "", {m: measures.metrics[m] for m in _METRICS if m in measures.metrics})
    if measures.head is not None:
        yield from _capacitance(epoch, "beta_", measures.head)
    if measures.whole is not None:
        yield from _capacitance(epoch, "network_beta_", measures.whole)
        yield from _shares(epoch, measures.whole)
    for layer, s in measures.strengths.items():
        values = {"mean": s.mean, "minimum": s.minimum, "maximum": s.maximum}
        yield from (Row(epoch, f"strength_{name}", layer, value) for name, value in values.items())
        yield Row(epoch, "fluctuation", layer, s.fluctuation)
    if measures.fluctuation is not None:
        yield Row(epoch, "fluctuation_mean", "", measures.fluctuation)
    yield from _named(epoch, "degree_", measures.signature("degree"))
    yield from _named(epoch, "centrality_", measures.signature("centrality"))


def _named(epoch: int, prefix: str, values: Mapping[str, float]) -> Iterator[Row]:
    for name, value in values.items():
        yield Row(epoch, f"{prefix}{name}", "", "" if math.isnan(value) else value)


def _capacitance(epoch: int, prefix: str, measured: Capacitance) -> Iterator[Row]:
    reason = measured.reason or ""
    sums = {"numerator": measured.numerator, "denominator": measured.denominator}
    for name, value in {"eff": measured.value, **sums}.items():
        missing = math.isnan(value)
        yield Row(epoch, f"{prefix}{name}", "", "" if missing else value, reason if missing else "")


def _shares(epoch: int, whole: LayeredCapacitance) -> Iterator[Row]:
    for name, shares in (("numerator", whole.numerators), ("denominator", whole.denominators)):
        for layer, value in shares.items():
            yield Row(epoch, f"network_beta_{name}", layer, value)
