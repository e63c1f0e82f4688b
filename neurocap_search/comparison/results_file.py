"""The results of a comparison on disk, so that its report can be made again."""

import json
import math
from pathlib import Path
from typing import Any

from neurocap_search.comparison.results import Guess, Incumbent, Results, RunResult, Unit
from neurocap_search.errors import UserError
from neurocap_search.tracking.tables import write_text

RESULTS_FILE = "results.json"
_VERSION = 1
_RUN = tuple(RunResult.__dataclass_fields__)
_HEAD = ("candidate", "rival", "kind", "metric", "mode")
_NUMBERS = frozenset({"final", "best", "median", "test", "best_test", "seconds"})
"""Fields of a run in which null stands for nan, which JSON does not know."""


def write_results(results: Results, folder: Path) -> Path:
    """Write ``results.json`` into a folder, one line for each run, and return its path."""
    head = {"version": _VERSION, **{name: getattr(results, name) for name in _HEAD}, "columns": _RUN}
    lines = ",\n".join(json.dumps(_row(run), allow_nan=False) for run in results.runs)
    path = folder / RESULTS_FILE
    write_text(path, f'{json.dumps(head)[:-1]}, "runs": [\n{lines}\n]}}\n')
    return path


def read_results(folder: Path) -> Results:
    """Read what :func:`write_results` wrote.

    Raises:
        UserError: If there is no such file, or it is damaged or of another version.
    """
    path = folder / RESULTS_FILE
    if not path.is_file():
        raise UserError(
            f"{folder} is no folder of a comparison: it has no {RESULTS_FILE}. Give one that 'neurocap "
            "compare' or 'neurocap replay' wrote."
        )
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        if (version := state.get("version")) != _VERSION:
            raise UserError(f"{path} has version {version!r}, this release reads {_VERSION}.")
        runs = tuple(_run(dict(zip(state["columns"], row, strict=True))) for row in state["runs"])
        return Results(runs, **{name: state[name] for name in _HEAD})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error!r}. Make the comparison again.") from None


def _row(run: RunResult) -> list[Any]:
    return [_plain(getattr(run, name)) for name in _RUN]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _run(state: dict[str, Any]) -> RunResult:
    numbers = {name: _number(state[name]) for name in _NUMBERS}
    return RunResult(
        **{
            **state,
            **numbers,
            "unit": Unit(*state["unit"]),
            "incumbents": tuple(Incumbent(*point) for point in state["incumbents"]),
            "guesses": tuple(_guess(*guess) for guess in state["guesses"]),
        }
    )


def _guess(epoch: int, mean: float, std: float | None, final: float, pruned: bool) -> Guess:
    return Guess(epoch, mean, _number(std), final, pruned)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
