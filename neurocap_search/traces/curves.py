"""Public tables of learning curves as traces: a second suite, without beta_eff."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace, TraceKey

SUFFIXES = (".csv", ".csv.gz")
# Name of the metric and its direction, by what the columns of a curve begin with.
_METRICS = {"acc": ("val_accuracy", "max"), "ep": ("val_perplexity", "min")}
_COLUMN = re.compile(r"^(acc|ep)_(\d+)$")
_PARAMETERS = "num_params"


def is_curves(path: Path) -> bool:
    """Tell whether a file may hold a table of curves, by its name."""
    return path.name.endswith(SUFFIXES)


def holds_curves(path: Path) -> bool:
    """Tell whether a table has columns of curves; True for what cannot be read, so that reading says why."""
    try:
        columns = pd.read_csv(path, nrows=0).columns
    except (OSError, ValueError, EOFError, UnicodeDecodeError):
        return True
    return any(_COLUMN.match(str(name)) for name in columns)


def read_curves(path: Path) -> TaskTraces:
    """Read a table of learning curves: one row for each network, one column for each epoch.

    The columns of the curve are ``acc_0``, ``acc_1``, ... (validation accuracy, a share) or ``ep_0``,
    ``ep_1``, ... (perplexity in validation, lower is better), as in the tables of Baker et al., Accelerating
    Neural Architecture Search using Performance Prediction (arXiv 1705.10823). They may begin with any
    number; the first is epoch 1. ``num_params`` becomes ``parameters`` in every report; all other columns
    describe the network. Equal rows count once. A curve with gaps, or that ends at an accuracy of exactly
    0, is of a training that failed. What an epoch cost is unknown.

    When not to use it: there is nothing of the network itself in such tables. Rules that need beta_eff or the
    training loss cannot be judged by them.

    Raises:
        UserError: If the file cannot be read or has no curves.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
        >>> lines = ["lr,acc_1,acc_2", "0.1,0.5,0.75", "0.2,0.25,0.5"]
        >>> _ = path.write_text(chr(10).join(lines))
        >>> task = read_curves(path)
        >>> task.task, task.epochs, [trace.last("val_accuracy") for trace in task.traces]
        ('mine', 2, [0.75, 0.5])
    """
    try:
        table = pd.read_csv(path).drop_duplicates()
    except (OSError, ValueError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a table of curves: {error}") from None
    found = {name: match for name in table.columns if (match := _COLUMN.match(str(name)))}
    kinds = {match[1] for match in found.values()}
    if len(kinds) != 1:
        raise UserError(
            f"{path} holds no learning curves: it needs columns acc_1, acc_2, ... or ep_1, ep_2, ..., "
            f"received {', '.join(map(str, table.columns[:8]))}."
        )
    metric, mode = _METRICS[kinds.pop()]
    columns = sorted(found, key=lambda name: int(found[name][2]))
    rows = table.to_dict("records")
    traces = tuple(_trace(number, row, columns, metric) for number, row in enumerate(rows))
    name = path.name.partition(".")[0]
    return TaskTraces(name, len(columns), traces, metric, mode, {"table": path.name})


def _trace(number: int, row: dict[Any, Any], columns: list[str], metric: str) -> Trace:
    parameters = {"parameters": float(row[_PARAMETERS])} if _PARAMETERS in row else {}
    values = [float(row[name]) for name in columns]
    good = next((k for k, value in enumerate(values) if pd.isna(value)), len(values))
    failure = None if good == len(values) else "the curve ends early"
    if metric == "val_accuracy" and values[-1] == 0:
        failure, good = "the accuracy ends at 0", len(values) - 1
    network = {str(k): v for k, v in row.items() if k not in columns and not pd.isna(v)}
    return Trace(
        key=TraceKey(number, 0),
        architecture={"space": "table", **network},
        training={},
        description=str(row.get("net", f"row {number}"))[:34],
        multiply_adds=0,
        reports=tuple(Report(k + 1, {metric: values[k], **parameters}) for k in range(good)),
        failure=failure,
    )
