"""How a learned halving says what it decided."""

from neurocap_search.pruning.audit import Estimates
from neurocap_search.pruning.cohort_ranking import Place

AUDITED = "it goes on as one of the audit, which is never pruned"


def place_in_words(
    epoch: float, place: Place, value: str | None, doubt: Estimates | None, outcome: str
) -> str:
    """Return the reason of a decision.

    Args:
        epoch: Of the rung.
        place: Where the trial stands there.
        value: Its metric in words; None within the first epoch, where it has none.
        doubt: What the audit says, if therefore the metric decides.
        outcome: What comes of it.

    Example:
        >>> place_in_words(1, Place(4, 9, 2), "acc 0.500", None, "it waits")
        'epoch 1: the combination ranks it 5 of 9 (acc 0.500 by now), and the best 2 go on; it waits'
    """
    rank = f"{place.position + 1} of {place.peers}"
    who = "the best one goes on" if place.places == 1 else f"the best {place.places} go on"
    if value is None:
        return f"epoch {epoch}: the combination ranks it {rank} by its training so far, and {who}; {outcome}"
    if doubt is not None:
        why = f"the metric decides, because of {doubt}"
        return f"epoch {epoch}: {value} ranks {rank}, and {who}; {outcome}; {why}"
    return f"epoch {epoch}: the combination ranks it {rank} ({value} by now), and {who}; {outcome}"
