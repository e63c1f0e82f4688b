"""One pass over the training images, whole or in parts."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neurocap_search.training.data import Split
from neurocap_search.training.distributed import WorkerGroup


class EpochTotals:
    """What the batches of an epoch add up to.

    Args:
        device: Where the network trains.
    """

    def __init__(self, device: torch.device) -> None:
        self._sums, self._seen = torch.zeros(2, device=device), 0

    def add(self, sums: Tensor, images: int) -> None:
        """Add a batch: summed loss and hits of this worker's part, and the images of all workers."""
        self._sums += sums
        self._seen += images

    def means(self, group: WorkerGroup) -> dict[str, float]:
        """Return ``train_loss`` (nats) and ``train_accuracy`` (share), over the images of all workers.

        Raises:
            PeerLostError: If another worker no longer answers.
        """
        loss_sum, hits = group.total(self._sums.clone()).tolist()
        return {"train_loss": loss_sum / self._seen, "train_accuracy": hits / self._seen}


def train_batches(
    model: nn.Module,
    split: Split,
    batches: Sequence[Tensor],
    optimizer: torch.optim.Optimizer,
    group: WorkerGroup,
    totals: EpochTotals,
) -> None:
    """Take one step for each batch, in training mode, in which the model is left.

    Args:
        model: Takes (batch, channels, height, width).
        split: The images.
        batches: Indices of the images of each batch, shape (n,); the same for all workers.
        optimizer: Steps once a batch.
        group: The workers; each trains on its part of every batch.
        totals: Takes loss and hits.

    Raises:
        PeerLostError: If another worker no longer answers.
    """
    model.train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        totals.add(_backward(model, split, group.part(batch), len(batch)), len(batch))
        group.sum_gradients(weights)
        optimizer.step()


def split_batches(order: Tensor, batch_size: int) -> list[Tensor]:
    """Return the batches of an epoch; a last one of a single image is left out.

    Batch normalisation needs two images.

    Example:
        >>> [len(batch) for batch in split_batches(torch.arange(9), 4)]
        [4, 4]
    """
    batches = list(torch.split(order, batch_size))
    return batches if len(batches[-1]) > 1 or len(batches) == 1 else batches[:-1]


def _backward(model: nn.Module, split: Split, part: Tensor, batch_size: int) -> Tensor:
    """Add a part's share to the gradient of the batch's mean loss; return summed loss and hits."""
    if len(part) == 0:
        return torch.zeros(2, device=split.labels.device)
    labels = split.labels[part]
    logits = model(split.images[part])
    loss = cross_entropy(logits, labels) * (len(part) / batch_size)
    loss.backward()  # type: ignore[no-untyped-call]
    hits = (logits.detach().argmax(1) == labels).sum()
    return torch.stack([loss.detach() * batch_size, hits])
