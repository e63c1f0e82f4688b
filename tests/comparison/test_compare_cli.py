"""``neurocap replay`` and ``neurocap compare`` as a user types them."""

import html
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from neurocap_search.cli import app
from neurocap_search.comparison.results_file import read_results
from neurocap_search.traces.schema import TaskTraces
from tests.comparison.banks import random_task, without, write_bank
from tests.conftest import ROOT, environment
from tests.traces.conftest import made_up

SMALL = ["--trials", "8", "--workers", "1,4", "--seeds", "2", "--processes", "1"]


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("bank"), random_task("a", 16), random_task("b", 16, seed=1))


@pytest.fixture(scope="module")
def replayed(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A replay that several tests look at: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("replayed") / "out"
    arguments = ["replay", str(bank), "--policies", "beta_eff,median", *SMALL, "--output", str(folder)]
    code, out, _ = invoke(*arguments)
    assert code == 0
    return folder, out


def test_a_replay_ends_with_the_sentence_and_leaves_report_tables_and_results(replayed) -> None:
    folder, out = replayed
    *_, last = out.strip().splitlines()
    assert "beta_eff" in last
    assert "asha" in last
    assert last in html.unescape((folder / "report.html").read_text())
    assert {"rules.csv", "against.csv"} <= {path.name for path in (folder / "tables").iterdir()}
    assert list((folder / "figures").glob("*.png"))
    assert yaml.safe_load((folder / "config.yaml").read_text())["replay"]["workers"] == [1, 4]


def test_the_table_on_the_screen_has_every_rule(replayed) -> None:
    folder, out = replayed
    rules = read_results(folder).rules
    assert rules[:3] == ["beta_eff", "median", "asha"]  # the rival is always there
    assert {"full", "oracle", "i_epoch:1", "i_epoch:8"} <= set(rules)
    assert all(f"\n{rule} " in out for rule in rules)


def test_the_json_holds_the_numbers_of_the_table(bank: Path, tmp_path: Path) -> None:
    arguments = ["replay", str(bank), "--policies", "asha,median", "--task", "b", *SMALL, "--json"]
    code, out, err = invoke(*arguments, "--output", str(tmp_path))
    said = json.loads(out)
    costs = {row["rule"]: row for row in said["rules"]}
    assert (code, said["candidate"], said["rival"]) == (0, "median", "asha")
    assert (costs["full"]["epoch_share"]["value"], costs["full"]["regret"]["value"]) == (1.0, 0.0)
    assert costs["i_epoch:3"]["epoch_share"]["value"] == pytest.approx((8 * 3 + 3 * 6) / (8 * 9))
    assert {run.unit.task for run in read_results(tmp_path).runs} == {"b"}
    assert "Replays" in err


def test_a_plan_is_shown_before_anything_is_replayed(bank: Path) -> None:
    code, out, err = invoke("replay", str(bank), *SMALL, "--policies", "asha,median", "--dry-run", "--json")
    plan = json.loads(out)
    assert (code, plan["pools"], plan["seeds"], plan["workers"]) == (0, 4, 2, [1, 4])
    assert plan["replays"] == len(plan["rules"]) * 4 * 2 * 2
    assert "Pools           4 of 8 architectures, none in two of them" in err


def test_rules_that_cannot_run_are_left_out_with_a_word(tmp_path: Path) -> None:
    write_bank(tmp_path, without(random_task("curves", 16), "beta_eff"))
    code, out, _ = invoke("replay", str(tmp_path), *SMALL, "--candidate", "median", "--dry-run")
    assert code == 0
    assert "Left out        beta_eff: task 'curves': it looks at beta_eff, which nobody reported there" in out


BAD_OPTIONS = {
    "policy": (["--policies", "ashaa"], "Unknown rule 'ashaa'. Did you mean asha?"),
    "rival-only": (["--policies", "asha"], "--policies names only the rival, 'asha'. Name a rule to judge"),
    "workers": (["--workers", "1,x"], "replay.workers.1: Input should be a valid integer"),
    "no-workers": (["--workers", "0"], "replay.workers.0: Input should be greater than or equal to 1"),
    "seeds": (["--seeds", "0"], "seeds: Input should be greater than or equal to 1, received 0"),
    "one-trial": (["--trials", "1"], "replay.trials: Input should be greater than or equal to 2, received 1"),
    "pool": (["--trials", "99"], "task 'a' has 16 architectures, fewer than one pool of 99. Ask for fewer"),
    "task": (["--task", "c"], "There is no task 'c' in the bank. It has a, b."),
    "candidate": (["--candidate", "i_epoch:99"], "The candidate 'i_epoch:99' cannot be judged here"),
    "module": (["--policies", "no.such:rule"], "cannot be imported"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_give_exit_code_2_and_a_message(case: str, bank: Path, tmp_path: Path) -> None:
    options, message = BAD_OPTIONS[case]
    code, out, err = invoke("replay", str(bank), *SMALL, *options, "--output", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert message in err
    assert not (tmp_path / "out").exists()


def corrupted(folder: Path) -> None:
    (folder / "t.parquet").write_bytes(b"PAR1 this is none PAR1")


def truncated(folder: Path) -> None:
    write_bank(folder, random_task(trials=8))
    path = folder / "t.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(folder: Path) -> None:
    pq.write_table(pa.table({"x": [1, 2]}), folder / "t.parquet")


def empty(folder: Path) -> None:
    write_bank(folder, TaskTraces("t", 3, ()))


def nothing(folder: Path) -> None:
    (folder / "notes.txt").write_text("words")


def one_trial(folder: Path) -> None:
    write_bank(folder, TaskTraces("t", 2, (made_up(0, 0.1, 0.2),)))


def two_metrics(folder: Path) -> None:
    write_bank(folder, random_task("t", 8))
    (folder / "lstm.csv").write_text("n,ep_0,ep_1\n" + "".join(f"{k},300,{90 + k}\n" for k in range(8)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (corrupted, "t.parquet cannot be read as Parquet"),
        (truncated, "t.parquet cannot be read as Parquet"),
        (foreign, "t.parquet holds no traces; give a file that 'neurocap record' wrote"),
        (empty, "t.parquet holds no trainings. Record some with 'neurocap record'."),
        (nothing, "it has neither .parquet files nor tables of curves"),
        (one_trial, "task 't' has 1 architectures, fewer than one pool of 8"),
        (
            two_metrics,
            "The tasks have several metrics, whose regrets have no common mean: lstm (val_p",
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_bank_that_cannot_be_used_gives_exit_code_2(make, message: str, tmp_path: Path) -> None:
    make(tmp_path)
    for command in (["replay", str(tmp_path), *SMALL], compare_of(tmp_path)):
        code, out, err = invoke(*command)
        assert (code, out) == (2, "")
        assert err.startswith("Error: ")
        assert message in err
    assert not (tmp_path / "runs").exists()


def compare_of(bank: Path) -> list[str]:
    config = str(ROOT / "configs" / "compare_replayed.yaml")
    return ["compare", config, f"replay.bank={bank}", "replay.trials=8", f"output.dir={bank / 'runs'}"]


def test_a_comparison_shows_its_configuration_and_its_plan(bank: Path) -> None:
    code, out, _ = invoke(*compare_of(bank), "seeds=3", "--print-config")
    assert (code, yaml.safe_load(out)["seeds"]) == (0, 3)
    code, out, _ = invoke(*compare_of(bank), "seeds=3", "replay.rules=[asha,beta_eff]", "--dry-run", "--json")
    assert (code, json.loads(out)["replays"]) == (0, 9 * 4 * 3 * 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "A configuration is missing. Try: neurocap compare configs/compare_replayed.yaml"),
        (["nowhere.yaml"], "No configuration file at nowhere.yaml."),
        (["--resume", "nowhere"], "nowhere is no folder of a comparison: it has no config.yaml."),
        (
            ["a.yaml", "b=1", "--resume", "x"],
            "--resume takes its configuration from x; leave out a.yaml, b=1",
        ),
        (["configs/compare_replayed.yaml", "replay.trails=3"], "Did you mean replay.trials?"),
        (["configs/compare_replayed.yaml", "candidate=ashaa"], "candidate: 'ashaa' is none of the rules"),
        (
            ["configs/compare_replayed.yaml", "tracking.uri=http://me:pw@host"],
            "uri holds a name, password or token",
        ),
    ],
)
def test_a_comparison_that_cannot_be_read_gives_exit_code_2(arguments: list[str], message: str) -> None:
    code, out, err = invoke("compare", *(str(ROOT / a) if a.startswith("configs/") else a for a in arguments))
    assert (code, out) == (2, "")
    assert message in err


@pytest.fixture
def long_replay(bank: Path, tmp_path: Path, interruptible: None) -> Iterator["subprocess.Popen[str]"]:
    """A replay of an hour, in a group of processes of its own."""
    command = [sys.executable, "-m", "neurocap_search", "replay", str(bank), "--policies", "beta_eff"]
    command += ["--trials", "8", "--seeds", "30000", "--processes", "2", "--output", str(tmp_path / "out")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        start_new_session=True,
    )  # fmt: skip
    with process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_ctrl_c_ends_all_processes(long_replay: "subprocess.Popen[str]", tmp_path: Path) -> None:
    assert long_replay.stdout is not None
    while not long_replay.stdout.readline().startswith("Replays"):
        assert long_replay.poll() is None
    time.sleep(2)  # now or while the processes start: both must do
    os.killpg(long_replay.pid, signal.SIGINT)  # as a terminal does
    out, err = long_replay.communicate(timeout=120)
    assert (long_replay.returncode, "Traceback" in out + err) == (130, False)
    assert err.endswith("Interrupted.\n")
    assert not (tmp_path / "out").exists()
    assert ends(long_replay.pid)


def ends(group: int) -> bool:
    """Whether nothing is left of a group of processes; multiprocessing's own helper ends after its parent."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
