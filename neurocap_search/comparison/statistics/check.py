"""One line of the health card."""

from typing import Literal, NamedTuple

State = Literal["PASS", "WARNING", "FAIL"]


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: What.
        state: How it is.
        reason: Why, with the numbers.
    """

    name: str
    state: State
    reason: str


def graded(is_bad: bool, is_doubtful: bool) -> State:
    """Return the state of what can be bad, doubtful or neither.

    Example:
        >>> graded(False, True)
        'WARNING'
    """
    if is_bad:
        return "FAIL"
    return "WARNING" if is_doubtful else "PASS"
