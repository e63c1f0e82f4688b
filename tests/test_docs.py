"""What the documents show is what runs."""

import re
from pathlib import Path

import pytest

from neurocap_search.network_science import CapacitanceOptions
from tests.conftest import ROOT
from tests.test_readme import run

LINE_GRAPH = (ROOT / "docs" / "line_graph.md").read_text(encoding="utf-8")


def test_the_line_graph_example_gives_the_same_value_twice(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", LINE_GRAPH, re.DOTALL)
    said = run(block, tmp_path)
    assert (
        "weights: 138 influences: 6" in said
    )  # 48 + 36 + 36 + 18; 48 x 6 + 36 x 6 + 36 x 3, less dead units
    explicit, closed = re.findall(r": +(-?\d\.\d{6})", said)
    assert float(explicit) == pytest.approx(float(closed), abs=2e-6)


def test_every_option_of_the_table_exists() -> None:
    table = LINE_GRAPH.split("## Choices the papers leave open")[1].split("## Sources")[0]
    named = re.findall(r"\| `([a-z_]+)` \|$", table, re.MULTILINE)
    assert set(named) == set(CapacitanceOptions.__dataclass_fields__)


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_pictures_and_pages_that_are_linked_exist(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / "docs" / target).is_file(), target
