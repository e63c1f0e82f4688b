"""The command line: options and arguments that several commands have."""

import json
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, all else on stderr.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Values that replace the file's: key.path=value ...")
]
PrintConfig = Annotated[bool, typer.Option("--print-config", help="Print the whole configuration and exit.")]


def print_json(value: dict[str, Any], wanted: bool) -> None:
    """Print a result for machines, if it is wanted."""
    if wanted:
        typer.echo(json.dumps(value, indent=2))
