"""What the README shows is what runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from neurocap_search.config_reader import flat_keys, read_config
from tests.conftest import ROOT, FinishedSearch, environment

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run(code: str, folder: Path) -> str:
    """Run a block as a program of its own; Ray's workers must find what it defines."""
    path = folder / "block.py"
    path.write_text(code)
    process = subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        env=environment() | {"RAY_ADDRESS": "local"},  # not somebody else's that runs beside
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_plug_in_example_is_the_script_and_runs(tmp_path: Path) -> None:
    script = (ROOT / "scripts" / "own_tune_program.py").read_text(encoding="utf-8")
    (block,) = [block for block in BLOCKS if "Your own Ray Tune program" in block]
    assert block == script
    said = run(block, tmp_path)
    assert "NeuralCapacitanceScheduler: " in said
    assert " 0 errors" in said
    assert "the combination ranks it" in said


def test_the_search_from_python_runs(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "run_search" in block]
    assert "'val_accuracy': " in run(block, tmp_path)


@pytest.mark.parametrize("known_by", ["MlflowListeners", "CapacitanceMonitor"])
def test_the_parts_for_other_programs_are_as_shown(known_by: str, tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if known_by in block]
    run(block, tmp_path)


def test_the_measures_of_a_model_run(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "rolled_graph" in block]
    said = run(block, tmp_path)
    assert "from 38 pairs of layers" in said
    assert "neurons before layer1.0.conv1: (64, 16, 16)" in said
    assert "4813 channels, filters and units" in said


def test_the_mlflow_questions_are_answered(finished: FinishedSearch, tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "search_runs" in block]
    code = re.sub(r"sqlite:///[^\"]+", f"sqlite:///{finished.folder}/mlflow.db", block)
    assert code != block
    assert "final_val_accuracy" in run(code, tmp_path)


def test_every_key_of_the_table_exists() -> None:
    keys = re.findall(
        r"^\| `((?:scheduler|search|space|tracking|training)\.[a-z_.]+)` \|", README, re.MULTILINE
    )
    assert len(keys) >= 9
    known = flat_keys(read_config(ROOT / "configs" / "digits.yaml").model_dump())
    for key in keys:
        assert any(name == key or name.startswith(f"{key}.") for name in known), key


@pytest.mark.parametrize(
    "command", re.findall(r"^neurocap search (configs/\S+)(.*?)(?:#|$)", README, re.MULTILINE)
)
def test_every_command_shown_is_valid(command: tuple[str, str]) -> None:
    config, rest = command
    read_config(ROOT / config, [word for word in rest.split() if "=" in word])
