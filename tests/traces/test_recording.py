"""Recording with a real Ray: the traces are what a training gives, and nothing finished is lost."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from neurocap_search.errors import UserError
from neurocap_search.traces.bank import load_bank
from neurocap_search.traces.population import draw_population, planned, planned_best
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recorder import head_of, make_task
from neurocap_search.traces.recording_file import RecordingFile
from neurocap_search.traces.schema import read_traces, write_traces
from neurocap_search.traces.trace import TraceKey
from neurocap_search.traces.training_run import record_trace
from search_spaces import MlpSpace
from tests.conftest import ROOT, environment, run_cli
from tests.traces.conftest import made_up

TINY = {
    "name": "tiny",
    "space": {"name": "mlp"},
    "training": {"epochs": 2},
    "population": {"architectures": 3, "repeated": 1, "seeds": 2},
    "resources": {"num_cpus": 1},
}


def config(**changes: object) -> RecordConfig:
    return RecordConfig.model_validate(TINY | changes)


@pytest.fixture
def yaml_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


def test_a_recording_interrupted_and_begun_again_equals_direct_trainings(
    yaml_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "traces"
    first = run_cli("record", str(yaml_file), "--output", str(out), "population.architectures=2", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["traces"] == 3
    second = run_cli("record", str(yaml_file), "--output", str(out), "population.repeated_best=1")
    assert second.returncode == 0, second.stderr
    assert "trial 2, seed 0" in second.stdout
    assert "1/4" not in second.stdout  # nothing is trained twice
    task = load_bank(out)["tiny"]
    keys = [trace.key for trace in task.traces]
    best = max((trace for trace in task.traces if trace.key.seed == 0), key=lambda t: t.last("val_accuracy"))
    assert keys == sorted({(0, 0), (0, 1), (1, 0), (2, 0), (best.key.trial, 1)})
    own = make_task(config())
    for trace in task.traces:
        candidate = draw_population(MlpSpace(), 3, 0)[trace.key.trial]
        again = record_trace(own, trace.key, candidate)
        assert (again.architecture, again.multiply_adds) == (trace.architecture, trace.multiply_adds)
        for one, other in zip(again.reports, trace.reports, strict=True):
            timed = {"measure_seconds", "cpu_seconds"}
            assert {k: v for k, v in one.metrics.items() if k not in timed} == pytest.approx(
                {k: v for k, v in other.metrics.items() if k not in timed}, nan_ok=True, rel=1e-4
            )
    assert "test_accuracy" in task.traces[0].reports[-1].metrics
    assert "test_accuracy" not in task.traces[0].reports[0].metrics
    readme = (out / "README.md").read_text()
    assert f"| tiny | 3 | {len(keys)} | 2 | 0 | not stated |" in readme
    assert str(tmp_path) not in readme + json.dumps(task.head())


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_keeps_what_is_finished(yaml_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "traces"
    command = [sys.executable, "-m", "neurocap_search", "record", str(yaml_file), "--output", str(out)]
    process = subprocess.Popen(
        [*command, "population.architectures=200"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    until = time.monotonic() + 120
    while not (out / "tiny.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "The same command goes on with what is missing." in said
    assert 1 <= len(read_traces(out / "tiny.parquet").traces) < 200
    assert not (out / "tiny.jsonl").exists()


def test_a_failing_training_is_a_result() -> None:
    task = make_task(config(training={"epochs": 3, "learning_rate": 1e30}))
    trace = record_trace(task, TraceKey(0, 0), draw_population(MlpSpace(), 1, 0)[0])
    assert trace.failure is not None
    assert trace.failure.startswith("DivergedError: The training loss is")
    assert len(trace.reports) < 3


def test_a_crash_loses_at_most_the_line_that_was_being_written(tmp_path: Path) -> None:
    head = head_of(config())
    recording = RecordingFile(tmp_path, head)
    recording.append(made_up(0, 0.25, 0.5))
    recording.append(made_up(1, 0.25, 0.5))
    lines = tmp_path / "tiny.jsonl"
    lines.write_text(lines.read_text()[:-20])
    again = RecordingFile(tmp_path, head)
    assert list(again.traces) == [(0, 0)]
    again.append(made_up(2, 0.25, 0.75))
    assert [trace.key for trace in RecordingFile(tmp_path, head).close().traces] == [(0, 0), (2, 0)]
    assert [trace.key for trace in read_traces(tmp_path / "tiny.parquet").traces] == [(0, 0), (2, 0)]


def test_a_head_that_was_cut_off_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "tiny.jsonl").write_text('{"version": 1, "ta')
    recording = RecordingFile(tmp_path, head_of(config()))
    recording.append(made_up(0, 0.5, 0.5))
    assert len(RecordingFile(tmp_path, head_of(config())).traces) == 1


def test_traces_made_otherwise_are_not_mixed(tmp_path: Path) -> None:
    recording = RecordingFile(tmp_path, head_of(config()))
    recording.append(made_up(0, 0.5, 0.5))
    with pytest.raises(
        UserError, match=r"another protocol: training: batch_size: 64 there, 32 here\. Give the rec"
    ):
        RecordingFile(tmp_path, head_of(config(training={"epochs": 2, "batch_size": 32})))
    recording.close()
    with pytest.raises(UserError, match="another epochs: 2 there, 5 here"):
        RecordingFile(tmp_path, head_of(config(training={"epochs": 5})))


def test_more_architectures_and_seeds_are_the_same_recording(tmp_path: Path) -> None:
    recording = RecordingFile(tmp_path, head_of(config()))
    recording.append(made_up(0, 0.5, 0.5))
    recording.close()
    more = config(population={"architectures": 9, "repeated": 4, "seeds": 5})
    assert len(RecordingFile(tmp_path, head_of(more)).traces) == 1


def test_damaged_lines_are_named(tmp_path: Path) -> None:
    recording = RecordingFile(tmp_path, head_of(config()))
    recording.append(made_up(0, 0.5, 0.5))
    with recording._lines.open("a") as file:
        file.write("{}\n")
    with pytest.raises(UserError, match=r"tiny\.jsonl is damaged: KeyError\('trial'\)\. Move it away"):
        RecordingFile(tmp_path, head_of(config()))


def test_a_recording_cut_off_before_its_first_training_leaves_no_file(tmp_path: Path) -> None:
    assert RecordingFile(tmp_path, head_of(config())).close().traces == ()
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_parquet_file_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tiny.parquet").write_text("precious")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        RecordingFile(tmp_path, head_of(config()))
    assert (tmp_path / "tiny.parquet").read_text() == "precious"


def test_every_architecture_is_trained_once_before_any_is_repeated() -> None:
    keys = planned(config(population={"architectures": 4, "repeated": 2, "seeds": 3}, seed=7))
    assert keys[:4] == [(0, 7), (1, 7), (2, 7), (3, 7)]
    assert sorted(keys[4:]) == [(0, 8), (0, 9), (1, 8), (1, 9)]


def test_the_best_are_trained_again_once_every_architecture_was_trained() -> None:
    wanted = config(population={"architectures": 4, "repeated": 1, "repeated_best": 2, "seeds": 2}, seed=0)
    traces = {TraceKey(k, 0): made_up(k, 0.9 - final, final) for k, final in enumerate((0.6, 0.5, 0.7))}
    assert planned_best(wanted, traces, "val_accuracy") == []
    traces[TraceKey(3, 0)] = made_up(3, 0.9, failure="out of memory")
    assert planned_best(wanted, traces, "val_accuracy") == [(2, 1), (0, 1)]


def test_a_population_has_no_architecture_twice_and_a_small_space_says_so() -> None:
    space = MlpSpace(
        depth={"low": 1, "high": 1},
        widths=(8,),
        normalisations=("none",),
        dropout={"low": 0, "high": 0, "step": 0.1},
    )
    four = draw_population(space, 4, seed=0)
    assert len({str(candidate) for candidate in four}) == 4
    with pytest.raises(
        UserError, match="gave 4 different architectures, and 1000 further draws none, received 5"
    ):
        draw_population(space, 5, seed=0)


def test_the_dry_run_trains_nothing_for_the_record(yaml_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "traces"
    done = run_cli("record", str(yaml_file), "--output", str(out), "--dry-run", "--json")
    size = json.loads(done.stdout)
    assert (size["architectures"], size["trainings"], size["recorded"], size["epochs"]) == (3, 4, 0, 8)
    assert size["seconds"] > 0
    assert not math.isnan(size["bytes"])
    assert not out.exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("population.repeated=9", "population: repeated: 9 exceeds architectures = 3; lower the one"),
        ("populaton.seeds=2", "populaton: unknown key, received {'seeds': 2}. Did you mean population?"),
        ("data.source=npz", "data: source npz needs data.train_files"),
    ],
)
def test_wrong_input_gives_exit_code_2(yaml_file: Path, override: str, message: str) -> None:
    done = run_cli("record", str(yaml_file), override)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert message in done.stderr


def test_two_processes_do_not_record_the_same_task(yaml_file: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / ".tiny.lock"):
        done = run_cli("record", str(yaml_file), "--output", str(tmp_path))
    assert done.returncode == 2
    assert "Another process is recording tiny" in done.stderr


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "configs" / "bank").glob("*.yaml")))
def test_the_configurations_of_the_bank_can_be_read(name: str) -> None:
    from neurocap_search.config_reader import read_as

    settings = read_as(RecordConfig, ROOT / "configs" / "bank" / name)
    assert settings.name == name.removesuffix(".yaml")
    assert settings.population.architectures >= 200  # two pools of 100
    assert os.sep not in json.dumps(settings.protocol())


def test_write_leaves_the_old_file_if_it_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    from neurocap_search.traces.schema import TaskTraces

    task = TaskTraces("t", 1, (made_up(0, 0.5),))
    write_traces(task, tmp_path / "t.parquet")

    def fail(*arguments: object, **options: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(OSError, match="disk full"):
        write_traces(TaskTraces("t", 1, (made_up(1, 0.75),)), tmp_path / "t.parquet")
    assert read_traces(tmp_path / "t.parquet") == task
