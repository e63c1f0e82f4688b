"""The command line: ``neurocap preview`` and ``neurocap report``."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from neurocap_search.cli_options import AsJson, Overrides
from neurocap_search.exit_codes import exit_codes

_PREVIEW_HELP = """Estimate trials, epochs, hours and money of a search or a live comparison; begin nothing.

Trains two epochs of three networks to know how long one takes.

Examples:

  neurocap preview configs/digits.yaml

  neurocap preview configs/cifar10.yaml resources.gpus_per_trial=0.25 --price-per-hour 2.5

  neurocap preview configs/compare_digits.yaml --workers 16
"""

_REPORT_HELP = """Write the report of a search, or that of a comparison anew.

It is one HTML file that asks for nothing from outside; its figures as PNG and tables as CSV lie beside it.

Examples:

  neurocap report runs/digits-20260101-120000

  neurocap report runs/digits-20260101-120000 --output pages
"""


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(help=_PREVIEW_HELP)(preview)
    app.command(help=_REPORT_HELP)(report)


def preview(
    config: Annotated[Path, typer.Argument(help="YAML file of a search or a comparison.")],
    overrides: Overrides = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trials at a time; default: what there is room for here.")
    ] = None,
    price_per_hour: Annotated[
        float | None, typer.Option(min=0, help="Of a GPU, or of a core where the trials use no GPU.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what something will take."""
    with exit_codes():
        from neurocap_search.preview_words import run_preview

        console = Console(stderr=as_json)
        found = run_preview(config, overrides or [], console, workers=workers, price_per_hour=price_per_hour)
        if as_json:
            typer.echo(json.dumps(found.to_json(), indent=2))


def report(
    run_dir: Annotated[Path, typer.Argument(help="Run directory of a search or a comparison.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder for the files; default: report in the run directory.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a report."""
    with exit_codes():
        from neurocap_search.report_words import run_report

        written = run_report(run_dir, Console(stderr=as_json), output)
        if as_json:
            typer.echo(json.dumps(written.to_json(), indent=2))
