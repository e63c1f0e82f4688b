"""What may follow the colon in a rule's name."""

from neurocap_search.errors import UserError


def whole_number(rule: str, what: str, text: str) -> int:
    """Return the whole number, at least 1, in a part of a rule's name.

    Raises:
        UserError: If it is none.

    Example:
        >>> whole_number("i_epoch:3", "epochs", "3")
        3
    """
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UserError(f"Rule {rule!r}: {what} must be a whole number, at least 1, received {text!r}.")
    return int(text)


def no_arguments(rule: str, arguments: str | None) -> None:
    """Raise UserError if anything follows the name of a rule that takes nothing."""
    if arguments is not None:
        raise UserError(f"Rule {rule!r} takes nothing after a colon, received {arguments!r}. Write {rule}.")
