"""A page as one HTML file that asks for nothing from outside and runs no script."""

import base64
import hashlib
from importlib import resources

from jinja2 import Environment, StrictUndefined

from neurocap_search.comparison.figures.render import png, svg
from neurocap_search.comparison.report.page import Page, Picture

_HERE = resources.files("neurocap_search.comparison.report")


def render(page: Page) -> str:
    """Return the page as HTML; every text is escaped, so names of tasks and rules may hold anything.

    Its Content-Security-Policy allows pictures within the file and the one style sheet, known by its hash,
    and nothing else.
    """
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((_HERE / "report.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        page=page,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        sections=[section for section in page.sections if section],
        sources={picture.name: _source(picture) for picture in page.pictures},
    )


def _source(picture: Picture) -> str:
    """Return a figure as a data URI: sharp at any size where that is small, as pixels otherwise."""
    drawing = svg(picture.figure)
    kind, data = ("png", png(picture.figure)) if drawing is None else ("svg+xml", drawing)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
