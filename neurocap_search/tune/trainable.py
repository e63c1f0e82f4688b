"""One trial as Ray Tune runs it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ray import tune

from neurocap_search.config import TrainingConfig
from neurocap_search.training import ImageData, save_weights, train, trial_settings
from search_spaces import SearchSpace


@dataclass(frozen=True)
class Task:
    """What all trials of a search share.

    Attributes:
        data: The images.
        space: Builds the networks.
        training: Settings of the training, before the searched ones.
        seed: Seeds initial weights and order of the images: the same for every trial, so that the
            same architecture gives the same curve.
        threads: Threads torch may use.
    """

    data: ImageData
    space: SearchSpace
    training: TrainingConfig
    seed: int
    threads: int


def train_trial(config: dict[str, Any], task: Task) -> None:
    """Train one architecture and report every epoch; the last report carries the weights.

    Args:
        config: ``architecture`` and ``training`` (the searched hyper-parameters).
        task: What all trials share.
    """
    torch.set_num_threads(task.threads)
    model = task.space.build(
        config["architecture"], task.data.input_shape, task.data.num_classes, seed=task.seed
    )
    settings = trial_settings(task.training, config["training"])
    for report in train(model, task.data, settings, seed=task.seed):
        result = {**report.metrics, "epoch": report.epoch, "epoch_seconds": report.seconds}
        if report.epoch < settings.epochs:
            tune.report(result)
            continue
        with tempfile.TemporaryDirectory() as folder:
            save_weights(model, Path(folder))
            tune.report(result, checkpoint=tune.Checkpoint.from_directory(folder))
