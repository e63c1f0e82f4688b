"""A search space whose networks fail or die in a chosen epoch, and tell which of them are still in memory."""

import os
import signal
import weakref
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from search_spaces import MlpSpace

BUILT: list[weakref.ref[nn.Module]] = []
"""The networks of this process."""


class Fragile(nn.Module):
    """Passes its input on until it has seen so many training batches."""

    def __init__(self, batches: int, flag: Path | None) -> None:
        super().__init__()
        self.left, self.flag = batches, flag

    def forward(self, x: Tensor) -> Tensor:
        """Fail, or let the process die if its flag was not yet hoisted."""
        self.left -= self.training
        if self.left < 0 and self.flag is None:
            raise RuntimeError("out of order\nsecond line")
        if self.left < 0 and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x


class FragileSpace(MlpSpace):
    """Networks with activation ``silu`` break after ``batches`` training batches, all others never."""

    batches: int = 6
    flag: Path | None = None

    def build_backbone(self, architecture: dict[str, Any], input_shape: tuple[int, int, int]) -> Any:
        """The perceptron, its first layer fragile."""
        backbone = super().build_backbone(architecture, input_shape)
        if architecture["activation"] == "silu":
            backbone.layers.insert(0, Fragile(self.batches, self.flag))
        backbone.itself = [backbone]  # as hooks may: only the garbage collector ends such a cycle
        BUILT.append(weakref.ref(backbone))
        return backbone


def alive() -> int:
    """Return how many of the networks built in this process are still in memory."""
    return sum(network() is not None for network in BUILT)
