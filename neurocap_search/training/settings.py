"""The settings of one trial: the configuration's, with what the search chose put in."""

from collections.abc import Mapping

import torch

from neurocap_search.config import TrainingConfig


def trial_settings(config: TrainingConfig, chosen: Mapping[str, float | int]) -> TrainingConfig:
    """Return the training settings of a trial.

    Args:
        config: The search's settings.
        chosen: Searched hyper-parameters such as ``learning_rate``; they win.

    Example:
        >>> trial_settings(TrainingConfig(), {"batch_size": 32}).batch_size
        32
    """
    return TrainingConfig.model_validate(config.model_dump() | dict(chosen))


def pick_device(name: str) -> torch.device:
    """Return the device called ``name``; ``auto`` takes a GPU where the process sees one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def make_optimizer(
    model: torch.nn.Module, settings: TrainingConfig
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return the optimiser of the weights that train, and its schedule, stepped once an epoch."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    rate, decay = settings.learning_rate, settings.weight_decay
    optimizer: torch.optim.Optimizer
    if settings.optimizer == "adamw":
        optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
    else:
        optimizer = torch.optim.SGD(weights, lr=rate, weight_decay=decay, momentum=0.9, nesterov=True)
    if settings.schedule == "cosine":
        return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=settings.epochs)
    return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
