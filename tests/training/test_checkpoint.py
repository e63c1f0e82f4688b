"""A training on disk: taken up as if nothing had happened, and never trusted."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from neurocap_search.config import DataConfig, TrainingConfig
from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.training import ImageData, Training, load_images
from neurocap_search.training.checkpoint import TRAINING_FILE
from neurocap_search.training.weights import WEIGHTS_FILE
from search_spaces import CellSpace, MlpSpace

MLP: dict[str, Any] = {"space": "mlp", "widths": [16, 8], "activation": "gelu", "normalisation": "batch"}
MLP |= {"dropout": 0.3}
CELL: dict[str, Any] = {
    "space": "cell",
    "cell": "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|+|nor_conv_1x1~0|none~1|skip_connect~2|",
}
OPTIONS = [
    {"optimizer": "sgd", "schedule": "cosine", "learning_rate": 0.05},
    {"optimizer": "adamw", "schedule": "cosine", "learning_rate": 0.005},
    {"optimizer": "adamw", "schedule": "constant", "learning_rate": 0.005},
]


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load_images(DataConfig(train_size=120, validation_size=60, test_size=10))


def begin(data: ImageData, space: str = "mlp", **changes: Any) -> tuple[nn.Module, Training]:
    chosen = {"epochs": 4, "batch_size": 32, "probe_samples": 32} | changes
    if space == "mlp":
        model = MlpSpace().build(MLP, data.input_shape, data.num_classes, seed=1)
    else:
        model = CellSpace(channels=4, cells_per_stage=1).build(
            CELL, data.input_shape, data.num_classes, seed=1
        )
    return model, Training(model, data, TrainingConfig(**chosen), seed=5)


def numbers(report: Report) -> tuple[int, str]:
    """All numbers of a report but its times; as text, so that NaN equals NaN."""
    return report.epoch, repr({k: v for k, v in report.metrics.items() if k != "measure_seconds"})


@pytest.mark.parametrize("space", ["mlp", "cell"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda chosen: f"{chosen['optimizer']}-{chosen['schedule']}")
def test_a_training_taken_up_goes_on_bit_for_bit(data: ImageData, tmp_path: Path, space, options) -> None:
    model, undisturbed = begin(data, space, **options)
    expected = []
    for report in undisturbed.reports():
        expected.append(numbers(report))
        folder = tmp_path / str(report.epoch)
        folder.mkdir()
        undisturbed.save(folder)
    for epoch in (1, 3, 4):
        again, training = begin(data, space, **options)
        training.load(tmp_path / str(epoch))
        assert training.epoch == epoch
        torch.rand(1)  # what the global generator did meanwhile does not matter
        assert [numbers(report) for report in training.reports()] == expected[epoch:]
        assert all(torch.equal(again.state_dict()[k], v) for k, v in model.state_dict().items())


@pytest.fixture
def saved(data: ImageData, tmp_path: Path) -> Path:
    _, training = begin(data, epochs=1)
    list(training.reports())
    training.save(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (TRAINING_FILE, "No training to go on with at .*; give the folder of a checkpoint"),
        (WEIGHTS_FILE, "No weights at"),
    ],
)
def test_a_missing_file_is_named(data: ImageData, saved: Path, file: str, message: str) -> None:
    (saved / file).unlink()
    with pytest.raises(UserError, match=message):
        begin(data)[1].load(saved)


@pytest.mark.parametrize("file", [TRAINING_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_cut_short_is_called_damaged(data: ImageData, saved: Path, file: str, share: float) -> None:
    whole = (saved / file).read_bytes()
    (saved / file).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=rf"{file} is damaged: .* Take another checkpoint\."):
        begin(data)[1].load(saved)


def test_a_file_of_something_else_is_called_damaged(data: ImageData, saved: Path) -> None:
    (saved / TRAINING_FILE).write_text("no training")
    with pytest.raises(UserError, match=r"training\.pt is damaged: .* Take another checkpoint\."):
        begin(data)[1].load(saved)


@pytest.mark.parametrize("content", [[1, 2], {"version": 1}, {"epoch": 1}, torch.zeros(2)])
def test_a_tensor_file_of_another_kind_is_refused(data: ImageData, saved: Path, content: Any) -> None:
    torch.save(content, saved / TRAINING_FILE)
    with pytest.raises(UserError, match=r"training\.pt (is damaged|has version|belongs to another training)"):
        begin(data)[1].load(saved)


def test_another_version_is_named(data: ImageData, saved: Path) -> None:
    state = torch.load(saved / TRAINING_FILE, weights_only=True)
    torch.save(state | {"version": 9}, saved / TRAINING_FILE)
    with pytest.raises(UserError, match=r"training\.pt has version 9, this release reads 1\."):
        begin(data)[1].load(saved)


def test_the_weights_of_another_architecture_are_refused(data: ImageData, saved: Path) -> None:
    with pytest.raises(UserError, match="belongs to another architecture"):
        begin(data, "cell")[1].load(saved)


def test_the_optimiser_of_another_training_is_refused(data: ImageData, saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    _, training = begin(data, "cell", epochs=1)
    list(training.reports())
    training.save(other)
    shutil.copy(other / TRAINING_FILE, saved / TRAINING_FILE)
    with pytest.raises(UserError, match=r"training\.pt belongs to another training: "):
        begin(data)[1].load(saved)


class Malice:
    """Unpickled, it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_a_checkpoint_that_would_run_a_command_is_refused(
    data: ImageData, saved: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    torch.save({"version": 1, "epoch": Malice(f"touch {made}")}, saved / TRAINING_FILE)
    with pytest.raises(UserError, match=r"training\.pt is damaged"):
        begin(data)[1].load(saved)
    assert not made.exists()
    torch.load(saved / TRAINING_FILE, weights_only=False)  # the trap itself does work
    assert made.exists()


def test_a_checkpoint_holds_no_more_than_tensors_and_plain_values(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == {TRAINING_FILE, WEIGHTS_FILE}
    state = torch.load(saved / TRAINING_FILE, weights_only=True)
    assert set(state) == {"version", "epoch", "optimizer", "schedule"}
