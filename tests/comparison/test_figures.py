"""The figures: what they show, that names are text, that the same numbers give the same file."""

import xml.etree.ElementTree as ElementTree
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.figures.calibration import MOST_EPOCHS, draw_calibration
from neurocap_search.comparison.figures.critical_difference import cliques, draw_critical_difference
from neurocap_search.comparison.figures.epochs_regret import RulePoint, draw_epochs_regret
from neurocap_search.comparison.figures.incumbents import draw_incumbents
from neurocap_search.comparison.figures.predictions import MOST_POINTS, draw_predictions
from neurocap_search.comparison.figures.render import LARGEST_SVG, png, svg
from neurocap_search.comparison.figures.scales import root_ticks
from neurocap_search.comparison.figures.signals import MOST_NAMED, Curve, Panel, draw_signals
from neurocap_search.comparison.figures.style import Cast, Role
from neurocap_search.comparison.figures.winner import draw_winner_pruned
from neurocap_search.comparison.figures.workers import WorkersPoint, draw_workers
from neurocap_search.comparison.results import Guess
from neurocap_search.comparison.statistics import Coverage, IncumbentCurve, WinnerPruned

CAST = Cast("beta_eff", "asha")
HOSTILE = "_$\\frac{a}$ <b> & x_1"
RULES = ("beta_eff", "asha", "full", "oracle", "i_epoch:1", "i_epoch:2", "median", HOSTILE)
SPREAD = (Estimate(0.5, 0.3, 0.7), Estimate(0.0, 0.0, 0.4), Estimate(1.0, 0.6, 1.0), Estimate(0.2))


def regret(rules=RULES):
    points = [RulePoint(rule, 0.1 * (k + 1), 0.01 * k, 0.0, 0.02 * k) for k, rule in enumerate(rules)]
    return draw_epochs_regret(points, CAST, "val_accuracy", "Regret")


def incumbents():
    grid = np.geomspace(0.1, 100, 20)
    curves = [IncumbentCurve(r, "seconds", 4, grid, 1 / grid, 0 * grid, 2 / grid, 5) for r in RULES]
    return draw_incumbents(curves, CAST, "val_loss", "Over time", "simulated wall-clock")


def ranks():
    average = {rule: float(k) for k, rule in enumerate(RULES, start=1)}
    return draw_critical_difference(average, 2.0, CAST, "Ranks")


def signals(signals=11):
    curves = [
        Curve(f"s{k} {HOSTILE}", (1, 2), (0.1 * k, nan), (0.0, nan), (0.9, nan)) for k in range(signals)
    ]
    return draw_signals([Panel("All", curves, Estimate(0.8, 0.7, 0.9)), Panel("Top", curves)], HOSTILE)


def predictions(count=30):
    made = [Guess(1, k / count, nan, (k * 7 % count) / count, k % 2 == 0) for k in range(count)]
    return draw_predictions({"a": made, HOSTILE: made, "c": made}, "val_accuracy", "Predictions")


def calibration(epochs=12):
    found = {t: [Coverage(t, level, e, 9) for level, e in zip((0.5, 0.8, 0.95), SPREAD, strict=False)]
             for t in range(1, epochs + 1)}  # fmt: skip
    return draw_calibration(found, "Calibration")


def winner():
    found = [WinnerPruned(r, SPREAD[k % 4], {1: 0.1, 3 + k: 0.2}, 0.1, 5, 10) for k, r in enumerate(RULES)]
    return draw_winner_pruned(found, CAST, "Winner")


def workers():
    points = {rule: [WorkersPoint(n, 0.1 * n, nan, nan) for n in (1, 4)] for rule in RULES}
    return draw_workers(points, CAST, "val_accuracy", "Workers")


FIGURES = [regret, incumbents, ranks, signals, predictions, calibration, winner, workers]


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_the_same_numbers_give_the_same_bytes(draw):
    assert png(draw()) == png(draw())
    first, again = svg(draw()), svg(draw())
    assert first == again
    if first is not None:
        assert ElementTree.fromstring(first).tag.endswith("svg")
        assert len(first) <= LARGEST_SVG


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_no_text_leaves_the_figure(draw):
    figure = draw()
    figure.draw_without_rendering()
    width, _ = figure.get_size_inches() * figure.dpi
    texts = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        texts += [axes.xaxis.label, axes.yaxis.label, *axes.get_yticklabels()]
    for text in (text for text in texts if text.get_text()):
        box = text.get_window_extent()
        assert box.x0 >= -1, text
        assert box.x1 <= width + 1, text


def test_candidate_and_rival_differ_in_colour_marker_and_line():
    first, second = CAST.look("beta_eff"), CAST.look("asha")
    assert all(getattr(first, name) != getattr(second, name) for name in ("color", "marker", "line"))


