"""The command line: help, configuration on the screen, exit codes."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from neurocap_search.cli import app
from tests.conftest import ROOT, environment, run_cli

DIGITS = str(Path(__file__).parent.parent / "configs" / "digits.yaml")


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_print_config_shows_the_overridden_configuration() -> None:
    code, out, _ = invoke("search", DIGITS, "search.num_trials=50", "--seed", "7", "--print-config")
    values = yaml.safe_load(out)
    assert (code, values["search"]["num_trials"], values["seed"]) == (0, 50, 7)


def test_help_shows_examples() -> None:
    code, out, _ = invoke("search", "--help")
    assert code == 0
    assert "neurocap search configs/digits.yaml search.num_trials=50" in out


def test_the_version_is_that_of_the_package() -> None:
    assert invoke("--version") == (0, f"neurocap-search {version('neurocap-search')}\n", "")


def test_the_module_is_the_command() -> None:
    assert "beta_eff" in run_cli("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "A configuration is missing. Try: neurocap search configs/digits.yaml"),
        (["nowhere.yaml"], "No configuration file at nowhere.yaml."),
        ([DIGITS, "search.num_trals=3"], "Did you mean search.num_trials?"),
        ([DIGITS, "search.num_trials=three"], "received 'three'"),
        ([DIGITS, "space.name=mpl"], "Did you mean mlp?"),
        (
            [DIGITS, "scheduler.grace_period=4", "training.epochs=2"],
            "scheduler.grace_period: 4 exceeds training.epochs = 2",
        ),
        ([DIGITS, "nonsense"], "An override reads key.path=value, received 'nonsense'."),
        (["--resume", "nowhere"], "nowhere is no run directory: it has no config.yaml."),
        (
            ["a.yaml", "b=1", "--resume", "x"],
            "--resume takes its configuration from x; leave out a.yaml, b=1.",
        ),
        ([DIGITS, "--seed", "-1"], "seed: Input should be greater than or equal to 0, received -1"),
    ],
)
def test_wrong_input_gives_exit_code_2_and_one_message(arguments: list[str], message: str) -> None:
    code, out, err = invoke("search", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data={source: npz, train_files: [a.npz], test_files: [b.npz]}"], "a.npz cannot be read as npz"),
        (["data={source: torchvision, name: FashionMnist}"], "Did you mean FashionMNIST?"),
        (["data={source: torchvision, name: MNIST, root: nowhere}"], "data: MNIST was not found in "),
        (
            ["data.train_size=5000"],
            "5000 training and 287 validation images were asked for, but there are 1437",
        ),
        (
            ["search.points_to_evaluate=[{depth: 1}]"],
            "points_to_evaluate.0: the parameter 'width_1' is missing",
        ),
    ],
)
def test_unusable_data_and_points_leave_nothing_behind(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    code, _, err = invoke("search", DIGITS, *overrides, f"output.dir={tmp_path}")
    assert code == 2
    assert message in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tracking.uri=http://127.0.0.1:9", "MLflow cannot use http://127.0.0.1:9"),
        ("resources.gpus_per_trial=64", "a trial asks for 1 CPUs and 64 GPUs, but the largest node has"),
        pytest.param(
            "tracking.uri=postgresql://127.0.0.1:9/x",
            "MLflow cannot use postgresql://127.0.0.1:9/x",
            marks=pytest.mark.slow,
        ),
        ("resources.address=ray://127.0.0.1:9", "is a Ray Client address"),
        ("resources.address=127.0.0.1:9", "no Ray cluster answers at '127.0.0.1:9'"),
    ],
)
def test_unusable_servers_leave_nothing_behind(tmp_path: Path, override: str, message: str) -> None:
    process = run_cli("search", DIGITS, override, f"output.dir={tmp_path}")
    assert process.returncode == 2, process.stderr
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    process = run_cli("search", DIGITS, f"output.dir={tmp_path / 'file'}")
    assert process.returncode == 2
    assert "cannot be written" in process.stderr
    assert "Choose another output.dir." in process.stderr


def test_resuming_without_a_journal_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(Path(DIGITS).read_text())
    code, _, err = invoke("search", "--resume", str(tmp_path))
    assert code == 2
    assert "No journal at" in err
    assert (tmp_path / "config.yaml").exists()


def test_torch_and_torchvision_that_do_not_fit_are_explained(tmp_path: Path) -> None:
    # A stand-in that fails as torchvision's wheel does beside a CPU-only build of torch.
    broken = tmp_path / "torchvision"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    command = [sys.executable, "-m", "neurocap_search", "search", DIGITS, f"output.dir={tmp_path / 'runs'}"]
    path = {"PYTHONPATH": str(tmp_path)}
    process = subprocess.run(
        command, cwd=ROOT, env=environment() | path, capture_output=True, text=True, timeout=120, check=False
    )
    assert process.returncode == 2
    assert "cannot be used together (operator torchvision::nms does not exist)" in process.stderr
    assert "pip install --upgrade --force-reinstall 'torch!=2.13.0' torchvision" in process.stderr
    assert "Traceback" not in process.stderr
