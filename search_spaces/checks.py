"""Checks of architectures and shapes whose messages say what is wrong and how to right it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any


def did_you_mean(name: object, known: Collection[str]) -> str:
    """The end of an error message: `" (did you mean 'relu'?)"`, or nothing where no known name is close.

    Example:
        >>> did_you_mean("rellu", ["relu", "tanh"])
        " (did you mean 'relu'?)"
        >>> did_you_mean("gelu6000", ["relu", "tanh"])
        ''
    """
    close = difflib.get_close_matches(str(name), known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def check_name(what: str, name: object, known: Collection[str]) -> None:
    """Checks that a name is among the known ones.

    Args:
        what: what the name stands for, as the message should call it.
        name: the name received.
        known: the names there are.

    Raises:
        ValueError: naming the known names, and the closest one.
    """
    if name not in known:
        raise ValueError(
            f"unknown {what} {name!r}{did_you_mean(name, known)}: choose from {', '.join(known)}"
        )


def check_keys(architecture: Mapping[str, Any], space: str, keys: Collection[str]) -> None:
    """Checks that an architecture belongs to a space and has exactly the keys of that space.

    Args:
        architecture: the architecture received.
        space: name of the space that is to build it.
        keys: its keys besides `"space"`.

    Raises:
        ValueError: on a missing or unknown key, or an architecture of another space.
    """
    expected = ("space", *keys)
    for key in architecture:
        check_name(f"key of a {space!r} architecture", key, expected)
    missing = [key for key in expected if key not in architecture]
    if missing:
        raise ValueError(f"{space!r} architecture lacks {', '.join(missing)}: received {dict(architecture)}")
    if architecture["space"] != space:
        raise ValueError(
            f"the {space!r} space received an architecture of space {architecture['space']!r}: "
            "build an architecture with the space that sampled it"
        )


def check_input_shape(input_shape: tuple[int, int, int]) -> None:
    """Checks that an input shape is `(channels, height, width)`, each at least 1.

    Raises:
        ValueError: otherwise.
    """
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ValueError(
            f"input_shape must be (channels, height, width) of one sample, each at least 1, not {input_shape}"
        )
