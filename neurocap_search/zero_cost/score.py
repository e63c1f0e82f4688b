"""A number that says why it is none."""

import math
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")


class Score(float):
    """The value of a proxy: a float, and where it is NaN the reason.

    Do not replace a NaN by 0: zero is a value that networks have, NaN says that nothing could be measured.

    Args:
        value: The number.
        reason: Why it is NaN, else None.

    Attributes:
        reason: Why it is NaN, else None.

    Example:
        >>> Score(2.5) * 2, Score(2.5).reason
        (5.0, None)
        >>> Score(math.nan, "the network has no ReLU").reason
        'the network has no ReLU'
    """

    reason: str | None

    def __new__(cls, value: float, reason: str | None = None) -> "Score":
        """Make the number."""
        score = super().__new__(cls, value)
        score.reason = reason
        return score


class UndefinedScoreError(Exception):
    """A network does not allow a proxy; the message says why."""


def scored(proxy: Callable[P, float]) -> Callable[P, Score]:
    """Make a proxy answer with a :class:`Score`, NaN with the reason where it is not defined or not finite.

    Example:
        >>> @scored
        ... def inverse(number: float) -> float:
        ...     if number == 0:
        ...         raise UndefinedScoreError("zero has no inverse")
        ...     return 1 / number
        >>> inverse(4.0), inverse(0.0), inverse(0.0).reason
        (0.25, nan, 'zero has no inverse')
    """

    @wraps(proxy)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Score:
        try:
            value = proxy(*args, **kwargs)
        except UndefinedScoreError as undefined:
            return Score(math.nan, str(undefined))
        if not math.isfinite(value):
            return Score(math.nan, f"the value is {value}: weights, inputs or outputs overflow or are NaN")
        return Score(value)

    return answer
