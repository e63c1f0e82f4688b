"""Traces on disk."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.traces.schema import METADATA, TaskTraces, read_traces, write_traces
from neurocap_search.traces.trace import Trace, TraceKey
from tests.traces.conftest import made_up

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)
NAMES = st.sampled_from(["val_accuracy", "train_loss", "beta_eff", "degree_mean"])


@st.composite
def traces(draw: st.DrawFn) -> list[Trace]:
    keys = draw(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=4, unique=True)
    )
    made = []
    for trial, seed in sorted(keys):
        epochs = draw(st.integers(0, 4))
        metrics = [draw(st.dictionaries(NAMES, NUMBERS, min_size=1)) for _ in range(epochs)]
        seconds = draw(st.one_of(st.none(), st.floats(0, 1e6)))
        reports = tuple(Report(k + 1, metrics[k], seconds) for k in range(epochs))
        failure = "ran out of memory" if epochs < 2 else draw(st.one_of(st.none(), st.text(min_size=1)))
        marks = draw(st.sets(st.sampled_from([0.25, 0.5, 0.75])))
        early = tuple(Report(mark, draw(st.dictionaries(NAMES, NUMBERS)), seconds) for mark in sorted(marks))
        key, space = TraceKey(trial, seed), {"space": "mlp"}
        made.append(Trace(key, space, {"lr": 0.1}, "é", 7, reports, failure, early))
    return made


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(traces())
def test_what_is_written_is_read(tmp_path: Path, made: list[Trace]) -> None:
    task = TaskTraces(
        "task", 4, tuple(made), protocol={"a": [1]}, libraries={"torch": "2"}, data_licence="MIT"
    )
    path = tmp_path / "task.parquet"
    write_traces(task, path)
    assert read_traces(path) == task
    assert [Trace.from_json(json.loads(json.dumps(trace.to_json()))) for trace in made] == made


def test_nan_and_infinity_survive_and_a_number_not_reported_stays_so(tmp_path: Path) -> None:
    reports = (Report(1, {"beta_eff": math.nan, "train_loss": math.inf}), Report(2, {"beta_eff": 1.0}))
    trace = Trace(TraceKey(0, 0), {"space": "mlp"}, {}, "net", 0, reports)
    write_traces(TaskTraces("t", 2, (trace,)), tmp_path / "t.parquet")
    first, second = read_traces(tmp_path / "t.parquet").traces[0].reports
    assert math.isnan(first.metrics["beta_eff"])
    assert first.metrics["train_loss"] == math.inf
    assert second.get("train_loss") is None


def test_anything_that_reads_parquet_gets_one_row_for_each_epoch(tmp_path: Path) -> None:
    failed = made_up(1, 0.25, failure="MemoryError: no room")
    write_traces(TaskTraces("t", 2, (made_up(0, 0.5, 0.75), failed)), tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet").to_pandas()
    assert table[["task", "space", "trial", "seed", "epoch"]].to_numpy().tolist() == [
        ["t", "mlp", 0, 0, 1],
        ["t", "mlp", 0, 0, 2],
        ["t", "mlp", 1, 0, 1],
        ["t", "mlp", 1, 0, 2],
    ]
    assert table["val_accuracy"].tolist()[:3] == [0.5, 0.75, 0.25]
    assert table["failure"].fillna("").tolist() == ["", "", "", "MemoryError: no room"]
    assert json.loads(table["architecture"][0]) == {"space": "mlp", "widths": [1]}


def _foreign(path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), path)


def _other_version(path: Path) -> None:
    write_traces(TaskTraces("t", 1, (made_up(0, 0.5),)), path)
    table = pq.read_table(path)
    head = json.loads(table.schema.metadata[METADATA]) | {"version": 9}
    pq.write_table(table.replace_schema_metadata({METADATA: json.dumps(head)}), path)


def _truncated(path: Path) -> None:
    write_traces(TaskTraces("t", 1, (made_up(0, 0.5),)), path)
    path.write_bytes(path.read_bytes()[:-100])


def _without_a_column(path: Path) -> None:
    write_traces(TaskTraces("t", 1, (made_up(0, 0.5),)), path)
    pq.write_table(pq.read_table(path).drop_columns(["architecture"]), path)


def _with_a_gap(path: Path) -> None:
    write_traces(TaskTraces("t", 3, (made_up(0, 0.5, 0.6, 0.7),)), path)
    table = pq.read_table(path)
    pq.write_table(table.take([0, 2]), path)


def _nothing(path: Path) -> None:
    pass


def _text(path: Path) -> None:
    path.write_text("trial,seed\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_nothing, r"No traces at .*t\.parquet; give a folder or file"),
        (_text, r"cannot be read as Parquet: .*Take another copy"),
        (_truncated, r"cannot be read as Parquet: .*Take another copy"),
        (_foreign, "holds no traces; give a file that 'neurocap record' wrote"),
        (_other_version, "has version 9 of the traces, this release reads 1"),
        (_without_a_column, r"is damaged: KeyError\('architecture'\)"),
        (_with_a_gap, r"epochs must run from 1 without a gap, received \[1, 3\]"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, spoil: Any, message: str) -> None:
    path = tmp_path / "t.parquet"
    spoil(path)
    with pytest.raises(UserError, match=message):
        read_traces(path)


def test_a_file_of_the_version_before_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    task = TaskTraces("t", 2, (Trace(TraceKey(0, 0), {}, {}, "net", 0, (Report(1, {"a": 1.0}),)),))
    write_traces(task, path)
    table = pq.read_table(path)
    head = json.loads(table.schema.metadata[METADATA]) | {"version": 1}
    whole = table.set_column(
        table.column_names.index("epoch"), "epoch", table["epoch"].cast(pa.int32())
    ).replace_schema_metadata({METADATA: json.dumps(head)})
    pq.write_table(whole, path)
    assert read_traces(path) == task
    assert type(read_traces(path).traces[0].reports[0].epoch) is int


@pytest.mark.parametrize("marks", [(0.5, 0.25), (1.0,), (0.0,), (0.5, 0.5)])
def test_early_reports_ascend_within_the_first_epoch(marks: tuple[float, ...]) -> None:
    early = tuple(Report(mark, {"train_loss": 1.0}) for mark in marks)
    with pytest.raises(ValueError, match="early reports must ascend between 0 and 1, received"):
        Trace(TraceKey(0, 0), {}, {}, "net", 0, (), early=early)


def test_what_counts_after_an_epoch_within_the_first_is_what_was_told_there() -> None:
    reports = (Report(1, {"a": 1.0}), Report(2, {"a": 2.0}))
    early = (Report(0.25, {"a": 0.25}), Report(0.5, {"a": 0.5}))
    trace = Trace(TraceKey(0, 0), {}, {}, "net", 0, reports, early=early)
    assert trace.seen_at(0.5) == early[1:]
    assert trace.seen_at(0.75) == ()
    assert trace.seen_at(1) == reports[:1]
    assert trace.seen_at(5) == reports
