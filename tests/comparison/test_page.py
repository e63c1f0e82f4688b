"""Parts of a page, and how numbers stand on it."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.report.html import render
from neurocap_search.comparison.report.page import Page, Picture, Section, Table
from neurocap_search.comparison.report.words import Numbers, duration, file_names, probability, share
from neurocap_search.comparison.report.write import tables, write_report
from neurocap_search.comparison.statistics.check import Check


def page(*sections):
    return Page("title", "The sentence.", ["Beside."], "About.", sections)


def test_a_row_with_too_few_cells_is_refused():
    with pytest.raises(ValueError, match=r"table 'costs': a row has 1 cells \['x'\], its header has 2"):
        Table("t", "costs", ["a", "b"], [["x"]])


def test_an_empty_section_is_left_out_of_page_and_navigation():
    html = render(page(Section("Nothing"), Section("Something", ["words"])))
    assert "Nothing" not in html
    assert html.count("Something") == 2


def test_every_kind_of_content_is_on_the_page():
    rows = [["asha", "1"], ["full", "2"]]
    section = Section(
        "Everything", ["A paragraph."], [Check("pools", "WARNING", "only 3")], [("seeds", "30")],
        [Table("t", "A caption", ["rule", "x"], rows, frozenset({"asha"}), "A note.")],
        [Picture("p", Figure(figsize=(1, 1)), "It shows.", "Read it.")],
    )  # fmt: skip
    html = render(page(section))
    for text in ("A paragraph.", "WARNING", "only 3", "<dt>seeds</dt>", "A caption", "A note.", "It shows."):
        assert text in html
    assert '<tr class="marked"><th scope="row">asha</th><td>1</td></tr>' in html
    assert '<tr><th scope="row">full</th>' in html
    assert 'src="data:image/svg+xml;base64,' in html


def test_a_table_without_data_is_written_as_it_reads():
    made = page(Section("s", tables=[Table("t", "c", ["rule", "x"], [["a,b", "1 [0, 2]"]])]))
    assert tables(made) == {"t": 'rule,x\n"a,b","1 [0, 2]"\n'}


def test_what_is_unknown_is_an_empty_cell_and_numbers_keep_all_digits():
    data = [{"x": 0.1 + 0.2, "y": nan, "z": None}]
    made = page(Section("s", tables=[Table("t", "c", ["x"], [["0.3"]], data=data)]))
    assert tables(made)["t"] == "x,y,z\n0.30000000000000004,,\n"


def test_an_earlier_report_is_replaced(tmp_path):
    write_report(page(Section("Old", ["old words"])), tmp_path)
    report = write_report(page(Section("New", ["new words"])), tmp_path)
    assert "old words" not in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("metric", "value", "words"),
    [
        ("val_accuracy", 0.0123, "1.23 points"),
        ("val_accuracy", nan, "– points"),
        ("val_loss", 1.23456, "1.23 (val loss)"),
    ],
    ids=["accuracy", "unknown", "loss"],
)
def test_amounts(metric, value, words):
    assert Numbers(metric).amount(value) == words


def test_an_estimate_without_an_interval_has_no_brackets():
    assert Numbers("val_accuracy").estimate(Estimate(0.5)) == "50.00"
    assert share(Estimate(0.5)) == "50 %"


@pytest.mark.parametrize(("p", "words"), [(1.0, "1.0"), (0.049, "0.049"), (0.0004, "< 0.001"), (nan, "–")])
def test_probabilities(p, words):
    assert probability(p) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "0.5 seconds"), (119, "119 seconds"), (7100, "118 minutes")]
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@given(st.lists(st.text(max_size=80), unique=True, max_size=8))
def test_names_of_files_are_safe_and_each_another(titles):
    names = file_names("signals", titles)
    assert len(set(names)) == len(titles)
    assert all(name.startswith("signals_") and len(name) < 100 for name in names)
    assert all(c.isascii() and (c.isalnum() or c in "-_") for name in names for c in name)
