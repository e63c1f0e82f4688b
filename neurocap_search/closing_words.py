"""What the user reads when a search has ended."""

import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from neurocap_search.comparison.statistics.words import count
from neurocap_search.contribution_words import print_contributions
from neurocap_search.display import number
from neurocap_search.tracking.mlflow_tracker import MlflowTracker
from neurocap_search.tracking.summary import PredictionQuality, Summary
from neurocap_search.tune import SearchOutcome


def print_outcome(console: Console, outcome: SearchOutcome, folder: Path, tracker: MlflowTracker) -> None:
    """Print the figures of a search and where everything is."""
    summary = outcome.summary
    quality = [] if summary.quality is None else _quality(summary.quality)
    _print(console, [*_result(summary), *_cost(summary), *quality])
    if summary.insight is not None:
        print_contributions(console, summary.insight, summary.metric)
    _print(console, _places(outcome, folder, tracker))


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _places(outcome: SearchOutcome, folder: Path, tracker: MlflowTracker) -> list[str]:
    """Say where everything is, what went wrong and how to go on."""
    lines = ["", f"Run directory   {folder}"]
    if outcome.summary.best:
        lines += [f"Look inside     {inspect_command(folder)}"]
    lines += [f"Report          {report_command(folder)}"]
    lines += _mlflow(tracker, folder)
    lines += [f"Warning         {warning}" for warning in outcome.warnings]
    if outcome.interrupted:
        lines += ["", interrupted_words(outcome.summary, folder)]
    return lines


def _mlflow(tracker: MlflowTracker, folder: Path) -> list[str]:
    lines = []
    if tracker.run_id:
        lines += [f"MLflow run      {tracker.run_id} in {tracker.uri}"]
        lines += [f"Open MLflow     {mlflow_command(tracker)}"]
    if tracker.lacking:
        lines += [
            f"Warning         MLflow lacks {tracker.lacking} records: {tracker.why_lacking}",
            "                Nothing is lost: the run directory holds them. Once MLflow is well, send them:",
            f"                {sync_command(folder)}",
        ]
    return lines


def mlflow_command(tracker: MlflowTracker) -> str:
    """Return the command or address that opens MLflow on this search."""
    return store_command(tracker.uri)


def store_command(uri: str) -> str:
    """Return the command or address that opens MLflow on a store."""
    if not uri.startswith("sqlite:"):
        return uri
    program = _program("mlflow", "mlflow")
    return f"{program} ui --host 127.0.0.1 --port 5000 --backend-store-uri {shlex.quote(uri)}"


def resume_command(folder: Path) -> str:
    """Return the command that goes on with a search."""
    return f"{_program('neurocap', 'neurocap_search')} search --resume {shlex.quote(str(folder))}"


def compare_resume_command(folder: Path) -> str:
    """Return the command that goes on with a comparison."""
    return f"{_program('neurocap', 'neurocap_search')} compare --resume {shlex.quote(str(folder))}"


def sync_command(folder: Path) -> str:
    """Return the command that sends MLflow what it lacks of a search."""
    return f"{_program('neurocap', 'neurocap_search')} sync {shlex.quote(str(folder))}"


def inspect_command(folder: Path) -> str:
    """Return the command that looks inside the best network of a search."""
    return f"{_program('neurocap', 'neurocap_search')} inspect {shlex.quote(str(folder))}"


def report_command(folder: Path) -> str:
    """Return the command that writes the report of a search."""
    return f"{_program('neurocap', 'neurocap_search')} report {shlex.quote(str(folder))}"


def _program(name: str, module: str) -> str:
    """Return what to type for a program of this environment, activated or not."""
    found = shutil.which(name)
    if found is not None and Path(found).parent == Path(sys.executable).parent:
        return name
    return f"{shlex.quote(sys.executable)} -m {module}"


def interrupted_words(summary: Summary, folder: Path) -> str:
    """Say what was kept of an interrupted search and how to go on."""
    ended = summary.num_trials - summary.interrupted
    return (
        f"Interrupted. {ended} of {summary.num_trials} trials are kept. Go on with: {resume_command(folder)}"
    )


def _result(summary: Summary) -> list[str]:
    best = summary.best
    if best is None:
        return ["", "No trial was trained to the end, so there is no best architecture."]
    test = "" if summary.test_accuracy is None else f", test accuracy {summary.test_accuracy:.4f}"
    training = ", ".join(f"{key}={value:.3g}" for key, value in best.get("training", {}).items())
    return [
        "",
        f"Best            {best['trial']}  {best['description']}" + (f"  ({training})" if training else ""),
        f"                final {summary.metric} {best[summary.metric]:.4f}{test}; "
        f"{best['parameters']:,} parameters, {best['multiply_adds']:,} multiply-adds",
    ]


def _cost(summary: Summary) -> list[str]:
    ended = summary.num_trials - summary.interrupted
    states = f"{summary.pruned} pruned, {summary.completed} trained to the end, {summary.failed} failed"
    lost = (
        f"; {summary.lost_epochs:g} more were lost to failures and interruptions"
        if summary.lost_epochs
        else ""
    )
    return [
        f"Trials          {ended} of {summary.num_trials}: {states}",
        f"Epochs          {summary.epochs:g} of {summary.full_epochs} for training these to the end "
        f"({summary.epoch_share:.0%}; {1 - summary.epoch_share:.0%} saved){lost}",
    ]


def _quality(quality: PredictionQuality) -> list[str]:
    def rho(value: float | None) -> str:
        return number(value, ".2f")

    at, without = f"Predictions     at epoch {quality.epoch}", quality.fallbacks
    if not quality.trials:
        return [f"{at}: none yet for the {count(without, 'trial')} trained to the end"]
    more = f"; for {without} more there was none yet" if without else ""
    within = "" if quality.within_one_std is None else f", {quality.within_one_std:.0%} within one s.d."
    return [
        f"{at}, on {count(quality.trials, 'trial')} trained to the end{more}:",
        f"                predicted: mean error {quality.mean_error:.4f}, rank correlation "
        f"{rho(quality.rank_correlation)}{within}",
        f"                just seen: mean error {quality.seen_mean_error:.4f}, rank correlation "
        f"{rho(quality.seen_rank_correlation)}",
        f"                {verdict(quality)}",
    ]


def verdict(quality: PredictionQuality) -> str:
    """Say in plain words whether the prediction was worth anything here."""
    ours, seen = quality.rank_correlation, quality.seen_rank_correlation
    if ours is None or seen is None:
        return "These are too few, or too alike, to say whether the prediction ranks better."
    word = "better than" if ours > seen else "no better than"
    closer = "closer to" if quality.mean_error < quality.seen_mean_error else "no closer to"
    return f"On these survivors the prediction ranks {word} the accuracy seen, and is {closer} the finals."
