"""The figures of an inspection, for print."""

import io
from collections.abc import Callable, Iterator, Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from neurocap_search.inspection.figures.capacitance import draw_capacitance
from neurocap_search.inspection.figures.fluctuation import draw_fluctuation
from neurocap_search.inspection.figures.neurons import draw_neurons
from neurocap_search.inspection.figures.signature import draw_signature
from neurocap_search.inspection.figures.strength import draw_strength
from neurocap_search.inspection.figures.style import RC
from neurocap_search.inspection.measures import EpochMeasures

_Draw = Callable[[str, Sequence[EpochMeasures]], Figure | None]

_FIGURES: dict[str, _Draw] = {
    "capacitance.png": draw_capacitance,
    "node_strength.png": draw_strength,
    "layer_fluctuation.png": draw_fluctuation,
    "signature.png": draw_signature,
    "neuron_graph.png": draw_neurons,
}
FIGURE_NAMES = tuple(_FIGURES)

DPI = 160


def draw_all(title: str, measures: Sequence[EpochMeasures]) -> Iterator[tuple[str, bytes]]:
    """Yield each figure that there is something to draw for: its file name and its PNG.

    Args:
        title: What was inspected; heads every figure.
        measures: The epochs, at least one.
    """
    for name, draw in _FIGURES.items():
        with mpl.rc_context(RC):
            figure = draw(title, measures)
            if figure is not None:
                yield name, _png(figure)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, dpi=DPI, format="png")
    return file.getvalue()
