"""Effective depth and width of a cell's graph, and the filter on them (arXiv 2205.05662)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Graph = Mapping[tuple[int, int], int]
"""The value of each edge `(source, target)`, with nodes numbered such that source < target."""

BROKEN, PARAMETER_FREE, PARAMETRISED = -1, 0, 1
"""Values of an edge: no operation, a skip connection or a pooling, a convolution or a linear layer."""

_CELL_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_CELL_OPERATIONS = {"none": BROKEN}
_CELL_OPERATIONS |= dict.fromkeys(("skip_connect", "avg_pool_3x3"), PARAMETER_FREE)
_CELL_OPERATIONS |= dict.fromkeys(("nor_conv_1x1", "nor_conv_3x3"), PARAMETRISED)


@dataclass(frozen=True)
class Connectivity:
    """The effective depth and width of a graph, both 0 where no path from input to output has parameters.

    Not a score: the paper discards both extremes, so neither number is better for being larger.

    Attributes:
        depth: mean number of parametrised edges on a path from input to output, a length in edges.
        width: number of paths with a parametrised edge, divided by the depth.

    Example:
        >>> Connectivity(2.0, 0.5)
        Connectivity(depth=2.0, width=0.5)
    """

    depth: float
    width: float


@dataclass(frozen=True)
class ConnectivityFilter:
    """Closed ranges of depth and width outside which an architecture is dropped before any scoring.

    Not for another search space than the one its ranges were chosen for, nor for ranking what it keeps.

    Attributes:
        depth: lowest and highest effective depth kept; ``width`` likewise.

    Raises:
        ValueError: if a lowest value is above the highest, or one of them is NaN.

    Example:
        >>> ConnectivityFilter(depth=(1.0, 2.0), width=(1.0, 3.0)).keeps(Connectivity(1.5, 3.5))
        False
    """

    depth: tuple[float, float]
    width: tuple[float, float]

    def __post_init__(self) -> None:
        for name, (low, high) in (("depth", self.depth), ("width", self.width)):
            if not low <= high:
                raise ValueError(f"{name}: received ({low}, {high}); give two numbers, the lower one first")

    def keeps(self, connectivity: Connectivity) -> bool:
        """Tell whether both values lie in their ranges, ends included."""
        (shallow, deep), (narrow, wide) = self.depth, self.width
        return shallow <= connectivity.depth <= deep and narrow <= connectivity.width <= wide


NAS_BENCH_201_FILTER = ConnectivityFilter(depth=(0.99, 2.51), width=(0.99, 3.01))
"""Ranges of the authors' code for NAS-Bench-201: they keep 8,226 of its 15,625 cells."""

NDS_DARTS_FILTER = ConnectivityFilter(depth=(0.5, 1.6), width=(4.0, 12.0))
"""The authors' for the normal cell of NDS-DARTS: inputs 0 and 1, a 0-edge from each of 2-5 to output 6."""


def cell_connectivity(operations: Sequence[str]) -> Connectivity:
    """Compute the effective depth and width of a NAS-Bench-201 cell.

    Not for cells of other spaces: give their graph to ``effective_connectivity``.

    Args:
        operations: the six operations, on the edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3 in this order.

    Raises:
        ValueError: on another number of operations or an unknown one.

    Example:
        >>> cell_connectivity(["nor_conv_3x3", "none", "nor_conv_1x1", "none", "none", "skip_connect"])
        Connectivity(depth=2.0, width=0.5)
    """
    if isinstance(operations, str) or len(operations) != len(_CELL_EDGES):
        raise ValueError(f"operations: expected a list of six, received {operations!r}; parse the cell first")
    if unknown := [name for name in operations if name not in _CELL_OPERATIONS]:
        raise ValueError(f"operations: received {unknown}; use the names {', '.join(_CELL_OPERATIONS)}")
    graph = {edge: _CELL_OPERATIONS[name] for edge, name in zip(_CELL_EDGES, operations, strict=True)}
    return effective_connectivity(graph, output=3)


def effective_connectivity(graph: Graph, *, output: int, inputs: Iterable[int] = (0,)) -> Connectivity:
    """Compute the effective depth and width of a directed acyclic graph.

    Let d_p be the number of parametrised edges on path p and P the number of paths from an input to the
    output that avoid broken edges, paths without parameters included. Then (arXiv 2205.05662)

        depth = (1/P) sum_p d_p,    width = sum_p [d_p > 0] / depth.

    Not for telling operations apart: kernel sizes and channels do not count.

    Args:
        graph: value -1 (broken; may be left out), 0 (skip or pooling) or 1 (parametrised) of each edge.
        output: node at which paths end.
        inputs: nodes at which paths begin; the paths of all of them are taken together.

    Raises:
        ValueError: if an edge leads to no higher node, a value is unknown or an input is not below output.

    Example:
        >>> effective_connectivity({(0, 1): 1, (1, 2): 1, (0, 2): 0}, output=2)
        Connectivity(depth=1.0, width=1.0)
    """
    starts = frozenset(inputs)
    _check_graph(graph, output, starts)
    depths = _path_depths(graph, output, starts)
    paths, total = depths.total(), sum(depth * count for depth, count in depths.items())
    if total == 0:
        return Connectivity(0.0, 0.0)
    # One division of exact integers each: a whole width comes out whole, not a rounding error beside it.
    return Connectivity(total / paths, (paths - depths[0]) * paths / total)


def _path_depths(graph: Graph, output: int, inputs: frozenset[int]) -> Counter[int]:
    """How many paths to the output have each d_p; counted node by node, for paths grow exponentially."""
    reaching = {node: Counter({0: 1}) for node in inputs}
    for (source, target), value in sorted(graph.items()):  # By source: its own paths are then complete.
        if value != BROKEN and source in reaching:
            longer = {depth + value: count for depth, count in reaching[source].items()}
            reaching.setdefault(target, Counter()).update(longer)
    return reaching.get(output, Counter())


def _check_graph(graph: Graph, output: int, inputs: frozenset[int]) -> None:
    if not inputs or max(inputs) >= output:
        raise ValueError(f"inputs: expected nodes below output {output}, received {sorted(inputs)}; renumber")
    for (source, target), value in graph.items():
        edge = f"edge {source}-{target}"
        if source >= target:
            raise ValueError(f"{edge}: expected source < target; number the nodes along the paths")
        if value not in (BROKEN, PARAMETER_FREE, PARAMETRISED):
            raise ValueError(f"{edge}: received {value!r}; use -1 (broken), 0 (skip) or 1 (parametrised)")
