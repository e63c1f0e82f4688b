"""The cell-based search space of NAS-Bench-201 (Dong and Yang, 2020, arXiv:2001.00326)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import PositiveInt

from search_spaces.base import Architecture, SearchSpace
from search_spaces.cell_notation import EDGES, OPERATIONS, Operation, format_cell, parse_cell
from search_spaces.checks import check_keys
from search_spaces.ranges import Choices

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from search_spaces.cell_network import CellBackbone

SHORT_WORDS: dict[Operation, str] = {
    "none": "none",
    "skip_connect": "skip",
    "nor_conv_1x1": "1x1",
    "nor_conv_3x3": "3x3",
    "avg_pool_3x3": "pool",
}


class CellSpace(SearchSpace):
    """Convolutional networks that repeat one searched cell, as in NAS-Bench-201: 15,625 cells for images.

    With the default fields and inputs `(3, 32, 32)` the backbones are those of the benchmark, so that its
    published accuracies can be looked up. Fewer cells and channels make the search cheaper, but then no
    longer comparable. Not for inputs without a spatial layout: use `MlpSpace`.

    Attributes:
        channels: channels of the first stage; the second has twice and the third four times as many.
        cells_per_stage: copies of the cell in each of the three stages.
        operations: operations that an edge may have.

    Example:
        >>> from optuna.trial import FixedTrial
        >>> space = CellSpace(channels=4, cells_per_stage=1)
        >>> edges = ["edge_0_1", "edge_0_2", "edge_1_2", "edge_0_3", "edge_1_3", "edge_2_3"]
        >>> operations = ["nor_conv_3x3", "nor_conv_1x1", "none", "skip_connect", "none", "avg_pool_3x3"]
        >>> architecture = space.sample(FixedTrial(dict(zip(edges, operations, strict=True))))
        >>> architecture["cell"]
        '|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|'
        >>> space.describe(architecture)
        '3x3 1x1 none skip none pool'
        >>> space.cost(architecture, input_shape=(3, 32, 32), num_classes=10).multiply_adds
        1070720
    """

    name: Literal["cell"] = "cell"
    channels: PositiveInt = 16
    cells_per_stage: PositiveInt = 5
    operations: Choices[Operation] = OPERATIONS

    def sample(self, trial: BaseTrial) -> Architecture:
        """Samples a cell.

        Args:
            trial: the Optuna trial; parameters `edge_0_1`, `edge_0_2`, ..., `edge_<source>_<target>`.

        Returns:
            `{"space": "cell", "cell": ...}` with the cell in the notation of NAS-Bench-201.
        """
        operations = [
            trial.suggest_categorical(f"edge_{source}_{target}", self.operations) for source, target in EDGES
        ]
        return {"space": self.name, "cell": format_cell(operations)}

    def validate_architecture(self, architecture: Architecture) -> None:
        """Checks keys and notation.

        Raises:
            ValueError: saying what is malformed and how to right it.
        """
        check_keys(architecture, self.name, ("cell",))
        parse_cell(architecture["cell"])

    def describe(self, architecture: Architecture) -> str:
        """A short word for the operation of each edge, in the order 0-1, 0-2, 1-2, 0-3, 1-3, 2-3.

        Raises:
            ValueError: if the architecture is malformed.
        """
        self.validate_architecture(architecture)
        return " ".join(SHORT_WORDS[operation] for operation in parse_cell(architecture["cell"]))

    def build_backbone(self, architecture: Architecture, input_shape: tuple[int, int, int]) -> CellBackbone:
        """The network of NAS-Bench-201 up to its global average pooling."""
        # Imported here, so that importing the space does not import PyTorch.
        from search_spaces.cell_network import CellBackbone

        return CellBackbone(
            parse_cell(architecture["cell"]),
            in_channels=input_shape[0],
            channels=self.channels,
            cells_per_stage=self.cells_per_stage,
        )
