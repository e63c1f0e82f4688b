"""From what the user gave to what is inspected."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurocap_search.errors import UserError
from neurocap_search.inspection.checkpoint import Checkpoint
from neurocap_search.inspection.run_directory import RunDirectory
from neurocap_search.inspection.subject import Subject
from neurocap_search.inspection.torchvision_model import ModelOptions, TorchvisionModel
from neurocap_search.inspection.trial_subjects import trial_subject


def find_subject(
    target: Path | None = None,
    model: str | None = None,
    *,
    trial: int | None = None,
    retrain: bool | None = None,
    image_size: int | None = None,
    batch: int | None = None,
    seed: int | None = None,
) -> Subject:
    """Return what is to be inspected.

    Args:
        target: A run directory, or a checkpoint in one: a folder with weights, or the file itself.
        model: Instead of it, ``torchvision:`` and a name.
        trial: Number of a trial of the run directory; None takes the best.
        retrain: Whether a trial is trained again; None does so where that is quick.
        image_size: Pixels of a side of the model's images.
        batch: Images for the model.
        seed: Seeds the model's weights, images and labels.

    Raises:
        UserError: If these do not go together, or there is no such thing.

    Example:
        >>> find_subject(model="torchvision:resnet18").folder.name[:17]
        'inspect-resnet18-'
    """
    if (target is None) == (model is None):
        received = "neither" if target is None else f"{target} and --model {model}"
        raise UserError(
            f"Give a run directory, a checkpoint or --model torchvision:resnet18, one of them; received "
            f"{received}."
        )
    of_model = {"--image-size": image_size, "--batch": batch, "--seed": seed}
    of_run = {"--trial": trial, "--retrain or --no-retrain": retrain}
    if model is not None:
        _refuse(of_run, "goes with a run directory")
        given = {"image_size": image_size, "batch": batch, "seed": seed}
        return TorchvisionModel(model, ModelOptions(**{k: v for k, v in given.items() if v is not None}))
    assert target is not None  # noqa: S101 - one of the two was given
    _refuse(of_model, "goes with --model")
    return _of_folder(target, of_run, trial, retrain)


def _of_folder(target: Path, of_run: Mapping[str, Any], trial: int | None, retrain: bool | None) -> Subject:
    if not target.exists():
        raise UserError(
            f"{target} does not exist. Give the run directory of a search, such as those in runs/."
        )
    folder = target if target.is_dir() else target.parent
    if RunDirectory.is_at(folder):
        run = RunDirectory.read(folder.absolute())
        return trial_subject(run, run.trial(trial), retrain)
    _refuse(of_run, f"goes with a run directory, and {target} is none")
    return Checkpoint(folder)


def _refuse(options: Mapping[str, Any], why: str) -> None:
    if given := [name for name, value in options.items() if value is not None]:
        raise UserError(f"{given[0]} {why}; leave it out.")
