"""Errors a user can mend."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input: says what is wrong, the value received and how to fix it.

    The command line prints the message without a traceback and exits with code 2.
    """


def did_you_mean(received: object, known: Iterable[str], prefix: str = "") -> str:
    """Return the end of a message that names the nearest of the known words, or nothing.

    Example:
        >>> did_you_mean("ashaa", ["asha", "none"])
        ' Did you mean asha?'
        >>> did_you_mean("xyz", ["asha", "none"])
        ''
    """
    near = difflib.get_close_matches(str(received), list(known), n=1, cutoff=0.5)
    return f" Did you mean {prefix}{near[0]}?" if near else ""
