"""From a figure to the bytes of a file, the same bytes each time."""

import io
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from neurocap_search.comparison.figures.style import RC

DPI = 160
LARGEST_SVG = 120_000
"""Bytes. A larger drawing, such as a cloud of many points, is embedded as PNG instead."""


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    return _bytes(figure, format="png", dpi=DPI)


def svg(figure: Figure) -> bytes | None:
    """Return a figure as SVG, its letters as outlines; None if it is larger than LARGEST_SVG."""
    drawing = _bytes(figure, format="svg", metadata={"Date": None})
    return drawing if len(drawing) <= LARGEST_SVG else None


def _bytes(figure: Figure, **options: Any) -> bytes:
    file = io.BytesIO()
    with mpl.rc_context(RC):
        figure.savefig(file, facecolor="white", **options)
    return file.getvalue()
