"""A training of the first epochs that stops at marks within them to be measured."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from early_signals.measures import (
    RIDGE_IMAGES,
    Changes,
    of_closed_form_head,
    of_features,
    of_matrices,
    with_batch_statistics,
)
from neurocap_search.config import TrainingConfig
from neurocap_search.network_science.capacitance.factors import head_factors
from neurocap_search.training.distributed import ALONE
from neurocap_search.training.epoch import EpochTotals, split_batches, train_batches
from neurocap_search.training.loop import Training, evaluate
from neurocap_search.training.measures import EpochMeasures


class ShortTraining:
    """Takes the steps of a training of the project, in the same order, and measures between them.

    Without marks within epochs it gives the same numbers as the training itself.

    Args:
        training: A training that has not begun.
        settings: Its settings.
        seed: Its seed.
    """

    def __init__(self, training: Training, settings: TrainingConfig, seed: int) -> None:
        self._training, self._settings, self._seed = training, settings, seed
        self._model, self._data = training._model, training._data
        self._measures, self._changes = EpochMeasures(self._model, self._data.train, settings), Changes()
        steps = math.ceil(len(self._data.train) / settings.batch_size)
        self._averaged = AveragedModel(self._model, avg_fn=_average_over(steps / 2))

    def run(self, marks: Sequence[float]) -> Iterator[tuple[float, dict[str, float]]]:
        """Train through the marks, in epochs; yield what was measured at each."""
        for epoch in range(1, math.ceil(max(marks)) + 1):
            self._training.epoch = epoch
            order = np.random.default_rng((self._seed, epoch)).permutation(len(self._data.train))
            batches = split_batches(torch.from_numpy(order), self._settings.batch_size)
            within = [mark for mark in marks if epoch - 1 < mark <= epoch]
            cuts = [round((mark - epoch + 1) * len(batches)) for mark in within]
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self._training._dropout_seed(epoch))
                for mark, first, last in zip(within, [0, *cuts], cuts, strict=False):
                    trained = self._train(batches[first:last])
                    with torch.random.fork_rng(devices=[]):
                        yield mark, trained | self._take()
            self._training._schedule.step()

    def _train(self, batches: Sequence[Tensor]) -> dict[str, float]:
        totals = EpochTotals(self._training._device)
        for batch in batches:
            train_batches(self._model, self._data.train, [batch], self._training._optimizer, ALONE, totals)
            self._averaged.update_parameters(self._model)
        found = totals.means(ALONE)
        if not math.isfinite(found["train_loss"]):
            raise FloatingPointError("the training loss is not finite")
        return found

    @torch.no_grad()
    def _take(self) -> dict[str, float]:
        train, validation = self._data.train, self._data.validation
        self._averaged.module.eval()
        found = evaluate(self._model, validation, "val")
        found |= with_batch_statistics(self._model, validation, "batch")
        found |= with_batch_statistics(self._averaged.module, validation, "averaged")
        found |= self._measures.take()
        images, labels = (part[: self._settings.probe_samples] for part in (train.images, train.labels))
        features, head = self._features(images), self._model.head
        normalised = head._normalise(features.double())
        found |= of_matrices(head_factors(list(head.weights), torch.relu, normalised, labels), self._changes)
        found |= of_features(features, labels)
        return found | of_closed_form_head(
            self._features(train.images[:RIDGE_IMAGES]),
            validation,
            self._features(validation.images),
            train.labels[:RIDGE_IMAGES],
        )

    def _features(self, images: Tensor) -> Tensor:
        return torch.cat([self._model.forward_features(part) for part in torch.split(images, 250)])


def _average_over(steps: float):
    """Return an exponential average over so many steps, over fewer at the beginning."""
    largest = 1 - 1 / max(steps, 2)

    def average(averaged: Tensor, current: Tensor, number: Tensor) -> Tensor:
        decay = min(largest, (1 + float(number)) / (10 + float(number)))
        return decay * averaged + (1 - decay) * current

    return average
