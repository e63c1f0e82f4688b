"""The examples for other people's programs run, each as a program of its own."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT, environment


def run(script: str) -> str:
    command = [sys.executable, str(ROOT / "scripts" / script)]
    process = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout


def test_a_plain_optuna_study() -> None:
    said = run("own_optuna_study.py")
    pruned = int(re.search(r"(\d+) of 20 trials pruned", said)[1])
    assert 0 < pruned < 20
    assert said.count("the combination ranks it") == said.count("; it is pruned") == pruned
    assert re.search(
        r"^epoch 1, 20 trials: learning curve \d+%, size \d+%, beta_eff -?\d+%", said, re.MULTILINE
    )
    assert said.endswith("The combination decides.\n")


def test_a_loop_with_the_monitor() -> None:
    said = run("own_pytorch_loop.py")
    numbers = [float(value) for value in re.findall(r"beta_eff (-?[\d.]+),", said)]
    assert len(numbers) == 10
    assert len(set(numbers)) > 5
    assert "beta_eff is that of" in said


def test_lightning() -> None:
    pytest.importorskip("lightning")
    said = run("own_lightning.py")
    assert len(re.findall(r"^epoch \d+: val_accuracy .*beta_eff -?\d", said, re.MULTILINE)) == 10
    assert "beta_eff is that of" in said