@pytest.mark.parametrize(
    ("rule", "role"),
    [
        ("asha", Role.RIVAL),
        ("beta_eff", Role.CANDIDATE),
        ("i_epoch:3:5", Role.FRONT),
        ("full", Role.FULL),
        ("oracle", Role.ORACLE),
        ("asha_promotion", Role.OTHER),
    ],
)
def test_every_rule_has_a_part(rule, role):
    assert CAST.role(rule) is role


def test_an_i_epoch_rule_may_be_the_candidate():
    assert Cast("i_epoch:2", "asha").role("i_epoch:2") is Role.CANDIDATE


def test_the_front_is_drawn_through_its_rules_in_the_order_of_their_cost():
    figure = draw_epochs_regret(
        [RulePoint("i_epoch:2", 0.4, 0.01), RulePoint("i_epoch:1", 0.2, 0.03), RulePoint("asha", 0.3, 0.02)],
        CAST, "val_accuracy", "",
    )  # fmt: skip
    front = next(line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 2)
    assert list(front.get_xdata()) == [0.2, 0.4]
    assert np.allclose(front.get_ydata(), [3.0, 1.0])


def test_rules_without_a_part_are_numbered_on_the_figure_and_named_below():
    figure = regret()
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named[-2:] == ["1 median", f"2 {' ' + HOSTILE}"]
    assert {"1", "2", "i=1", "i=2"} <= {text.get_text() for text in figure.axes[0].texts}


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["learned_promotion:no_audit", "optuna:SuccessiveHalvingPruner"], 2),
        (["learned:no_audit,no_early,no_graph", "learned:no_audit,no_beta_eff,no_graph"], 1),
    ],
)
def test_no_name_below_the_figure_is_cut_off(names, columns):
    figure = regret(("asha", "beta_eff", names[0], "median", names[1]))
    legend = figure.legends[0]
    box = legend.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
    assert 0 <= box.y0 < box.y1 < figure.axes[0].get_window_extent().y0
    assert len({round(text.get_window_extent().x0) for text in legend.get_texts()}) == columns


def test_a_regret_of_zero_everywhere_is_drawn():
    figure = draw_epochs_regret([RulePoint("full", 1.0, 0.0)], CAST, "val_accuracy", "")
    assert figure.axes[0].get_ylim()[1] > 0


@given(st.floats(1e-6, 1e6))
def test_root_ticks_ascend_from_zero_and_are_few(highest):
    ticks = root_ticks(highest)
    assert ticks[0] == 0
    assert ticks == sorted(set(ticks))
    assert 3 <= len(ticks) <= 12
    assert 0.4 * highest <= ticks[-1] <= 1.05 * highest


@given(st.lists(st.floats(1, 20), min_size=1, max_size=12).map(sorted), st.floats(0, 5))
def test_cliques_join_all_that_do_not_differ_and_nobody_else(ranks, difference):
    found = cliques(ranks, difference)
    joined = {(i, j) for first, last in found for i in range(first, last + 1) for j in range(i + 1, last + 1)}
    assert joined == {
        (i, j)
        for i in range(len(ranks))
        for j in range(i + 1, len(ranks))
        if ranks[j] - ranks[i] <= difference
    }


def test_many_signals_few_colours():
    labels = [text.get_text() for text in signals(11).legends[0].get_texts()]
    assert f"{11 - MOST_NAMED} more signals" in labels
    assert len(labels) == MOST_NAMED + 2


def test_many_epochs_few_lines():
    assert len(calibration(16).legends[0].get_texts()) <= MOST_EPOCHS + 1


def test_many_predictions_few_points():
    axes = predictions(5 * MOST_POINTS).axes[0]
    points = sum(len(line.get_xdata()) for line in axes.get_lines() if line.get_marker() in ("x", "o"))
    assert 0 < points <= MOST_POINTS


def test_predictions_are_drawn_in_percent_and_pruned_ones_as_crosses():
    figure = draw_predictions(
        {"t": [Guess(1, 0.5, nan, 0.6, True), Guess(1, 0.7, nan, 0.8, False)]}, "val_accuracy", ""
    )
    drawn = {line.get_marker(): (*line.get_xdata(), *line.get_ydata()) for line in figure.axes[0].get_lines()}
    assert drawn["x"] == pytest.approx((50.0, 60.0))
    assert drawn["o"] == pytest.approx((70.0, 80.0))


def test_the_bars_of_a_rule_add_up_to_its_share():
    found = [WinnerPruned("asha", Estimate(0.5, 0.3, 0.7), {1: 0.2, 4: 0.3}, 0.1, 5, 10)]
    bars = draw_winner_pruned(found, CAST, "").axes[0].patches
    assert [bar.get_width() for bar in bars] == pytest.approx([20.0, 30.0])
    assert bars[1].get_x() == pytest.approx(20.0)


def test_labels_keep_off_points_line_axis_and_one_another():
    figure = regret([f"i_epoch:{k}" for k in range(1, 7)])
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
    points = axes.transData.transform([line.get_xydata()[0] for line in axes.get_lines()])
    assert not any(box.contains(*point) for box in boxes for point in points)
    assert all(box.y0 >= axes.bbox.y0 - 1 for box in boxes)
