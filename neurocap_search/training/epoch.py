"""One pass over the training images."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neurocap_search.training.data import Split
from neurocap_search.training.distributed import WorkerGroup


def train_epoch(
    model: nn.Module,
    split: Split,
    batches: tuple[Tensor, ...],
    optimizer: torch.optim.Optimizer,
    group: WorkerGroup,
) -> dict[str, float]:
    """Take one step for each batch, in training mode, in which the model is left.

    Args:
        model: Takes (batch, channels, height, width).
        split: The images.
        batches: Indices of the images of each batch, shape (n,); the same for all workers.
        optimizer: Steps once a batch.
        group: The workers; each trains on its part of every batch.

    Returns:
        ``train_loss`` (nats) and ``train_accuracy`` (share), over the images of all workers.

    Raises:
        PeerLostError: If another worker no longer answers.
    """
    model.train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    sums, seen = torch.zeros(2, device=split.labels.device), 0
    for batch in batches:
        if len(batch) == 1 and len(batches) > 1:
            continue  # batch normalisation needs two images, and the last batch may hold one
        seen += len(batch)
        optimizer.zero_grad(set_to_none=True)
        sums += _backward(model, split, group.part(batch), len(batch))
        group.sum_gradients(weights)
        optimizer.step()
    loss_sum, hits = group.total(sums).tolist()
    return {"train_loss": loss_sum / seen, "train_accuracy": hits / seen}


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
