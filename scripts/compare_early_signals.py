"""Write docs/early_signals.md from what record_early_signals.py measured of the tasks of the bank.

python scripts/compare_early_signals.py early
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from early_signals.tables import Task, all_scores, load, regret, transferred, within
from scipy.stats import spearmanr

from neurocap_search.errors import UserError
from neurocap_search.prediction.combination import read_prior
from neurocap_search.traces.bank import load_bank

_LAYERS = range(1, 4)
GROUPS = {
    "nothing": (),
    "beta_eff, numerator and denominator at every mark": (
        "marks:beta_eff", "marks:beta_numerator", "marks:beta_denominator"
    ),
    "their parts, layer by layer": (
        *(f"in_sum_{k}" for k in _LAYERS), *(f"numerator_{k}" for k in _LAYERS[1:])
    ),
    "norms of the degree matrices": (
        *(f"in_{k}_norm" for k in _LAYERS), *(f"out_{k}_norm" for k in _LAYERS[1:])
    ),
    "spectra of the degree matrices": tuple(
        f"{matrix}_{number}" for number in ("rank", "first", "sigma")
        for matrix in (*(f"in_{k}" for k in _LAYERS), *(f"out_{k}" for k in _LAYERS[1:]))
    ),
    "their change since the last mark": (
        *(f"last:in_{k}_cosine" for k in _LAYERS), *(f"last:out_{k}_cosine" for k in _LAYERS[1:])
    ),
    "errors at the output: norm, spectrum, change": (
        "error_norm", "error_rank", "error_first", "last:error_cosine"
    ),
    "the denominator sample by sample": ("sample_mean", "sample_std", "sample_agreement"),
    "accuracy and losses at every mark": ("marks:val_accuracy", "marks:val_loss"),
    "training loss since the last mark": ("last:train_loss", "last:train_accuracy"),
    "validation by batch statistics, by averaged weights": (
        "batch_loss", "batch_accuracy", "averaged_loss", "averaged_accuracy"
    ),
    "LogME of the features": ("logme",),
    "H-score of the features": ("h_score",),
    "a closed-form head on the features": ("ridge_accuracy", "ridge_error"),
}  # fmt: skip
SURVIVORS = ("h_score", "ridge_accuracy", "logme")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and write; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where record_early_signals.py wrote")
    parser.add_argument("--output", type=Path, default=Path("docs/early_signals.md"), help="the page")
    options = parser.parse_args(arguments)
    try:
        bank = load_bank()
        measured = [name for name in bank if any(options.folder.glob(f"{name}.*.jsonl"))]
        tasks = {name: load(options.folder, bank[name]) for name in measured or bank}
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    tuning = {name: task for name, task in tasks.items() if name in read_prior().tasks}
    frozen = {name: task for name, task in tasks.items() if name not in tuning}
    page = (Path(__file__).parent / "early_signals" / "page.md").read_text(encoding="utf-8")
    tables = {"within": _within(tuning), "frozen": _frozen(list(tuning.values()), frozen)}
    options.output.write_text(page.format(tasks=" and ".join(tuning), **tables), encoding="utf-8")
    return 0


def _within(tuning: dict[str, Task]) -> str:
    header = ["added to the combination's own signals", *(f"{t}, epoch {e}" for t in tuning for e in (1, 2))]
    rows = []
    for group, names in GROUPS.items():
        cells = []
        for task in tuning.values():
            for epoch in (1, 2):
                overall, quarter = within(task, epoch, [_read(task, name, epoch) for name in names])
                cells.append(f"{overall:.3f} ({quarter:.2f})")
        rows.append([group, *cells])
    return _table(header, rows)


def _read(task: Task, name: str, epoch: float) -> np.ndarray:
    how, _, rest = name.rpartition(":")
    return {"marks": task.over_marks, "last": task.last, "": task.mean}[how](rest, epoch)


def _frozen(tuning: list[Task], frozen: dict[str, Task]) -> str:
    header = ["task", "added", "epoch 1", "epoch 2", "regret", "the added one alone, epoch 1", "epoch 2"]
    rows = []
    for name, task in frozen.items():
        for added in (None, *SURVIVORS):
            names = [added] if added else []
            weights = {epoch: transferred(tuning, epoch, names) for epoch in (1, 2)}
            ranks = [_rank(all_scores(task, e, names) @ weights[e], task) for e in (1, 2)]
            alone = [_rank(task.mean(added or "train_loss", e), task) for e in (1, 2)]
            rows.append([name, added or "nothing (alone: training loss)", *ranks])
            rows[-1] += [f"{100 * regret(task, weights, names):.2f}", *alone]
    return _table(header, rows)


def _rank(scores: np.ndarray, task: Task) -> str:
    return f"{abs(spearmanr(scores, task.finals, nan_policy='omit').statistic):.3f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
