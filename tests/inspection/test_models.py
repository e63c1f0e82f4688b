"""Inspecting models of torchvision, and the words for wrong input."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision.models import get_model

from neurocap_search.network_science import node_strength
from tests.inspection.conftest import inspected
from tests.test_cli import invoke

SMALL = ["--model", "torchvision:squeezenet1_1", "--image-size", "64", "--batch", "2"]


def test_a_model_of_torchvision_has_random_weights_and_one_epoch(tmp_path: Path) -> None:
    found = inspected(*SMALL, "--seed", 3, "--output", tmp_path)
    assert "random weights, random images: nothing learned" in found.screen
    torch.manual_seed(3)
    network = get_model("squeezenet1_1", weights=None)
    strengths = node_strength(network, torch.zeros(1, 3, 64, 64)).strengths
    table = found.table()
    for layer, values in strengths.items():
        assert table[0, "fluctuation", layer] == pytest.approx(values.std())
    assert (0, "beta_eff", "") not in table
    whole = found.printed["epochs"][0]["network"]
    assert whole["beta_eff"] == pytest.approx(whole["numerator"] / whole["denominator"])


def test_the_same_seed_gives_the_same_table(tmp_path: Path) -> None:
    tables = [inspected(*SMALL, "--output", tmp_path / name).table() for name in ("a", "b")]
    assert tables[0] == tables[1]


def test_the_default_folder_of_a_model_bears_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = inspected(*SMALL)
    assert found.folder.name.startswith("inspect-squeezenet1_1-2")
    assert (tmp_path / found.folder / "measures.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            "Give a run directory, a checkpoint or --model torchvision:resnet18, one of them; received nei",
        ),
        (["a", "--model", "torchvision:resnet18"], "received a and --model torchvision:resnet18."),
        (["nowhere"], "nowhere does not exist. Give the run directory of a search"),
        (["configs"], "configs is neither a run directory (it has no config.yaml and journal.jsonl) nor a"),
        (["--model", "torchvision:resnet19"], "Did you mean torchvision:resnet1"),
        (
            ["--model", "torchvision:qqq"],
            "has no classification network 'qqq'. There are, for example, alexnet",
        ),
        (["--model", "resnet18"], "received 'resnet18'. Did you mean torchvision:resnet18?"),
        (["--model", "timm:x"], "--model reads torchvision:NAME, received 'timm:x'."),
        (
            ["--model", "torchvision:resnet18", "--trial", "1"],
            "--trial goes with a run directory; leave it out.",
        ),
        (["--model", "torchvision:vit_b_16", "--image-size", "32"], "vit_b_16 takes no images of 32 × 32"),
        ([*SMALL[:2], "--image-size", "1"], "squeezenet1_1 takes no images of 1 × 1 pixels"),
    ],
)
def test_wrong_input_gives_exit_code_2_and_leaves_nothing(arguments: list[str], message: str) -> None:
    code, out, err = invoke("inspect", *arguments)
    assert code == 2
    assert out == "" or out.startswith(arguments[1].removeprefix("torchvision:"))
    assert message in err.replace("\n", " ")
    assert "Traceback" not in err
    assert not list(Path().glob("inspect-*"))


def test_help_shows_examples_and_waits_for_no_torch() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from neurocap_search.cli import app;"
        "result = CliRunner().invoke(app, ['inspect', '--help']);"
        "assert 'neurocap inspect --model torchvision:resnet18' in result.stdout;"
        "sys.exit(bool({'torch', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
