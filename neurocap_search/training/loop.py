"""The training of one network, epoch by epoch."""

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from neurocap_search.config import TrainingConfig
from neurocap_search.prediction import Report
from neurocap_search.training.checkpoint import load_training, save_training
from neurocap_search.training.data import ImageData, Split
from neurocap_search.training.distributed import ALONE, WorkerGroup
from neurocap_search.training.dropout import DropoutStream
from neurocap_search.training.epoch import EpochTotals, split_batches, train_batches
from neurocap_search.training.measures import EpochMeasures
from neurocap_search.training.settings import make_optimizer, pick_device


class DivergedError(RuntimeError):
    """The training loss is no longer finite."""


class Training:
    """The training of one network, which can be saved after an epoch and taken up again.

    The order of the images depends on ``seed`` and the epoch alone, so every architecture sees the
    same order, and a training that was taken up again goes on exactly as if it had never stopped.
    beta_eff is measured in evaluation mode on the first ``probe_samples`` training images, the same ones
    every time.

    With several workers each sees the same order of images and trains on its part of each batch; see
    :class:`~neurocap_search.training.distributed.WorkerGroup` for what that changes. The first worker
    evaluates and measures; the reports of the others hold the figures of training only.

    Args:
        model: Takes (batch, channels, height, width), has ``forward_features`` and, as ``head``, a
            :class:`~neurocap_search.network_science.NeuralCapacitanceProbe`. Moved to the device.
        data: The images; training uses ``train`` and ``validation``, never ``test``.
        settings: Epochs, optimiser and the like.
        seed: Seeds the order of the images and the dropout masks.
        group: The workers that train the network together; each makes a training of its own.

    Attributes:
        epoch: Epochs trained so far.

    Raises:
        TypeError: If the model's head is no probe.
    """

    def __init__(
        self,
        model: nn.Module,
        data: ImageData,
        settings: TrainingConfig,
        *,
        seed: int,
        group: WorkerGroup = ALONE,
    ) -> None:
        self._group, self._device = group, pick_device(settings.device)
        self._model, self._data = model.to(self._device), data.to(self._device)
        self._settings, self._seed, self.epoch = settings, seed, 0
        self._optimizer, self._schedule = make_optimizer(model, settings)
        self._measures = EpochMeasures(self._model, self._data.train, settings)
        self._parameters = sum(weight.numel() for weight in model.parameters())
        group.share(self._model)

    def reports(self, marks: Sequence[float] = ()) -> Iterator[Report]:
        """Train to the end and report after every epoch, and at marks within the first.

        The marks change nothing in the training. A report at a mark holds what training has told by then,
        which costs nothing: no images are evaluated for it.

        Args:
            marks: Shares of the first epoch, ascending, above 0 and below 1. One that comes before the first
                batch, or with the same batch as another, is left out.

        Yields:
            A report with ``val_accuracy`` and ``train_accuracy`` (shares), ``val_loss`` and
            ``train_loss`` (nats; the mean over the epoch), ``learning_rate``, ``parameters`` and what
            :class:`~neurocap_search.training.measures.EpochMeasures` takes. Its seconds are those since
            the report before.

        Raises:
            DivergedError: When the training loss is no longer finite.
            PeerLostError: If another worker of the group no longer answers.
        """
        while self.epoch < self._settings.epochs:
            start, totals = time.perf_counter(), EpochTotals(self._device)
            rate, within = self._optimizer.param_groups[0]["lr"], marks if self.epoch == 0 else ()
            for mark in self._train_parts(within, totals):
                seconds = time.perf_counter() - start
                yield Report(mark, self._figures(totals, rate, mark), seconds)
                start = time.perf_counter()
            self.epoch += 1
            metrics = self._finish_epoch(self._figures(totals, rate, self.epoch))
            yield Report(self.epoch, metrics, time.perf_counter() - start)

    def test(self) -> dict[str, float]:
        """Return ``test_accuracy`` (share) and ``test_loss`` (nats) of the network as it is now.

        Not for choosing among networks or epochs: that is what the validation images are for.
        """
        return evaluate(self._model, self._data.test, "test")

    def save(self, folder: Path) -> None:
        """Write weights, optimiser, schedule and epoch to a folder."""
        save_training(folder, self._model, self._optimizer, self._schedule, self.epoch)

    def load(self, folder: Path) -> None:
        """Take up a training that :meth:`save` wrote.

        Raises:
            UserError: If a file is missing, damaged or belongs to another architecture.
        """
        self.epoch = load_training(folder, self._model, self._optimizer, self._schedule)

    def _train_parts(self, marks: Sequence[float], totals: EpochTotals) -> Iterator[float]:
        """Train an epoch, and yield each mark on the way."""
        train, epoch = self._data.train, self.epoch + 1
        order = np.random.default_rng((self._seed, epoch)).permutation(len(train))
        batches = split_batches(torch.from_numpy(order).to(self._device), self._settings.batch_size)
        dropout = DropoutStream(self._dropout_seed(epoch), self._device)
        # Of marks that fall on the same batch the first one counts.
        cuts = {round(mark * len(batches)): mark for mark in reversed(marks)}
        first = 0
        for cut in sorted({*cuts, len(batches)} - {0}):
            with dropout.running():
                part = batches[first:cut]
                train_batches(self._model, train, part, self._optimizer, self._group, totals)
            first = cut
            if cut < len(batches):
                yield cuts[cut]

    def _figures(self, totals: EpochTotals, rate: float, epoch: float) -> dict[str, float]:
        """Return what training has told by an epoch, or by a mark within the first."""
        metrics = totals.means(self._group)
        if not math.isfinite(metrics["train_loss"]):
            raise DivergedError(f"The training loss is {metrics['train_loss']} in epoch {epoch}.")
        return metrics | {"learning_rate": rate, "parameters": float(self._parameters)}

    def _finish_epoch(self, metrics: dict[str, float]) -> dict[str, float]:
        """Take the schedule's step, and add what worker 0 evaluates and measures."""
        self._schedule.step()
        if self._group.rank > 0:
            return metrics
        return metrics | evaluate(self._model, self._data.validation, "val") | self._measures.take()

    def _dropout_seed(self, epoch: int) -> int:
        if self._group.rank == 0:
            return self._seed + epoch
        sequence = np.random.SeedSequence((self._seed, epoch, self._group.rank))
        return int(sequence.generate_state(1)[0])


def train(model: nn.Module, data: ImageData, settings: TrainingConfig, *, seed: int) -> Iterator[Report]:
    """Train a network from its first epoch to the last; see :class:`Training`.

    Yields:
        A report after every epoch.

    Raises:
        DivergedError: When the training loss is no longer finite.
    """
    yield from Training(model, data, settings, seed=seed).reports()


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
