"""The network of an architecture of `CellSpace` (Dong and Yang, 2020, arXiv:2001.00326, figure 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from search_spaces.cell_notation import EDGES, Operation
from search_spaces.network import Backbone


class Zero(nn.Module):
    """The operation "none": zeros of the input's shape, through which no gradient flows."""

    def forward(self, x: Tensor) -> Tensor:
        """Zeros of the shape of `x`; not `0 * x`, which would turn an infinity into NaN."""
        return torch.zeros_like(x)


class ReluConvNorm(nn.Sequential):
    """ReLU, convolution without bias, batch normalisation; keeps the image size at stride 1.

    Args:
        in_channels: channels of the input `(B, in_channels, H, W)`.
        out_channels: channels of the output.
        kernel_size: odd side of the convolution's kernel, in pixels.
        stride: stride of the convolution, in pixels.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
        )


OPERATION_MODULES: dict[Operation, Callable[[int], nn.Module]] = {
    "none": lambda channels: Zero(),
    "skip_connect": lambda channels: nn.Identity(),
    "nor_conv_1x1": lambda channels: ReluConvNorm(channels, channels, kernel_size=1),
    "nor_conv_3x3": lambda channels: ReluConvNorm(channels, channels, kernel_size=3),
    "avg_pool_3x3": lambda channels: nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
}


class Cell(nn.Module):
    """A directed acyclic graph of four nodes; a node is the sum of its incoming edges' operations.

    Args:
        operations: the operation of each edge, in the order of `EDGES`.
        channels: channels of input and output, both `(B, channels, H, W)`.
    """

    def __init__(self, operations: Sequence[Operation], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                f"{source}_{target}": OPERATION_MODULES[operation](channels)
                for (source, target), operation in zip(EDGES, operations, strict=True)
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        """The last node, with the first set to `x`."""
        nodes = [x]
        for target in range(1, 4):
            edges = [(self.edges[f"{source}_{target}"], source) for source in range(target)]
            # Adding zeros took up to 40 % of the forward pass of a sparse cell.
            used = [(edge, source) for edge, source in edges if not isinstance(edge, Zero)] or edges[:1]
            nodes.append(reduce(torch.add, [edge(nodes[source]) for edge, source in used]))
        return nodes[-1]


class ReductionBlock(nn.Module):
    """The residual block between stages: half the height and width (rounded up).

    Args:
        in_channels: channels of the input `(B, in_channels, H, W)`.
        out_channels: channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ReluConvNorm(in_channels, out_channels, kernel_size=3, stride=2),
            ReluConvNorm(out_channels, out_channels, kernel_size=3),
        )
        self.shortcut = nn.Sequential(
            # Rounding up changes nothing for even sizes and lets odd ones match the strided convolution.
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Sum of the residual and the shortcut."""
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


class CellBackbone(Backbone):
    """Stem, three stages of cells with a reduction block between, and global average pooling.

    Where every path through the cell is cut by "none", the cell's output is zero: the features are then
    constant, and the parameters before the last cell get no gradient (`None`).

    Args:
        operations: the operation of each edge of the cell, in the order of `EDGES`.
        in_channels: channels of the images.
        channels: channels of the first stage, doubled by each reduction.
        cells_per_stage: copies of the cell in each stage.
    """

    def __init__(
        self, operations: Sequence[Operation], *, in_channels: int, channels: int, cells_per_stage: int
    ) -> None:
        super().__init__()

        def stage(width: int) -> list[nn.Module]:
            return [Cell(operations, width) for _ in range(cells_per_stage)]

        self.out_features = 4 * channels
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            *stage(channels),
            ReductionBlock(channels, 2 * channels),
            *stage(2 * channels),
            ReductionBlock(2 * channels, 4 * channels),
            *stage(4 * channels),
            nn.BatchNorm2d(4 * channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features `(B, 4 * channels)` of the images `(B, in_channels, H, W)`."""
        if x.device.type == "cpu":
            # A CPU pools and convolves faster with the channels last: a quarter of the training is saved.
            x = x.contiguous(memory_format=torch.channels_last)
        features: Tensor = self.layers(x)
        return features
