"""What the reader must know beside the numbers: what has no value, and what is passed over."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from neurocap_search.inspection.measures import EpochMeasures
from neurocap_search.network_science import Capacitance

MOST_NAMES = 4


def remarks(measures: Sequence[EpochMeasures]) -> list[str]:
    """Return sentences on what could not be measured, and on what the measures leave out.

    Args:
        measures: The epochs.

    Example:
        >>> remarks([EpochMeasures(0, {}, Capacitance(0.0, 0.0, 0.0, "all errors are zero"))])
        ['beta_eff of the head has no value at epoch 0: all errors are zero.']
    """
    last = next((m for m in reversed(measures) if m.whole or m.strengths or m.missing), None)
    if last is None:
        return list(_without_value("the head", measures, lambda m: m.head))
    whole = last.whole
    return [
        *_without_value("the head", measures, lambda m: m.head),
        *_without_value("the whole network", measures, lambda m: m.whole),
        *_missing(measures),
        *_grouped("Vanishes in beta_eff of the whole network", whole.cancelled if whole else {}),
        *_grouped("Left out of beta_eff of the whole network", whole.left_out if whole else {}),
        *_grouped("Left out of the node strengths", last.left_out),
        *_too_large(last),
    ]


def _without_value(
    what: str, measures: Sequence[EpochMeasures], pick: Callable[[EpochMeasures], Capacitance | None]
) -> Iterator[str]:
    found = {m.epoch: c.reason for m in measures if (c := pick(m)) is not None and c.reason}
    if found:
        more = "" if len(set(found.values())) == 1 else "; the other reasons are in measures.csv"
        reason = next(iter(found.values()))
        yield f"beta_eff of {what} has no value at {_epochs(list(found))}: {reason}{more}."


def _missing(measures: Sequence[EpochMeasures]) -> Iterator[str]:
    parts = dict.fromkeys(part for m in measures for part in m.missing)
    for part in parts:
        epochs = [m.epoch for m in measures if part in m.missing]
        reason = next(m.missing[part] for m in measures if part in m.missing)
        at = "" if len(measures) == 1 else f" at {_epochs(epochs)}"
        yield f"Without {part}{at}: {reason}."


def _grouped(what: str, reasons: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each reason, with the first few names it holds for."""
    for reason in dict.fromkeys(reasons.values()):
        names = [name for name, why in reasons.items() if why == reason]
        yield f"{what}: {_listed(names)}; {reason}."


def _too_large(last: EpochMeasures) -> Iterator[str]:
    if last.links is None and "neuron graph" not in last.missing and last.strengths:
        yield "No drawing of the neurons: the network is too large for one that can be read."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _epochs(epochs: Sequence[int]) -> str:
    word = "epoch" if len(epochs) == 1 else "epochs"
    return f"{word} {_listed([str(epoch) for epoch in epochs])}"
