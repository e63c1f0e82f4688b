"""A training on disk: weights, optimiser, schedule and epoch."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from neurocap_search.errors import UserError
from neurocap_search.training.weights import load_weights, save_weights

TRAINING_FILE = "training.pt"
VERSION = 1


def save_training(
    folder: Path, model: nn.Module, optimizer: Optimizer, schedule: LRScheduler, epoch: int
) -> None:
    """Write a training to a folder: ``weights.safetensors`` and ``training.pt``."""
    save_weights(model, folder)
    state = {
        "version": VERSION,
        "epoch": epoch,
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
    }
    torch.save(state, folder / TRAINING_FILE)


def load_training(folder: Path, model: nn.Module, optimizer: Optimizer, schedule: LRScheduler) -> int:
    """Load what :func:`save_training` wrote and return the epochs trained.

    Raises:
        UserError: If a file is missing, damaged, of another version or of another architecture.
    """
    load_weights(model, folder)
    path = folder / TRAINING_FILE
    if not path.is_file():
        raise UserError(f"No training to go on with at {path}; give the folder of a checkpoint.")
    state = _read(path)
    if state.get("version") != VERSION:
        raise UserError(f"{path} has version {state.get('version')!r}, this release reads {VERSION}.")
    try:
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        return int(state["epoch"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} belongs to another training: {error!r}. Take its own checkpoint.") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        # weights_only: tensors and plain values, nothing that could run.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, LookupError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{path} is damaged: {reason} Take another checkpoint.") from None
    if not isinstance(state, dict):
        raise UserError(f"{path} is damaged: it holds a {type(state).__name__}. Take another checkpoint.")
    return state
