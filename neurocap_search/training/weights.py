"""Weights on disk: safetensors, never a pickle."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from neurocap_search.errors import UserError

WEIGHTS_FILE = "weights.safetensors"


def save_weights(model: nn.Module, folder: Path) -> Path:
    """Write all weights and buffers of a model to ``folder`` and return the file."""
    path = folder / WEIGHTS_FILE
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, path)
    return path


def load_weights(model: nn.Module, folder: Path) -> None:
    """Load what :func:`save_weights` wrote into a model of the same architecture.

    Raises:
        UserError: If the file is missing, damaged or belongs to another architecture.
    """
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise UserError(f"No weights at {path}; give the folder of a finished trial.")
    try:
        model.load_state_dict(load_file(path))
    except SafetensorError as error:
        raise UserError(f"{path} is damaged: {error}. Take another checkpoint.") from None
    except RuntimeError as error:
        raise UserError(f"{path} belongs to another architecture: {error}") from None
