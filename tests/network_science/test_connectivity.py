from itertools import pairwise, product

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.network_science.connectivity import (
    NAS_BENCH_201_FILTER,
    NDS_DARTS_FILTER,
    Connectivity,
    ConnectivityFilter,
    cell_connectivity,
    effective_connectivity,
)
from search_spaces import EDGES, OPERATIONS, format_cell, parse_cell

DIGITS = {"0": -1, "1": 0, "2": 1}
"""Broken, skip, linear in the notation of the paper's code, node by node."""


def edges_of(dag):
    return dict(zip(EDGES, (DIGITS[digit] for digit in dag.replace("_", "")), strict=True))


def by_enumeration(edges, inputs, output):
    """Depth and width straight from the definition, path by path."""
    graph = networkx.DiGraph(edge for edge, value in edges.items() if value >= 0)
    graph.add_nodes_from([*inputs, output])
    paths = [path for start in inputs for path in networkx.all_simple_paths(graph, start, output)]
    depths = [sum(edges[edge] for edge in pairwise(path)) for path in paths]
    if not any(depths):
        return 0.0, 0.0
    depth = sum(depths) / len(depths)
    return depth, sum(d > 0 for d in depths) / depth


@pytest.fixture(scope="module")
def all_cells():
    return {cell: cell_connectivity(cell) for cell in product(OPERATIONS, repeat=len(EDGES))}


@pytest.mark.parametrize(
    ("dag", "depth", "width"),
    [("2_02_002", 3.0, 1 / 3), ("1_01_222", 1.0, 3.0), ("2_21_112", 1.25, 2.4), ("2_22_222", 2.0, 2.0)],
)
def test_golden_graphs(dag, depth, width):
    assert effective_connectivity(edges_of(dag), output=3) == Connectivity(depth, width)


@pytest.mark.parametrize("dag", ["0_00_000", "1_11_111", "2_22_000", "0_02_022"])
def test_no_parametrised_path_gives_zero_and_is_dropped(dag):
    connectivity = effective_connectivity(edges_of(dag), output=3)
    assert connectivity == Connectivity(0.0, 0.0)
    assert not NAS_BENCH_201_FILTER.keeps(connectivity)


def test_paths_without_parameters_lower_the_depth_but_not_the_count_in_the_width():
    assert effective_connectivity(edges_of("0_00_200"), output=3) == Connectivity(1.0, 1.0)
    assert effective_connectivity(edges_of("1_00_210"), output=3) == Connectivity(0.5, 2.0)


def test_filter_keeps_8226_of_the_15625_cells(all_cells):
    assert len(all_cells) == 15_625
    assert sum(map(NAS_BENCH_201_FILTER.keeps, all_cells.values())) == 8_226
    assert len(set(all_cells.values())) == 32
    assert max(c.depth for c in all_cells.values()) == 3.0
    assert max(c.width for c in all_cells.values()) == 4.0


def test_all_cells_match_path_enumeration(all_cells):
    # Cells with the same edge values share their graph, so 3**6 enumerations cover all of them.
    values = dict(zip(OPERATIONS, (-1, 0, 1, 1, 0), strict=True))
    references = {
        graph: by_enumeration(dict(zip(EDGES, graph, strict=True)), [0], 3)
        for graph in product((-1, 0, 1), repeat=len(EDGES))
    }
    for cell, found in all_cells.items():
        depth, width = references[tuple(values[operation] for operation in cell)]
        assert (found.depth, found.width) == pytest.approx((depth, width), rel=1e-12)


@settings(max_examples=200, deadline=None, database=None)
@given(data=st.data(), nodes=st.integers(2, 8))
def test_any_graph_matches_path_enumeration(data, nodes):
    possible = [(source, target) for target in range(nodes) for source in range(target)]
    edges = data.draw(st.dictionaries(st.sampled_from(possible), st.sampled_from((-1, 0, 1))))
    inputs = range(data.draw(st.integers(1, nodes - 1)))
    found = effective_connectivity(edges, output=nodes - 1, inputs=inputs)
    assert (found.depth, found.width) == pytest.approx(by_enumeration(edges, inputs, nodes - 1), rel=1e-12)


