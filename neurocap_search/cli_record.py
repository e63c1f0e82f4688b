"""The command line: ``neurocap record``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from neurocap_search.cli_options import AsJson, Overrides, PrintConfig
from neurocap_search.exit_codes import exit_codes

_RECORD_HELP = """Train a population without pruning and keep every epoch, to replay rules over it.

The same command goes on where it was interrupted.

Examples:

  neurocap record configs/bank/fashion-mlp.yaml --output traces --dry-run

  neurocap record configs/bank/fashion-mlp.yaml --output traces

  neurocap record configs/bank/fashion-mlp.yaml --output traces population.architectures=20
"""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(help=_RECORD_HELP)(record)


def record(
    config: Annotated[Path, typer.Argument(help="YAML file, for example configs/bank/fashion-mlp.yaml.")],
    overrides: Overrides = None,
    output: Annotated[Path, typer.Option(help="Folder of the traces.")] = Path("traces"),
    only_estimate: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, and record nothing.")
    ] = False,
    print_config: PrintConfig = False,
    as_json: AsJson = False,
) -> None:
    """Record a population."""
    with exit_codes():
        from neurocap_search.config_reader import dump_config, read_as
        from neurocap_search.traces.record_config import RecordConfig

        settings = read_as(RecordConfig, config, overrides or [])
        if print_config:
            typer.echo(dump_config(settings), nl=False)
            return
        from neurocap_search.record_words import dry_run, run_record

        console = Console(stderr=as_json)
        if only_estimate:
            size = dry_run(settings, console, output)
            if as_json:
                typer.echo(json.dumps(asdict(size), indent=2))
            return
        recorded = run_record(settings, console, output)
        if as_json:
            typer.echo(json.dumps(recorded.to_json(), indent=2))
    raise typer.Exit(recorded.exit_code)
