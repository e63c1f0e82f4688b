"""The command line: ``neurocap replay``, ``neurocap compare`` and ``neurocap demo``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from neurocap_search.cli_options import AsJson, Overrides, PrintConfig, print_json
from neurocap_search.errors import UserError
from neurocap_search.exit_codes import exit_codes

if TYPE_CHECKING:
    from neurocap_search.comparison.config import CompareConfig

_REPLAY_HELP = """Replay pruning rules on recorded trainings: what each would have spent, and lost.

BANK is a folder or file that 'neurocap record' wrote, or of public learning curves (.csv, .csv.gz). Full
training, the oracle and the rules that stop everybody after a few epochs are always replayed too.

Examples:

  neurocap replay traces

  neurocap replay traces --policies beta_eff,asha,median --workers 1,4,16,64 --seeds 30

  neurocap replay traces --policies my_package.rules:mine,asha --candidate my_package.rules:mine
"""

_COMPARE_HELP = """Compare pruning rules, replayed or live, and log the comparison to MLflow.

Examples:

  neurocap compare configs/compare_replayed.yaml

  neurocap compare configs/compare_replayed.yaml seeds=5 replay.workers=[4] --dry-run

  neurocap compare configs/compare_digits.yaml

  neurocap compare --resume runs/replayed-20260101-120000
"""

_DEMO_HELP = """Replay the trainings that come with the package and open the report: a minute or two, no GPU.

Examples:

  neurocap demo

  neurocap demo --no-open
"""

_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
_Processes = Annotated[int | None, typer.Option(min=1, help="Replays at once; default: one for each core.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(help=_REPLAY_HELP)(replay)
    app.command(help=_COMPARE_HELP)(compare)
    app.command(help=_DEMO_HELP)(demo)


def replay(
    bank: Annotated[Path, typer.Argument(help="Folder or file of traces.")],
    policies: Annotated[str | None, typer.Option(help="Names of rules, with commas; default: all.")] = None,
    workers: Annotated[str, typer.Option(help="Trials at a time, with commas.")] = "1,4,16,64",
    seeds: Annotated[int, typer.Option(help="Orders of the trials.")] = 30,
    seed: Annotated[int, typer.Option(help="The first of them; also cuts the pools.")] = 0,
    trials: Annotated[int, typer.Option(help="Architectures of a pool.")] = 50,
    task: Annotated[str | None, typer.Option(help="Names of tasks, with commas; default: all.")] = None,
    candidate: Annotated[
        str | None, typer.Option(help="The rule that is judged; default: beta_eff, or the first.")
    ] = None,
    rival: Annotated[str, typer.Option(help="The rule it is judged against.")] = "asha",
    output: Annotated[
        Path | None, typer.Option(help="Folder of the report; default: a new one in runs.")
    ] = None,
    processes: _Processes = None,
    only_plan: _DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Replay rules on a bank."""
    with exit_codes():
        names = _words(policies)
        section: dict[str, Any] = {"bank": bank, "trials": trials, "workers": _words(workers)}
        config = _replay_config(names, candidate, rival, seed, seeds, section | {"tasks": _words(task)})
        console = Console(stderr=as_json)
        from neurocap_search.replay_words import dry_run, run_replay

        if only_plan:
            print_json(dry_run(config, console), as_json)
            return
        print_json(run_replay(config, console, output, processes).to_json(), as_json)


def compare(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file, for example configs/compare_replayed.yaml.")
    ] = None,
    overrides: Overrides = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the comparison in this folder.")] = None,
    processes: _Processes = None,
    only_plan: _DryRun = False,
    print_config: PrintConfig = False,
    as_json: AsJson = False,
) -> None:
    """Compare rules."""
    with exit_codes():
        from neurocap_search.comparison.config import CompareConfig
        from neurocap_search.config_reader import dump_config, read_as

        settings = read_as(CompareConfig, _config_path(config, overrides, resume), overrides or [])
        if print_config:
            typer.echo(dump_config(settings), nl=False)
            return
        from neurocap_search.compare_words import dry_run, run_compare

        console = Console(stderr=as_json)
        if only_plan:
            print_json(dry_run(settings, console), as_json)
            return
        print_json(run_compare(settings, console, resume, processes).to_json(), as_json)


def demo(
    output: Annotated[Path, typer.Option(help="Where its folder is made.")] = Path("runs"),
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the report in the browser, where there is one.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Show what the package does."""
    with exit_codes():
        from neurocap_search.demo_words import run_demo

        print_json(run_demo(Console(stderr=as_json), output, show=show).to_json(), as_json)


def _replay_config(
    names: list[str], candidate: str | None, rival: str, seed: int, seeds: int, section: dict[str, Any]
) -> "CompareConfig":
    """Return the configuration that the options of replay stand for; the rival is always replayed."""
    from neurocap_search.comparison.config import DEFAULT_RULES, CompareConfig
    from neurocap_search.config_reader import checked

    rules = names or list(DEFAULT_RULES)
    others = [name for name in rules if name != rival]
    judged = candidate or next((name for name in ["beta_eff", *others] if name in others), None)
    if judged is None:
        raise UserError(f"--policies names only the rival, {rival!r}. Name a rule to judge beside it.")
    section["rules"] = [*rules, *(name for name in (judged, rival) if name not in rules)]
    values = {"name": "replay", "candidate": judged, "rival": rival, "seed": seed, "seeds": seeds}
    return checked(CompareConfig, {**values, "replay": section}, "These options")


def _config_path(config: Path | None, overrides: list[str] | None, resume: Path | None) -> Path:
    if resume is None:
        if config is None:
            raise UserError("A configuration is missing. Try: neurocap compare configs/compare_replayed.yaml")
        return config
    if config is not None:
        given = ", ".join([str(config), *(overrides or [])])
        raise UserError(f"--resume takes its configuration from {resume}; leave out {given}.")
    if not (resume / "config.yaml").is_file():
        raise UserError(f"{resume} is no folder of a comparison: it has no config.yaml. Give one that is.")
    return resume / "config.yaml"


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]
