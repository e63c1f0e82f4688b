"""The training of one network, epoch by epoch."""

import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neurocap_search.config import TrainingConfig
from neurocap_search.prediction import Report
from neurocap_search.training.data import ImageData, Split
from neurocap_search.training.measures import measure
from neurocap_search.training.settings import make_optimizer, pick_device


class DivergedError(RuntimeError):
    """The training loss is no longer finite."""


def train(model: nn.Module, data: ImageData, settings: TrainingConfig, *, seed: int) -> Iterator[Report]:
    """Train a network and report after every epoch.

    The order of the images depends on ``seed`` and the epoch alone, so every architecture sees the
    same order. beta_eff is measured in evaluation mode on the first ``probe_samples`` training
    images, the same ones every time.

    Args:
        model: Takes (batch, channels, height, width), has ``forward_features`` and, as ``head``, a
            :class:`~neurocap_search.network_science.NeuralCapacitanceProbe`. Moved to the device.
        data: The images; training uses ``train`` and ``validation``, never ``test``.
        settings: Epochs, optimiser and the like.
        seed: Seeds the order of the images and the dropout masks.

    Yields:
        A report with ``val_accuracy`` and ``train_accuracy`` (shares), ``val_loss`` and
        ``train_loss`` (nats; the mean over the epoch), ``learning_rate`` and what
        :func:`~neurocap_search.training.measures.measure` returns.

    Raises:
        DivergedError: When the training loss is no longer finite.
    """
    device = pick_device(settings.device)
    model.to(device)
    data = data.to(device)
    optimizer, schedule = make_optimizer(model, settings)
    for epoch in range(1, settings.epochs + 1):
        start = time.perf_counter()
        rate = optimizer.param_groups[0]["lr"]
        order = np.random.default_rng((seed, epoch)).permutation(len(data.train))
        batches = torch.split(torch.from_numpy(order).to(device), settings.batch_size)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed + epoch)  # dropout has no generator of its own
            metrics = _train_epoch(model, data.train, batches, optimizer)
        schedule.step()
        if not math.isfinite(metrics["train_loss"]):
            raise DivergedError(f"The training loss is {metrics['train_loss']} in epoch {epoch}.")
        metrics |= evaluate(model, data.validation, "val") | measure(model, data.train, settings)
        yield Report(epoch, metrics | {"learning_rate": rate}, time.perf_counter() - start)


def _train_epoch(
    model: nn.Module, split: Split, batches: tuple[Tensor, ...], optimizer: torch.optim.Optimizer
) -> dict[str, float]:
    model.train()
    loss_sum, hits, seen = torch.zeros((), device=split.labels.device), 0, 0
    for batch in batches:
        if len(batch) == 1 and len(batches) > 1:
            continue  # batch normalisation needs two images, and the last batch may hold one
        seen += len(batch)
        labels = split.labels[batch]
        logits = model(split.images[batch])
        loss = cross_entropy(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss_sum += loss.detach() * len(batch)
        hits += (logits.detach().argmax(1) == labels).sum()
    return {"train_loss": float(loss_sum) / seen, "train_accuracy": int(hits) / seen}


@torch.no_grad()
def evaluate(model: nn.Module, split: Split, prefix: str, batch_size: int = 512) -> dict[str, float]:
    """Return accuracy (share) and cross-entropy (nats) on a split, in evaluation mode."""
    model.eval()
    parts = zip(torch.split(split.images, batch_size), torch.split(split.labels, batch_size), strict=True)
    loss, hits = 0.0, 0
    for images, labels in parts:
        logits = model(images)
        loss += float(cross_entropy(logits, labels, reduction="sum"))
        hits += int((logits.argmax(1) == labels).sum())
    return {f"{prefix}_accuracy": hits / len(split), f"{prefix}_loss": loss / len(split)}
