"""The notation of NAS-Bench-201: parsing inverts formatting on all cells, and errors are explained."""

from __future__ import annotations

import csv
import gzip
from itertools import product
from pathlib import Path

import pytest

from search_spaces import EDGES, OPERATIONS, format_cell, parse_cell

EXAMPLE = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
TABLE = Path(__file__).parents[2] / "../shared/data/nas_tables/nasbench201_final.csv.gz"


def test_the_edges_are_in_the_order_of_the_notation() -> None:
    assert EDGES == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


def test_the_example_reads_as_in_the_benchmark() -> None:
    conv, pool, skip = "nor_conv_3x3", "avg_pool_3x3", "skip_connect"
    assert parse_cell(EXAMPLE) == (conv, conv, pool, skip, conv, skip)
    assert format_cell((conv, conv, pool, skip, conv, skip)) == EXAMPLE


def test_parsing_inverts_formatting_on_all_cells() -> None:
    cells = {format_cell(operations): operations for operations in product(OPERATIONS, repeat=6)}
    assert len(cells) == 15_625
    assert all(parse_cell(cell) == operations for cell, operations in cells.items())


@pytest.mark.skipif(
    not TABLE.exists(), reason="needs the table of NAS-Bench-201 in ../shared/data/nas_tables"
)
def test_every_cell_of_the_published_table_round_trips() -> None:
    with gzip.open(TABLE, "rt", newline="") as file:
        cells = [row["arch"] for row in csv.DictReader(file)]
    assert len(set(cells)) == 15_625
    assert all(format_cell(parse_cell(cell)) == cell for cell in cells)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            EXAMPLE.replace("avg_pool", "avg_pol"),
            r"unknown operation 'avg_pol_3x3' \(did you mean 'avg_pool_3x3'\?\): choose from none",
        ),
        (EXAMPLE.rsplit("+", 1)[0], "a cell has 6 edges, but 3 were given"),
        (EXAMPLE + "+|none~0|", "a cell has 6 edges, but 7 were given"),
        ("", r"a cell has 6 edges, but 0 were given: \[\]"),
        (EXAMPLE.replace("skip_connect~2", "skip_connect~1"), "departs from the notation .*skip_connect~2"),
        (EXAMPLE.replace("+", " + "), "departs from the notation"),
        (EXAMPLE + " ", "departs from the notation"),
        (EXAMPLE.replace("|+|", "+"), r"departs from the notation of NAS-Bench-201: write it '\|nor_conv"),
        (None, r"a cell must be a string such as '\|none~0\|\+.*', not None"),
    ],
)
def test_a_malformed_cell_is_explained(cell: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_cell(cell)


def test_formatting_checks_the_operations() -> None:
    with pytest.raises(
        ValueError, match=r"unknown operation 'nor_conv_3x' \(did you mean 'nor_conv_3x3'\?\)"
    ):
        format_cell(["nor_conv_3x", *["none"] * 5])
    with pytest.raises(ValueError, match="a cell has 6 edges, but 5 were given"):
        format_cell(["none"] * 5)
