"""The trivial rules that every other has to beat."""

from neurocap_search.errors import UserError
from neurocap_search.pruning import IEpochPolicy
from neurocap_search.rules.arguments import whole_number
from neurocap_search.rules.rule import PolicyMaker

EPOCHS = (1, 2, 3, 5, 8, 12)
KEEP = 3


def i_epoch_front(max_t: int) -> tuple[str, ...]:
    """Return the names of the rules "all train i epochs, the best three to the end", i = 1, 2, 3, 5, 8, 12.

    Args:
        max_t: Epochs of full training; only rules with fewer epochs are returned.

    Example:
        >>> i_epoch_front(8)
        ('i_epoch:1', 'i_epoch:2', 'i_epoch:3', 'i_epoch:5')
    """
    return tuple(f"i_epoch:{epochs}" for epochs in EPOCHS if epochs < max_t)


def i_epoch(arguments: str | None) -> PolicyMaker:
    """Return what makes ``i_epoch:N`` or ``i_epoch:N:K``."""
    if arguments is None:
        raise UserError("Rule 'i_epoch' needs the epochs everybody trains: write i_epoch:3, for example.")
    epochs, colon, keep = arguments.partition(":")
    name = f"i_epoch:{arguments}"
    everybody = whole_number(name, "epochs", epochs)
    best = whole_number(name, "keep", keep) if colon else KEEP
    return lambda context: IEpochPolicy(
        metric=context.metric, mode=context.mode, max_t=context.max_t, epochs=everybody, keep=best
    )
