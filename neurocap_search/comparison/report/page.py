"""What stands on a page, apart from how it looks: a sentence, then sections in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from neurocap_search.comparison.statistics.check import Check

Record = Mapping[str, str | int | float | bool | None]
"""A row of a CSV file: numbers at full precision, in the units of the metric; None is an empty cell."""


@dataclass(frozen=True)
class Picture:
    """A figure with its words.

    Attributes:
        name: Name of its file, without the ending; unique on the page.
        figure: What is drawn.
        finding: What it shows here, for those who do not see it.
        reading: One sentence on how to read it.
        data: The numbers behind it.
    """

    name: str
    figure: Figure = field(repr=False)
    finding: str
    reading: str
    data: Sequence[Record] = field(default=(), repr=False)


@dataclass(frozen=True)
class Table:
    """A table, its cells as they are to be read.

    Attributes:
        name: Name of its file, without the ending; unique on the page.
        caption: What it holds.
        header: Names of the columns, with units; the first column names the row.
        rows: Cells, as many in each row as there are columns.
        marked: Row names to set off, such as the candidate's.
        note: How to read it.
        data: The same for computers; without it the cells are written as they are.
        beside: What a page with files beside it says of them.
    """

    name: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[str] = frozenset()
    note: str = ""
    data: Sequence[Record] = field(default=(), repr=False)
    beside: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"table {self.caption!r}: a row has {len(row)} cells {list(row)}, its header has "
                    f"{len(self.header)}; give each row one cell a column"
                )


@dataclass(frozen=True)
class Section:
    """A part of the page; what is empty is left out.

    Attributes:
        title: Its heading.
        text: Paragraphs.
        checks: Lines of a health card.
        facts: Pairs of a name and a value.
        tables: Tables.
        pictures: Figures.
    """

    title: str
    text: Sequence[str] = ()
    checks: Sequence[Check] = ()
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()

    @property
    def anchor(self) -> str:
        """Name for links to it."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.title.lower())

    def __bool__(self) -> bool:
        """Whether there is anything below the heading."""
        return any((self.text, self.checks, self.facts, self.tables, self.pictures))


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        title: Of the browser's window.
        sentence: The answer, which comes first.
        beside: Sentences that belong right beside it: how it stands against the trivial rules.
        about: What was compared, in one line.
        sections: Parts in their order; empty ones are left out.
    """

    title: str
    sentence: str
    beside: Sequence[str]
    about: str
    sections: Sequence[Section]

    @property
    def pictures(self) -> list[Picture]:
        """All figures in the order of the page."""
        return [picture for section in self.sections for picture in section.pictures]

    @property
    def tables(self) -> list[Table]:
        """All tables in the order of the page."""
        return [table for section in self.sections for table in section.tables]
