"""What a program answers to its shell."""

import contextlib
import sys
from collections.abc import Iterator

import typer

from neurocap_search.errors import UserError


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn bad input into exit code 2 and Ctrl-C into 130, each with a message and no traceback."""
    try:
        yield
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        raise typer.Exit(130) from None
