"""Draw docs/line_graph.png: a small network and its line graph, with the degrees that beta_eff is made of.

python scripts/draw_line_graph.py docs/line_graph.png
"""

import sys
from itertools import pairwise, product

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from neurocap_search.network_science import head_factors, line_graph, line_graph_capacitance

SIZES = (2, 2, 2, 2)
COLOURS = ("#0072B2", "#009E73", "#D55E00")  # Okabe and Ito: the layers, from the input
CHOSEN = 1  # the edge whose influences are drawn thick: from neuron 1 to neuron 0 of the first layer

Edge = tuple[int, int, int]
"""Layer counted from 0, target, source: the order of the rows of P."""


def edges() -> list[Edge]:
    """All weights in the order of the rows of the line graph."""
    return [
        (layer, i, j) for layer, (n, m) in enumerate(pairwise(SIZES)) for i, j in product(range(m), range(n))
    ]


def draw_network(axes: Axes) -> None:
    """Neurons as circles, weights as arrows in the colour of their layer."""
    for number, (layer, i, j) in enumerate(edges()):
        start, end = (layer, -j), (layer + 1, -i)
        strong = number == CHOSEN or (layer == 1 and j == 0)
        axes.add_patch(_arrow(start, end, COLOURS[layer], 2.6 if strong else 1.0, shrink=15))
        # On the line where it leaves its source, beside the line where it is level.
        x, y = layer + 0.27, -j + (0.12 - 0.24 * j if i == j else 0.27 * (j - i))
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        label = axes.text(
            x, y, _name(layer, i, j), ha="center", va="center", fontsize=8, color=COLOURS[layer], bbox=box
        )
        label.set_fontweight("bold" if strong else "normal")
    names = ("features $z_0$", "hidden $z_1$", "hidden $z_2$", "logits $a_3$")
    for layer, n in enumerate(SIZES):
        axes.plot(
            [layer] * n, [-k for k in range(n)], "o", color="white", markeredgecolor="black", markersize=19
        )
        for k in range(n):
            axes.text(layer, -k, str(k + 1), ha="center", va="center", fontsize=9)
        axes.text(layer, 0.33, names[layer], ha="center", fontsize=8)
    axes.set(xlim=(-0.35, 3.35), ylim=(-1.4, 0.5), title="The network: neurons and weights")


def draw_line_graph(axes: Axes) -> float:
    """Weights as nodes, influences as arrows from the influencing to the influenced one; return beta_eff."""
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(m, n, generator=generator) for n, m in pairwise(SIZES)]
    features, labels = torch.rand(8, 2, generator=generator) + 0.2, torch.arange(8) % 2
    P = line_graph(head_factors(weights, torch.tanh, features, labels, loss="squared_error"))
    nodes, dense = edges(), P.toarray()
    at = {number: (layer, -1.0 * (2 * i + j)) for number, (layer, i, j) in enumerate(nodes)}
    for influenced, influencing in zip(*dense.nonzero(), strict=True):
        strong = influenced == CHOSEN
        colour = COLOURS[nodes[influencing][0]] if strong else "#999999"
        axes.add_patch(_arrow(at[influencing], at[influenced], colour, 2.6 if strong else 0.9, shrink=15))
    for number, (x, y) in at.items():
        layer, i, j = nodes[number]
        axes.plot(
            x, y, "o", color="white", markeredgecolor=COLOURS[layer], markersize=24, markeredgewidth=1.6
        )
        axes.text(x, y, _name(layer, i, j), ha="center", va="center", fontsize=8, color=COLOURS[layer])
    for layer, name in enumerate(("weights of\nlayer 1", "weights of\nlayer 2", "weights of\nlayer 3")):
        axes.text(layer, 0.5, name, ha="center", fontsize=8, color=COLOURS[layer])
    axes.text(
        0.5, -3.62, r"thick: $P = -\langle z_{0,2}\; u_{1,1}\; e_{2,k} \rangle$", ha="center", fontsize=8
    )
    axes.set(xlim=(-0.4, 2.4), ylim=(-3.9, 1.1), title="Its line graph: weights and influences")
    return line_graph_capacitance(P).value


def _arrow(
    start: tuple[float, float], end: tuple[float, float], colour: str, width: float, shrink: float
) -> FancyArrowPatch:
    return FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=9,
        color=colour,
        linewidth=width,
        shrinkA=shrink,
        shrinkB=shrink,
    )


def _name(layer: int, target: int, source: int) -> str:
    return f"$w^{layer + 1}_{{{target + 1}{source + 1}}}$"


def main() -> None:
    """Draw both panels side by side."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    draw_network(left)
    value = draw_line_graph(right)
    for axes in (left, right):
        axes.set_axis_off()
        axes.title.set_fontsize(10)
    figure.savefig(sys.argv[1], dpi=200)
    print(f"{sys.argv[1]}: beta_eff of the network drawn is {value:.4f}")


if __name__ == "__main__":
    main()
