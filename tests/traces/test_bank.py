"""Banks of traces, and the pools cut from them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocap_search.errors import UserError
from neurocap_search.traces.bank import disjoint_pools, first_seeds, load_bank
from neurocap_search.traces.curves import read_curves
from neurocap_search.traces.schema import TaskTraces, write_traces
from tests.conftest import SHARED
from tests.traces.conftest import made_up


def task(architectures: int, name: str = "t") -> TaskTraces:
    return TaskTraces(name, 1, tuple(made_up(k, 0.5, seed=s) for k in range(architectures) for s in range(2)))


def test_a_bank_is_all_files_of_a_folder_by_task(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_traces(task(1, name), tmp_path / f"{name}.parquet")
    (tmp_path / "mine.csv").write_text("lr,acc_1\n0.1,0.5\n")
    (tmp_path / "README.md").write_text("words")
    assert list(load_bank(tmp_path)) == ["a", "b", "mine"]
    assert list(load_bank(tmp_path / "a.parquet")) == ["a"]


def test_a_bank_without_traces_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"it has neither \.parquet files nor tables of curves\. Give a folder"
    ):
        load_bank(tmp_path)
    write_traces(task(0), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"t\.parquet holds no trainings\. Record some"):
        load_bank(tmp_path)


def test_a_bank_that_is_not_there_has_a_near_name(tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    with pytest.raises(UserError, match="Did you mean traces"):
        load_bank(tmp_path / "tarces")


def test_a_task_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_traces(task(1), tmp_path / f"{name}.parquet")
    with pytest.raises(UserError, match="several files hold the task 't'"):
        load_bank(tmp_path)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_pools_share_no_architecture_and_there_are_as_many_as_fit(n: int, size: int, seed: int) -> None:
    if n < size:
        with pytest.raises(UserError, match=f"'t' has {n} architectures, fewer than one pool of {size}"):
            disjoint_pools(task(n), size, seed)
        return
    pools = disjoint_pools(task(n), size, seed)
    trials = [trace.key.trial for pool in pools for trace in pool]
    assert len(pools) == n // size
    assert all(len(pool) == size for pool in pools)
    assert len(set(trials)) == len(trials)
    assert pools == disjoint_pools(task(n), size, seed)


def test_another_seed_cuts_otherwise() -> None:
    assert disjoint_pools(task(40), 20, 0) != disjoint_pools(task(40), 20, 1)


def test_each_architecture_counts_once_with_its_first_seed() -> None:
    assert [trace.key for trace in first_seeds(task(3))] == [(0, 0), (1, 0), (2, 0)]


CURVES = "num_params,net,acc_0,acc_1,acc_2\n8,A,0.1,0.2,0.3\n8,A,0.1,0.2,0.3\n4,B,0.1,,\n2,C,0.1,0.1,0.0\n"


def test_tables_without_curves_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("lr,acc_1,acc_2\n0.1,0.5,0.75\n")
    (tmp_path / "notes.csv").write_text("net,energy\na,3\n")
    assert list(load_bank(tmp_path)) == ["c"]
    (tmp_path / "d.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"d\.csv cannot be read as a table of curves"):
        load_bank(tmp_path)


def test_a_table_of_curves_becomes_traces_without_duplicates_and_with_failures(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(CURVES)
    read = read_curves(tmp_path / "c.csv")
    good, gap, zero = read.traces
    assert (read.task, read.epochs, read.metric, read.mode) == ("c", 3, "val_accuracy", "max")
    assert [report.epoch for report in good.reports] == [1, 2, 3]
    assert good.reports[2].metrics == {"val_accuracy": 0.3, "parameters": 8.0}
    assert (good.description, good.architecture["net"]) == ("A", "A")
    assert (len(gap.reports), gap.failure) == (1, "the curve ends early")
    assert (len(zero.reports), zero.failure) == (2, "the accuracy ends at 0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr,loss\n1,2\n", "holds no learning curves"),
        ("acc_1,ep_1\n1,2\n", "no learning curves"),
        ("", "cannot be read"),
    ],
)
def test_a_table_without_curves_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_curves(tmp_path / "c.csv")


def test_perplexity_is_to_be_small(tmp_path: Path) -> None:
    (tmp_path / "lstm.csv").write_text("n,ep_0,ep_1\n2,300,90\n")
    read = read_curves(tmp_path / "lstm.csv")
    assert (read.metric, read.mode, read.traces[0].last("val_perplexity")) == ("val_perplexity", "min", 90)


@pytest.mark.skipif(not (SHARED / "curves").is_dir(), reason="the public curves are not here")
def test_the_published_rank_correlation_of_early_accuracies_comes_out() -> None:
    from scipy.stats import spearmanr

    read = read_curves(SHARED / "curves" / "baker2017_metaqnn_cifar10.csv.gz")
    values = np.array([[r.metrics["val_accuracy"] for r in trace.reports] for trace in read.traces])
    assert values.shape == (1000, 20)
    assert spearmanr(values[:, 2], values[:, -1]).statistic == pytest.approx(0.914, abs=1e-3)
