"""A page as Markdown, for documentation that is read beside the code."""

import re
from collections.abc import Iterator

from neurocap_search.comparison.report.page import Page, Picture, Section, Table

_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_|<>[]#$~"})


def markdown(page: Page, pictures: str) -> str:
    """Return a page as Markdown with tables as GitHub reads them; names of tasks and rules are escaped.

    Args:
        page: The page.
        pictures: Folder of the figures, relative to the file, as in a link; each is ``NAME.png``.
    """
    parts = [f"# {_escaped(page.title)}", f"**{_escaped(page.sentence)}**"]
    parts += [_escaped(words) for words in page.beside] + [_escaped(page.about)]
    parts += [part for section in page.sections for part in _section(section, pictures)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section, pictures: str) -> Iterator[str]:
    yield f"## {_escaped(section.title)}"
    yield from map(_escaped, section.text)
    if section.checks:
        yield "\n".join(
            f"- **{check.state}** {_escaped(check.name)}: {_escaped(check.reason)}"
            for check in section.checks
        )
    if section.facts:
        yield "\n".join(f"- {_escaped(name)}: {_escaped(value)}" for name, value in section.facts)
    for table in section.tables:
        yield from _table(table)
    for picture in section.pictures:
        yield from _picture(picture, pictures)


def _table(table: Table) -> Iterator[str]:
    yield f"{_escaped(table.caption)}:"
    rule = "|".join(["---", *(["---:"] * (len(table.header) - 1))])
    rows = [
        [f"**{_escaped(cell)}**" for cell in row] if row[0] in table.marked else list(map(_escaped, row))
        for row in table.rows
    ]
    lines = [" | ".join(cells) for cells in (list(map(_escaped, table.header)), *rows)]
    yield "\n".join([f"| {lines[0]} |", f"|{rule}|", *(f"| {line} |" for line in lines[1:])])
    if table.note:
        yield _escaped(table.note)


def _picture(picture: Picture, folder: str) -> Iterator[str]:
    yield f"![{_escaped(picture.finding)}]({folder}/{picture.name}.png)"
    yield f"**{_escaped(picture.finding)}** {_escaped(picture.reading)}"


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return re.sub(r"[\r\n\t]+", " ", text).translate(_SPECIAL)