def test_leaving_out_a_broken_edge_and_the_order_of_edges_change_nothing():
    edges = edges_of("2_01_012")
    whole = effective_connectivity(edges, output=3)
    assert effective_connectivity(dict(reversed(edges.items())), output=3) == whole
    unbroken = {edge: value for edge, value in edges.items() if value >= 0}
    assert effective_connectivity(unbroken, output=3) == whole


def test_darts_cell_pools_the_paths_of_both_inputs():
    concatenated = {(node, 6): 0 for node in range(2, 6)}
    wide = {(source, node): 1 for node in range(2, 6) for source in (0, 1)} | concatenated
    found = effective_connectivity(wide, output=6, inputs=(0, 1))
    assert found == Connectivity(1.0, 8.0)
    assert NDS_DARTS_FILTER.keeps(found)
    chain = {(0, 2): 1, (2, 3): 1, (3, 4): 1, (4, 5): 1} | concatenated
    deep = effective_connectivity(chain, output=6, inputs=(0, 1))
    assert deep == Connectivity(2.5, 1.6)
    assert not NDS_DARTS_FILTER.keeps(deep)


def test_a_graph_with_more_paths_than_could_be_enumerated():
    complete = {(source, target): 1 for target in range(61) for source in range(target)}
    assert effective_connectivity(complete, output=60) == Connectivity(30.5, 2**59 / 30.5)


@pytest.mark.parametrize("values", [(1.0, 4.0), (2.0, 4.0), (1.0, 5.0), (2.0, 5.0)])
def test_filter_includes_the_ends_of_its_ranges(values):
    assert ConnectivityFilter(depth=(1.0, 2.0), width=(4.0, 5.0)).keeps(Connectivity(*values))


@pytest.mark.parametrize("values", [(0.9, 4.5), (2.1, 4.5), (1.5, 3.9), (1.5, 5.1)])
def test_filter_drops_what_leaves_one_range(values):
    assert not ConnectivityFilter(depth=(1.0, 2.0), width=(4.0, 5.0)).keeps(Connectivity(*values))


def test_a_parsed_cell_is_accepted_as_it_is():
    conv, skip = "nor_conv_3x3", "skip_connect"
    operations = (conv, "nor_conv_1x1", skip, "avg_pool_3x3", skip, conv)
    assert cell_connectivity(parse_cell(format_cell(operations))) == Connectivity(1.25, 2.4)


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        (["none"] * 5, r"operations: expected a list of six, received \['none', .*; parse the cell first"),
        ("|none~0|", r"operations: expected a list of six, received '\|none~0\|'; parse the cell first"),
        ("abcdef", "expected a list of six, received 'abcdef'"),
        (["conv", *["none"] * 5], r"operations: received \['conv'\]; use the names none, skip_connect"),
    ],
)
def test_wrong_operations_are_refused(operations, message):
    with pytest.raises(ValueError, match=message):
        cell_connectivity(operations)


@pytest.mark.parametrize(
    ("edges", "inputs", "message"),
    [
        ({(2, 1): 1}, (0,), "edge 2-1: expected source < target; number the nodes along the paths"),
        ({(1, 1): 1}, (0,), "edge 1-1: expected source < target"),
        ({(0, 1): 2}, (0,), r"edge 0-1: received 2; use -1 \(broken\), 0 \(skip\) or 1 \(parametrised\)"),
        ({(0, 3): 1}, (), r"inputs: expected nodes below output 3, received \[\]"),
        ({(0, 3): 1}, (0, 3), r"inputs: expected nodes below output 3, received \[0, 3\]; renumber"),
    ],
)
def test_wrong_graphs_are_refused(edges, inputs, message):
    with pytest.raises(ValueError, match=message):
        effective_connectivity(edges, output=3, inputs=inputs)


@pytest.mark.parametrize(
    ("depth", "width", "message"),
    [
        ((2.0, 1.0), (0.0, 1.0), r"depth: received \(2.0, 1.0\); give two numbers, the lower one first"),
        ((1.0, 2.0), (0.0, float("nan")), r"width: received \(0.0, nan\); give two numbers"),
    ],
)
def test_wrong_ranges_are_refused(depth, width, message):
    with pytest.raises(ValueError, match=message):
        ConnectivityFilter(depth, width)
