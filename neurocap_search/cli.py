"""The command line."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from neurocap_search import __version__, cli_evidence, cli_preview, cli_record
from neurocap_search.cli_options import AsJson, Overrides, PrintConfig
from neurocap_search.errors import UserError
from neurocap_search.exit_codes import exit_codes

app = typer.Typer(
    help=(
        "Neural architecture search that ends hopeless trials early, by what many signals together tell, "
        "neural capacitance (beta_eff) among them."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_SEARCH_HELP = """Launch an architecture search.

Examples:

  neurocap search configs/digits.yaml

  neurocap search configs/digits.yaml search.num_trials=50 scheduler.grace_period=3

  neurocap search configs/digits.yaml --print-config

  neurocap search --resume runs/digits-20260101-120000
"""


_INSPECT_HELP = """Show what is going on in a network: figures, a table of measures, a few sentences.

Examples:

  neurocap inspect runs/digits-20260101-120000

  neurocap inspect runs/digits-20260101-120000 --trial 4

  neurocap inspect runs/digits-20260101-120000/best

  neurocap inspect --model torchvision:resnet18
"""


_SYNC_HELP = """Send MLflow what it lacks of a search, after an outage of its server or a crash.

Doing it twice sends nothing the second time.

Examples:

  neurocap sync runs/digits-20260101-120000

  neurocap sync runs/digits-20260101-120000 --uri http://127.0.0.1:5000
"""


def main() -> None:
    """Run the command line; the entry point of ``neurocap``."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"neurocap-search {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


@app.command(help=_SEARCH_HELP)
def search(
    config: Annotated[Path | None, typer.Argument(help="YAML file, for example configs/digits.yaml.")] = None,
    overrides: Overrides = None,
    seed: Annotated[int | None, typer.Option(help="Replaces the seed of the file.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the search in this run directory.")] = None,
    print_config: PrintConfig = False,
    as_json: AsJson = False,
) -> None:
    """Launch an architecture search."""
    with exit_codes():
        from neurocap_search.config_reader import dump_config, read_config

        changes = list(overrides or []) + ([] if seed is None else [f"seed={seed}"])
        if resume is not None and (config is not None or changes):
            given = ", ".join([*([str(config)] if config else []), *changes])
            raise UserError(f"--resume takes its configuration from {resume}; leave out {given}.")
        path = resume / "config.yaml" if resume is not None else config
        if path is None:
            raise UserError("A configuration is missing. Try: neurocap search configs/digits.yaml")
        if resume is not None and not path.is_file():
            raise UserError(
                f"{resume} is no run directory: it has no config.yaml. Give the folder of a search."
            )
        settings = read_config(path, changes)
        if print_config:
            typer.echo(dump_config(settings), nl=False)
            return
        from neurocap_search.launch import launch

        outcome = launch(settings, Console(stderr=as_json), resume)
        if as_json:
            typer.echo(json.dumps(outcome.to_json(), indent=2))
    raise typer.Exit(outcome.exit_code)


@app.command("inspect", help=_INSPECT_HELP)
def inspect_network(
    target: Annotated[
        Path | None, typer.Argument(help="Run directory of a search, or a checkpoint in it such as best/.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Instead of it torchvision:NAME, with random weights.")
    ] = None,
    trial: Annotated[int | None, typer.Option(min=0, help="Number of a trial; default: the best.")] = None,
    retrain: Annotated[
        bool | None,
        typer.Option(
            "--retrain/--no-retrain",
            help="Train the trial again to measure every epoch; default: where that took at most 120 s.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the files.")] = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="With --model: pixels of a side; default: 224.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="With --model: images; default: 4.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="With --model: of weights and images; default: 0."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Inspect a trial, a checkpoint or a model."""
    with exit_codes():
        from neurocap_search.inspection import find_subject
        from neurocap_search.inspection_words import run_inspection

        options = {"image_size": image_size, "batch": batch, "seed": seed}
        subject = find_subject(target, model, trial=trial, retrain=retrain, **options)
        found = run_inspection(subject, Console(stderr=as_json), output)
        if as_json:
            typer.echo(json.dumps(found.to_json(), indent=2))


@app.command(help=_SYNC_HELP)
def sync(
    run_dir: Annotated[Path, typer.Argument(help="Run directory of a search.")],
    uri: Annotated[
        str | None, typer.Option(help="Another MLflow store; default: the one the search was tracked in.")
    ] = None,
) -> None:
    """Send MLflow what it lacks of a search."""
    with exit_codes():
        from neurocap_search.syncing import run_sync

        run_sync(Console(), run_dir, uri)


cli_record.register(app)
cli_evidence.register(app)
cli_preview.register(app)
