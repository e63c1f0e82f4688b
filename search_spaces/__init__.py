"""Search spaces: which architectures a search may try, and what network each stands for.

A space is a pydantic model, read from a configuration, that samples an architecture (plain JSON) with
Optuna, describes it in a table, builds its PyTorch network and counts its cost. Importing this package does
not import PyTorch.

A new space takes three steps:

1. Write `search_spaces/<name>_network.py` with a `Backbone` (see `mlp_network.py`), the only file that
   imports torch.
2. Write `search_spaces/<name>.py` with a subclass of `SearchSpace` (see `mlp.py`): its ranges and choices as
   fields beside `name: Literal["<name>"]`, and the methods `sample`, `validate_architecture`, `describe` and
   `build_backbone`.
3. Add it to `AnySearchSpace` below; a configuration then chooses it with `name: <name>`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from search_spaces.base import Architecture, Cost, HeadOptions, SearchSpace
from search_spaces.cell import CellSpace
from search_spaces.cell_notation import EDGES, OPERATIONS, Operation, format_cell, parse_cell
from search_spaces.hyperparameters import Hyperparameters
from search_spaces.mlp import MlpSpace
from search_spaces.ranges import Choices, FloatRange, IntRange, SteppedRange

AnySearchSpace = Annotated[MlpSpace | CellSpace, Field(discriminator="name")]
"""The registered spaces, told apart by their `name`; the type of a configuration's search space."""

__all__ = [
    "EDGES",
    "OPERATIONS",
    "AnySearchSpace",
    "Architecture",
    "CellSpace",
    "Choices",
    "Cost",
    "FloatRange",
    "HeadOptions",
    "Hyperparameters",
    "IntRange",
    "MlpSpace",
    "Operation",
    "SearchSpace",
    "SteppedRange",
    "format_cell",
    "parse_cell",
]
