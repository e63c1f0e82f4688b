"""The page as files: the report, its figures and its tables."""

import csv
import io
from collections.abc import Sequence
from math import isnan
from pathlib import Path

from neurocap_search.comparison.figures.render import png
from neurocap_search.comparison.report.html import render
from neurocap_search.comparison.report.page import Page, Record, Table


def write_report(page: Page, folder: Path) -> Path:
    """Write ``report.html``, ``figures/NAME.png`` and ``tables/NAME.csv``.

    The same page gives the same bytes. The report needs no other file. The tables hold also the numbers
    behind each figure, at full precision; what is unknown is an empty cell. Files of an earlier report of the
    same names are replaced.

    Args:
        page: What to write.
        folder: Where to; made if need be.

    Returns:
        Path of the report.
    """
    for sub in ("figures", "tables"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    for picture in page.pictures:
        (folder / "figures" / f"{picture.name}.png").write_bytes(png(picture.figure))
    for name, text in tables(page).items():
        (folder / "tables" / f"{name}.csv").write_text(text, encoding="utf-8")
    report = folder / "report.html"
    report.write_text(render(page), encoding="utf-8")
    return report


def tables(page: Page) -> dict[str, str]:
    """Return all tables of a page, and the numbers behind its figures, as CSV by name."""
    found = {table.name: _csv(table.data or _cells(table)) for table in page.tables}
    return found | {picture.name: _csv(picture.data) for picture in page.pictures if picture.data}


def _cells(table: Table) -> list[Record]:
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


def _csv(records: Sequence[Record]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _known(value) for name, value in record.items()} for record in records)
    return file.getvalue()


def _known(value: str | int | float | bool | None) -> str | int | float | bool | None:
    return None if isinstance(value, float) and isnan(value) else value
