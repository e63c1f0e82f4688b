"""The workers of one data-parallel training, seen from one of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed import ProcessGroup


class PeerLostError(RuntimeError):
    """Another worker of the training no longer answers; the cause is to be sought there."""


@dataclass(frozen=True)
class WorkerGroup:
    """Workers that train one network together, each on its part of every batch.

    All hold the same weights. Each computes the gradient of its part, the gradients are added up, and all
    take the same step: the loss is that of the whole batch, so the result equals that of one worker up to
    rounding. Two things do depend on the number of workers: batch normalisation takes its statistics from
    a worker's own part, and each worker draws its own dropout masks.

    The gradients travel in one piece after the backward pass, not bucket by bucket during it; not for
    networks that take seconds to send.

    Attributes:
        rank: Number of this worker, from 0.
        size: Number of workers.
        backend: Carries the sums; None for a worker that is alone.

    Example:
        >>> ALONE.part(torch.arange(3)), WorkerGroup(1, 2).part(torch.arange(5))
        (tensor([0, 1, 2]), tensor([3, 4]))
    """

    rank: int = 0
    size: int = 1
    backend: ProcessGroup | None = None

    def part(self, batch: Tensor) -> Tensor:
        """Return this worker's part of a batch, shape (n, ...).

        No part has a single image if the batch has more, since batch normalisation needs two; the last
        workers then get none.
        """
        used = max(1, min(self.size, len(batch) // 2))
        return torch.tensor_split(batch, used)[self.rank] if self.rank < used else batch[:0]

    def share(self, model: nn.Module) -> None:
        """Give all workers the weights and buffers of worker 0.

        Raises:
            PeerLostError: If a worker no longer answers.
        """
        if self.backend is None:
            return
        for tensor in (*model.parameters(), *model.buffers()):
            with _peers():
                self.backend.broadcast(tensor.detach(), 0).wait()

    def sum_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by the sum over all workers; one that no worker has stays None.

        Raises:
            PeerLostError: If a worker no longer answers.
        """
        if self.backend is None:
            return
        gradients = [weight.grad for weight in weights]
        flat = [torch.zeros_like(w) if g is None else g for w, g in zip(weights, gradients, strict=True)]
        have = torch.tensor([float(g is not None) for g in gradients], device=flat[0].device)
        summed = self.total(torch.cat([have, *(gradient.flatten() for gradient in flat)]))
        found, values = summed[: len(weights)].tolist(), summed[len(weights) :]
        pieces = torch.split(values, [weight.numel() for weight in weights])
        for weight, piece, workers in zip(weights, pieces, found, strict=True):
            weight.grad = piece.view_as(weight) if workers else None

    def total(self, numbers: Tensor) -> Tensor:
        """Return the sum of a tensor over all workers; the tensor itself is overwritten.

        Raises:
            PeerLostError: If a worker no longer answers.
        """
        if self.backend is not None:
            with _peers():
                self.backend.allreduce(numbers).wait()
        return numbers


@contextmanager
def _peers() -> Iterator[None]:
    """Tell an error of a peer from one of the training."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError(f"A worker of the trial no longer answers: {error}") from error


ALONE = WorkerGroup()
"""The group of a training with one worker."""
