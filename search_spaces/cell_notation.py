"""The notation of NAS-Bench-201 (Dong and Yang, 2020, arXiv:2001.00326) for cells.

A cell has four nodes, 0 (its input) to 3 (its output), and an operation on each of the six edges from an
earlier to a later node. Its string lists, node by node, the operation of each incoming edge with the edge's
source: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

from search_spaces.checks import check_name

Operation = Literal["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)

EDGES: tuple[tuple[int, int], ...] = tuple(
    (source, target) for target in range(1, 4) for source in range(target)
)
"""`(source, target)` of each edge, in the order of the notation: 0-1, 0-2, 1-2, 0-3, 1-3, 2-3."""


def parse_cell(cell: str) -> tuple[Operation, ...]:
    """Reads the operations of a cell; the exact inverse of `format_cell`.

    Args:
        cell: a cell in the notation of NAS-Bench-201.

    Returns:
        The six operations, in the order of `EDGES`.

    Raises:
        ValueError: on another number of edges, an unknown operation or a departure from the notation.

    Example:
        >>> parse_cell("|none~0|+|none~0|skip_connect~1|+|nor_conv_3x3~0|none~1|none~2|")
        ('none', 'none', 'skip_connect', 'nor_conv_3x3', 'none', 'none')
    """
    if not isinstance(cell, str):
        raise ValueError(f"a cell must be a string such as {format_cell(['none'] * 6)!r}, not {cell!r}")
    operations = re.findall(r"([^|+~]+)~", cell)
    formatted = format_cell(operations)
    if formatted != cell:
        raise ValueError(f"cell {cell!r} departs from the notation of NAS-Bench-201: write it {formatted!r}")
    return tuple(operations)


def format_cell(operations: Sequence[str]) -> str:
    """Writes the operations of a cell; the exact inverse of `parse_cell`.

    Args:
        operations: the six operations, in the order of `EDGES`.

    Returns:
        The cell in the notation of NAS-Bench-201.

    Raises:
        ValueError: on another number of operations or an unknown one.

    Example:
        >>> format_cell(["none", "none", "skip_connect", "nor_conv_3x3", "none", "none"])
        '|none~0|+|none~0|skip_connect~1|+|nor_conv_3x3~0|none~1|none~2|'
    """
    if len(operations) != len(EDGES):
        raise ValueError(
            f"a cell has {len(EDGES)} edges, but {len(operations)} were given: {list(operations)}"
        )
    for operation in operations:
        check_name("operation", operation, OPERATIONS)
    nodes: dict[int, str] = {}
    for (source, target), operation in zip(EDGES, operations, strict=True):
        nodes[target] = nodes.get(target, "|") + f"{operation}~{source}|"
    return "+".join(nodes.values())
