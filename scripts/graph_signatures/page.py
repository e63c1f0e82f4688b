"""The page: verdict, figure and tables, from the file of the population alone."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graph_signatures.figure import PAPER, draw
from graph_signatures.population import Protocol
from graph_signatures.population_file import read
from graph_signatures.scores import BOTH, DEGREE, RATE, RATE_DROPOUT, TOGETHER, VALUE, Array, Task
from neurocap_search.comparison.figures.render import png
from neurocap_search.errors import UserError
from neurocap_search.prediction.graph_signature import MeanScore, ModelKind

KINDS: dict[ModelKind, str] = {"svm": "support vectors", "forest": "random forest", "linear": "linear"}
TEMPLATE = Path(__file__).with_name("page.md")
Scored = tuple[Task, dict[str, Array]]
"""A question, and the share classed right of each predictor in each split."""
FEWEST = 10
"""Networks on either side of the cut, for two of each class in every fold."""


def write_page(document: Path, population: Path, repeats: int) -> str:
    """Write the page, and its figure beside the population; return the verdict."""
    protocol, lines = read(population)
    finals = np.array([line["final_accuracy"] for line in lines])
    cut = float(finals.min() + finals.max()) / 2 if lines else 0.0
    learners = [line for line in lines if line["final_accuracy"] > cut]
    if min(len(learners), len(lines) - len(learners)) < FEWEST:
        raise UserError(
            f"{population} holds {len(lines)} networks, {len(learners)} of them above {cut:.3f}; {FEWEST} on "
            "either side are needed: give --data and more --networks."
        )
    every, halves, among = Task.of(lines, repeats), Task.of(lines, repeats, cut), Task.of(learners, repeats)
    right = {kind: every.right(kind) for kind in KINDS}
    by_median, half_way = (every, right["svm"]), (halves, halves.right("svm"))
    shares = {name: every.splits.mean(scores) for name, scores in right["svm"].items()}
    picture = population.with_name("classed_right.png")
    picture.write_bytes(png(draw(lines, float(np.median(finals)), shares)))
    verdict = _verdict(by_median, half_way)
    text = TEMPLATE.read_text(encoding="utf-8").format(
        **vars(protocol),
        **_facts(protocol, lines, cut),
        verdict=verdict,
        comparisons=_comparisons(by_median, half_way),
        figure=Path(os.path.relpath(picture, document.parent)).as_posix(),
        population=population.name,
        repeats=repeats,
        splits=len(every.splits.splits),
        classification=_classification([*((every, right[kind]) for kind in KINDS), half_way]),
        regression=_regression(every),
        among=_regression(among),
    )
    document.write_text(text, encoding="utf-8")
    return verdict


def _facts(protocol: Protocol, lines: Sequence[dict[str, Any]], cut: float) -> dict[str, Any]:
    finals = [line["final_accuracy"] for line in lines]
    return {
        "networks": len(lines),
        "diverged": sum(len(line["curves"]["train_loss"]) < min(5, protocol.epochs) for line in lines),
        "chance": sum(final < 0.15 for final in finals),
        "best": max(finals),
        "median": float(np.median(finals)),
        "cut": cut,
        "high": sum(final > cut for final in finals),
        "steps": -(-protocol.train_images // protocol.batch_size) * protocol.epochs,
        "minutes": sum(line["processor_seconds"] for line in lines) / 60,
    }


def _verdict(every: Scored, halves: Scored) -> str:
    (degree, degree_half), (rate, rate_half), (value, value_half) = (
        [task.splits.mean(right[name]) for task, right in (every, halves)] for name in (DEGREE, RATE, VALUE)
    )
    return (
        f"Five epochs of weighted degree class {_percent(degree)} of the networks right where high begins at "
        f"the median, {_beside_paper(degree)}, and {_percent(degree_half)} where it begins half-way between "
        f"the worst and the best, {_beside_paper(degree_half)}. The learning rate alone, known before any "
        f"training, classes {_percent(rate)} and {_percent(rate_half)} right, validation accuracy at epoch 5 "
        f"{_percent(value)} and {_percent(value_half)}."
    )


def _beside_paper(score: MeanScore) -> str:
    place = "above" if score.low > PAPER else "below" if score.high < PAPER else "not clearly different from"
    return f"{place} the paper's {100 * PAPER:.0f} %"


def _comparisons(every: Scored, halves: Scored) -> str:
    pairs = ((DEGREE, RATE), (BOTH, VALUE), (TOGETHER, VALUE))
    parts = (("Divided at the median", every), ("Divided half-way", halves))
    return "\n".join(f"- {title}: {_sentence(*part, *pair)}" for pair in pairs for title, part in parts)


def _sentence(task: Task, right: dict[str, Array], name: str, rival: str) -> str:
    """Say whether one predictor is better than another, split by split."""
    gain = task.splits.mean(right[name] - right[rival])
    word = "better than" if gain.low > 0 else "worse than" if gain.high < 0 else "not clearly different from"
    verb = "are" if " and " in name else "is"
    points = f"{100 * gain.mean:+.1f} points, {100 * gain.low:+.1f} to {100 * gain.high:+.1f}"
    return f"{name} {verb} {word} {rival} ({points})."


def _classification(columns: Sequence[Scored]) -> str:
    heads = ["seen of the network", *KINDS.values(), "half-way, support vectors"]
    return _table(
        heads,
        [
            [name, *(_percent(task.splits.mean(scores[name])) for task, scores in columns)]
            for name in columns[0][0].inputs
        ],
    )


def _regression(task: Task) -> str:
    scores = task.regression("svm")
    columns = {"r2": "R²", "spearman": "rank correlation"}
    table = _table(
        ["seen of the network", *columns.values()],
        [[name, *(_number(task.splits.mean(scores[name][key])) for key in columns)] for name in task.inputs],
    )
    gains = [
        f"- {name} less {rival}: "
        + ", ".join(
            f"{title} {_number(task.splits.mean(scores[name][key] - scores[rival][key]))}"
            for key, title in columns.items()
        )
        for name, rival in ((DEGREE, RATE_DROPOUT), (DEGREE, VALUE), (TOGETHER, VALUE))
    ]
    return "\n".join([table, "", *gains])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _percent(score: MeanScore) -> str:
    return _interval(score, lambda value: f"{100 * value:.1f}", " %")


def _number(score: MeanScore) -> str:
    return _interval(score, lambda value: f"{value:.2f}", "")


def _interval(score: MeanScore, plain: Callable[[float], str], unit: str) -> str:
    # No score here exceeds 1, which the interval does not know.
    return f"{plain(score.mean)}{unit} ({plain(score.low)} to {plain(min(score.high, 1.0))})"
