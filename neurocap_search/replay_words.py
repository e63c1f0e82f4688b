"""Replays as the command line runs them: what will be done, progress, the answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from neurocap_search.comparison.config import CompareConfig
from neurocap_search.comparison.plan import ReplayPlan, plan_replay
from neurocap_search.comparison.replaying import check_judged, cores, replay
from neurocap_search.comparison.results import Results
from neurocap_search.comparison_words import Concluded, conclude, print_costs, print_end
from neurocap_search.config_reader import dump_config
from neurocap_search.progress import progress_bar
from neurocap_search.run_folder import new_folder, unwritable
from neurocap_search.traces.bank import load_bank
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.tracking.tables import write_text


class Planned(NamedTuple):
    """What is about to be replayed.

    Attributes:
        plan: Checked: nothing the user gave is wrong any more.
        tasks: The recorded trainings.
    """

    plan: ReplayPlan
    tasks: Mapping[str, TaskTraces]


def plan_of(config: CompareConfig) -> Planned:
    """Read the bank and check what is to be replayed on it.

    Raises:
        UserError: If anything the user gave cannot be used.
    """
    if config.replay is None:
        raise ValueError("a live comparison has no traces to replay; give one with the section replay:")
    bank = load_bank() if config.replay.bank is None else load_bank(config.replay.bank)
    plan = plan_replay(bank, config.replay, config.all_seeds)
    check_judged(plan, config.candidate, config.rival)
    return Planned(plan, {name: bank[name] for name in plan.epochs})


def replay_to_report(
    config: CompareConfig,
    console: Console,
    folder: Path | None = None,
    processes: int | None = None,
) -> Concluded:
    """Replay, print the table of rules, and write the report; :func:`print_end` is left to the caller.

    Args:
        config: A comparison with ``replay``.
        console: The screen.
        folder: Where to; None makes one in ``output.dir``.
        processes: How many replays at once; None: one for each core.

    Raises:
        UserError: If anything the user gave cannot be used.
    """
    planned = plan_of(config)
    place = new_folder(config.output.dir, config.name) if folder is None else _made(folder)
    try:
        results = run_replays(planned, config, console, processes)
    except BaseException:
        if not any(place.iterdir()):
            place.rmdir()
        raise
    write_text(place / "config.yaml", dump_config(config))
    concluded = conclude(results, planned.tasks, place, planned.plan.left_out)
    print_costs(console, concluded)
    return concluded


def run_replay(
    config: CompareConfig, console: Console, folder: Path | None = None, processes: int | None = None
) -> Concluded:
    """Do the same and end with the sentence; see :func:`replay_to_report`."""
    concluded = replay_to_report(config, console, folder, processes)
    print_end(console, concluded)
    return concluded


def dry_run(config: CompareConfig, console: Console) -> dict[str, Any]:
    """Say what would be replayed, and replay nothing; return it JSON-ready."""
    plan = plan_of(config).plan
    print_plan(plan, console)
    return plan_json(plan)


def run_replays(
    planned: Planned, config: CompareConfig, console: Console, processes: int | None = None
) -> Results:
    """Say what is replayed, and replay it; ``processes`` at once, as many as cores if None."""
    print_plan(planned.plan, console)
    with progress_bar(console, "replays") as show:
        return replay(
            planned.plan, config.candidate, config.rival, processes=processes or cores(), on_progress=show
        )


def print_plan(plan: ReplayPlan, console: Console) -> None:
    """Print what will be replayed."""
    workers = ", ".join(map(str, plan.config.workers))
    lines = [
        f"Tasks           {', '.join(plan.epochs)}",
        f"Pools           {len(plan.pools)} of {plan.config.trials} architectures, none in two of them",
        f"Orders          {len(plan.seeds)} of each pool",
        f"Workers         {workers}",
        f"Rules           {', '.join(plan.rules)}",
    ]
    lines += [f"Left out        {name}: {why}" for name, why in plan.left_out.items()]
    for line in [*lines, f"Replays         {plan.replays}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def plan_json(plan: ReplayPlan) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "tasks": list(plan.epochs),
        "pools": len(plan.pools),
        "trials": plan.config.trials,
        "seeds": len(plan.seeds),
        "workers": list(plan.config.workers),
        "rules": list(plan.rules),
        "left_out": dict(plan.left_out),
        "replays": plan.replays,
    }


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, str(error.strerror)) from None
    return folder
