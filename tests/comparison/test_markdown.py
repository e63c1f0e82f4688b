"""The page as Markdown, read back by a Markdown parser; and the script that writes the evidence."""

import subprocess
import sys
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from neurocap_search.comparison.report.compose import compose
from neurocap_search.comparison.report.html import render
from neurocap_search.comparison.report.markdown import markdown
from neurocap_search.comparison.report.page import Page, Picture, Section, Table
from neurocap_search.comparison.statistics.check import Check
from tests.comparison.banks import random_task, write_bank
from tests.comparison.replayed_results import example
from tests.conftest import ROOT, environment

HOSTILE = "a|b_c_ *d* <script>x</script> `e` $f$ [g](h) ~~i~~ # j\nk \\ l"


class Read(HTMLParser):
    """What a reader sees: headings, cells, pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.pictures: list[str] = []
        self._open: list[str] = []
        self.feed(MarkdownIt("commonmark").enable("table").render(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.found.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(str(dict(attrs)["src"]))

    def handle_endtag(self, tag: str) -> None:
        self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.found[tag][-1] += data


def test_a_parser_finds_what_is_on_the_page() -> None:
    page = compose(*example())
    read = Read(markdown(page, "pictures"))
    assert read.found["h1"] == [page.title]
    assert read.found["h2"] == [section.title for section in page.sections]
    assert read.found["strong"][0] == page.sentence
    assert read.pictures == [f"pictures/{picture.name}.png" for picture in page.pictures]
    assert read.found["th"] == [name for table in page.tables for name in table.header]
    assert read.found["td"] == [cell for table in page.tables for row in table.rows for cell in row]


def test_hostile_names_are_shown_as_they_are() -> None:
    shown = HOSTILE.replace("\n", " ")
    table = Table("t", HOSTILE, [HOSTILE, "n"], [[HOSTILE, "1"]], frozenset({HOSTILE}))
    picture = Picture("p", Figure(), HOSTILE, HOSTILE)
    checks = [Check(HOSTILE, "FAIL", HOSTILE)]
    section = Section(HOSTILE, [HOSTILE], checks, [(HOSTILE, HOSTILE)], [table], [picture])
    read = Read(markdown(Page(HOSTILE, HOSTILE, [HOSTILE], HOSTILE, [section]), "pictures"))
    assert not {"script", "em", "code", "a", "del"} & set(read.found)
    assert read.found["h1"] == read.found["h2"] == [shown]
    assert read.found["td"] == [shown, "1"]
    assert read.found["p"].count(shown) == 4
    items = [text.strip() for text in read.found["li"]]
    assert items == [f"FAIL {shown}: {shown}", f"{shown}: {shown}"]


def test_the_script_writes_the_page_of_a_bank(tmp_path) -> None:
    (tmp_path / "bank").mkdir()
    write_bank(tmp_path / "bank", random_task("one"), random_task("two", seed=1))
    rules = ["--rules", "beta_eff", "asha", "--trials", "8", "--seeds", "2", "--workers", "2"]

    def write(folder: str) -> str:
        command = [sys.executable, str(ROOT / "scripts" / "evidence.py"), "--bank", str(tmp_path / "bank")]
        done = subprocess.run(
            [*command, *rules, "--output", str(tmp_path / folder)],
            env=environment(), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        text = (tmp_path / folder / "evidence.md").read_text(encoding="utf-8")
        read = Read(text)
        assert read.found["strong"][0] == done.stdout.strip()
        assert read.pictures
        for picture in read.pictures:
            assert (tmp_path / folder / picture).read_bytes().startswith(b"\x89PNG")
        return text

    text = write("docs")
    assert write("again") == text
    command = "python scripts/evidence.py --bank bank --rules beta_eff asha --trials 8 --workers 2 --seeds 2"
    assert f"<!-- {command} -->" in text
    assert str(tmp_path) not in text


def test_the_script_refuses_what_is_no_bank(tmp_path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "evidence.py"), "--bank", str(tmp_path)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert "No traces in" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_said_of_files_beside_a_page_stands_only_where_they_are() -> None:
    table = Table("t", "Caption", ["a"], [["1"]], note="A note.", beside="More is in tables/t.csv.")
    page = Page("Title", "Sentence", [], "About", [Section("S", tables=[table])])
    assert "A note." in markdown(page, "pictures")
    assert "tables/" not in markdown(page, "pictures")
    assert "A note. More is in tables/t.csv." in render(page)
