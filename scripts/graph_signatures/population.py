"""The population of arXiv 2111.05410: LeNets over six decades of learning rate and all amounts of dropout."""

import math
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurocap_search.config import DataConfig
from neurocap_search.network_science import StrengthStructure, layer_fluctuation, lenet, trace_wiring
from neurocap_search.training.data import load_images
from neurocap_search.training.data.images import Split
from neurocap_search.training.graph_measures import GraphMeasures

LEARNING_RATES = [float(f"{m}e-{k}") for k, m in product(range(1, 7), (2, 2.5, 3, 3.5, 4, 4.5))]
DROPOUTS = [tenths / 10 for tenths in range(10)]
EARLY = 5
"""Epochs that are measured."""


@dataclass(frozen=True)
class Protocol:
    """How the population is trained."""

    dataset: str = "FashionMNIST"
    train_images: int = 1024
    validation_images: int = 1000
    test_images: int = 2000
    batch_size: int = 16
    epochs: int = 10


class Setting(NamedTuple):
    """One network of the population."""

    number: int
    learning_rate: float
    dropout: float


def settings(count: int) -> list[Setting]:
    """The first networks of the paper's grid in a drawn order, so that every beginning is a fair sample."""
    grid = list(product(LEARNING_RATES, DROPOUTS))
    order = np.random.default_rng(0).permutation(len(grid))[:count]
    return [Setting(number, *grid[place]) for number, place in enumerate(order)]


class Images(NamedTuple):
    """What a process trains on."""

    train: Split
    validation: Split
    test: Split


def load(root: Path, protocol: Protocol) -> Images:
    """Grey images as the published LeNet takes them, 3 x 32 x 32: a border of background, three copies."""
    data = load_images(
        DataConfig(
            source="torchvision",
            name=protocol.dataset,
            root=root,
            train_size=protocol.train_images,
            validation_size=protocol.validation_images,
            test_size=protocol.test_images,
        )
    )
    return Images(*map(_as_published, (data.train, data.validation, data.test)))


def _as_published(split: Split) -> Split:
    background = float(split.images.min())
    padded = functional.pad(split.images, (2, 2, 2, 2), value=background)
    return Split(padded.expand(-1, 3, -1, -1).contiguous(), split.labels)


def train(setting: Setting, images: Images, protocol: Protocol) -> dict[str, Any]:
    """Train one network with SGD of momentum 0.9 at a constant rate; return what the file keeps of it."""
    start = time.process_time()
    torch.manual_seed(setting.number)  # weights, dropout and order of the images
    network = lenet(dropout=setting.dropout)
    optimizer = torch.optim.SGD(network.parameters(), lr=setting.learning_rate, momentum=0.9)
    graph, rows = Graph(network, images.train.images[:1]), []
    for epoch in range(1, protocol.epochs + 1):
        loss = train_epoch(network, optimizer, images.train, protocol.batch_size)
        if epoch <= EARLY:
            right = accuracy(network, images.validation)
            rows.append({"train_loss": loss, "val_accuracy": right} | graph.measure())
        if not math.isfinite(loss):
            break  # it never comes back
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        **setting._asdict(),
        "final_accuracy": accuracy(network, images.test),
        "curves": {name: [_rounded(row.get(name, math.nan)) for row in rows] for name in names},
        "processor_seconds": round(time.process_time() - start, 2),
    }


def train_epoch(network: nn.Module, optimizer: torch.optim.Optimizer, part: Split, batch_size: int) -> float:
    """Train one epoch and return the mean loss."""
    network.train()
    losses = []
    for batch in torch.randperm(len(part)).split(batch_size):
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(part.images[batch]), part.labels[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.no_grad()
def accuracy(network: nn.Module, part: Split) -> float:
    """Return the share classed right, without dropout (the authors' first script left it on)."""
    network.eval()
    labels = torch.cat([network(batch).argmax(1) for batch in part.images.split(128)])
    return (labels == part.labels).double().mean().item()


class Graph:
    """What a search reports of a network's graph, and the fluctuation of each layer."""

    def __init__(self, network: nn.Module, sample: Tensor) -> None:
        self._measures = GraphMeasures(network.eval(), sample)
        self._strengths = StrengthStructure(trace_wiring(network, sample))

    def measure(self) -> dict[str, float]:
        """Return the numbers; none of a network whose weights are no longer finite."""
        try:
            layers = layer_fluctuation(self._strengths.strengths())
            return self._measures.measure() | {f"fluctuation {name}": y for name, y in layers.items()}
        except ValueError:
            return {}


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
