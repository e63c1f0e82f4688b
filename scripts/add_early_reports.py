"""Give recorded traces the reports from within their first epoch, from a recording of that epoch alone.

neurocap record configs/bank/fashion-mlp.yaml training.epochs=1 --output first
python scripts/add_early_reports.py first neurocap_search/traces/bundled

For banks recorded before recordings kept these reports. Training is seeded, so the first epoch comes
out as it was; how far it did is printed, and a task is refused whose first epochs do not agree.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurocap_search.errors import UserError
from neurocap_search.traces.bank import load_bank
from neurocap_search.traces.readme import write_readme
from neurocap_search.traces.schema import TaskTraces, write_traces
from neurocap_search.traces.trace import Trace

LEAST_CORRELATION = 0.99
"""Of the training loss of epoch 1 in both recordings."""


class Agreement(NamedTuple):
    """How the first epochs of two recordings agree.

    Attributes:
        trainings: Trainings in both.
        equal: How many of them have the same training loss in every digit.
        correlation: Of the training losses.
    """

    trainings: int
    equal: int
    correlation: float

    def __str__(self) -> str:
        return (
            f"{self.trainings} first epochs, {self.equal} with the same training loss in every digit, "
            f"correlation {self.correlation:.4f}"
        )


def with_early_reports(task: TaskTraces, first: TaskTraces) -> tuple[TaskTraces, Agreement]:
    """Return the task with the early reports of another recording, and how both agree.

    Raises:
        UserError: If they are no recordings of the same trainings.
    """
    again = {trace.key: trace for trace in first.traces if trace.reports}
    both = [trace for trace in task.traces if trace.reports and _same(trace, again.get(trace.key))]
    losses = np.array([[_loss(trace), _loss(again[trace.key])] for trace in both]).reshape(-1, 2)
    correlation = float(np.corrcoef(losses.T)[0, 1]) if len(both) > 1 else float("nan")
    agreement = Agreement(len(both), int(np.sum(losses[:, 0] == losses[:, 1])), correlation)
    if not correlation >= LEAST_CORRELATION:
        raise UserError(f"{task.task}: {agreement}; record the first epoch as the task was recorded.")
    found = {trace.key: again[trace.key].early for trace in both}
    traces = tuple(replace(trace, early=found.get(trace.key, trace.early)) for trace in task.traces)
    return replace(task, traces=traces), agreement


def _same(trace: Trace, other: Trace | None) -> bool:
    return other is not None and trace.architecture == other.architecture and trace.training == other.training


def _loss(trace: Trace) -> float:
    return trace.reports[0].metrics["train_loss"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Add the reports to each task that both folders have; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path, help="folder with the recordings of the first epoch")
    parser.add_argument("bank", type=Path, help="folder of the traces that get the reports")
    options = parser.parse_args(arguments)
    try:
        first, bank = load_bank(options.first), load_bank(options.bank)
        for name in sorted(bank.keys() & first.keys()):
            task, agreement = with_early_reports(bank[name], first[name])
            write_traces(task, options.bank / f"{name}.parquet")
            print(f"{name}: {agreement}")
        write_readme(options.bank)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
