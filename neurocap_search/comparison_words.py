"""The end of every comparison: files, a table on the screen, the sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.report.compose import compose
from neurocap_search.comparison.report.words import Numbers
from neurocap_search.comparison.report.write import write_report
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.results_file import write_results
from neurocap_search.comparison.statistics.verdict import Verdict, verdict
from neurocap_search.comparison.tables import RuleCost, rule_costs
from neurocap_search.traces.schema import TaskTraces


@dataclass(frozen=True)
class Concluded:
    """A comparison with its answer.

    Attributes:
        folder: Where everything is.
        report: The page.
        results: All runs.
        found: The answer.
        costs: The table of rules.
        left_out: Why a rule is missing, by its name.
        mlflow: Where MLflow has it; empty where it was not told.
    """

    folder: Path
    report: Path
    results: Results
    found: Verdict
    costs: list[RuleCost]
    left_out: Mapping[str, str] = field(default_factory=dict)
    mlflow: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "outcome": self.found.outcome,
            "sentence": self.found.sentence,
            "beside": list(self.found.beside),
            "candidate": self.results.candidate,
            "rival": self.results.rival,
            "kind": self.results.kind,
            "metric": self.results.metric,
            "rules": [_plain(cost) for cost in self.costs],
            "left_out": dict(self.left_out),
            "run_dir": str(self.folder),
            "report": str(self.report),
            "mlflow": dict(self.mlflow),
        }


def conclude(
    results: Results, tasks: Mapping[str, TaskTraces], folder: Path, left_out: Mapping[str, str]
) -> Concluded:
    """Write results, report, figures and tables into a folder and return the answer."""
    write_results(results, folder)
    report = write_report(compose(results, tasks), folder)
    return Concluded(folder, report, results, verdict(results), rule_costs(results), left_out)


def print_costs(console: Console, concluded: Concluded) -> None:
    """Print the table of rules."""
    numbers = Numbers(concluded.results.metric)
    table = Table(box=None, pad_edge=False)
    for name in ("rule", "epochs (%)", f"regret ({numbers.unit})", "best pruned"):
        table.add_column(name, no_wrap=True, justify="left" if name == "rule" else "right")
    judged = (concluded.results.candidate, concluded.results.rival)
    for cost in concluded.costs:
        cells = (_percent(cost.epochs), numbers.estimate(cost.regret), f"{cost.winner_pruned.value:.0%}")
        table.add_row(cost.rule, *cells, style="bold" if cost.rule in judged else None)
    console.print(table)
    note = (
        "Epochs in % of full training. In brackets the 95 % interval over tasks and pools. Best pruned: the "
        "share of the runs in which the best network of the pool was pruned."
    )
    console.print(note, style="dim", markup=False, highlight=False)


def print_end(console: Console, concluded: Concluded) -> None:
    """Print where everything is, and the sentence last."""
    lines = ["", f"Folder          {concluded.folder}", f"Report          {concluded.report}"]
    if concluded.mlflow:
        lines += [f"MLflow run      {concluded.mlflow['run_id']} in {concluded.mlflow['uri']}"]
        lines += [f"Open MLflow     {concluded.mlflow['open']}"]
    for line in [*lines, "", *concluded.found.beside, "", concluded.found.sentence]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _percent(estimate: Estimate) -> str:
    """Return a share in whole percent; with its interval, where there is one."""
    ends = f" [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]" if estimate.has_interval else ""
    return f"{100 * estimate.value:.0f}{ends}"


def _plain(cost: RuleCost) -> dict[str, Any]:
    numbers = {"epoch_share": cost.epochs, "regret": cost.regret, "winner_pruned": cost.winner_pruned}
    return {"rule": cost.rule, **{name: _triple(estimate) for name, estimate in numbers.items()}}


def _triple(estimate: Estimate) -> dict[str, float | None]:
    """JSON knows no nan."""
    return {name: None if value != value else value for name, value in estimate._asdict().items()}
