"""The two figures of a search: learning curves, and predicted against final."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurocap_search.prediction import Prediction
from neurocap_search.tracking.listener import SearchListener
from neurocap_search.tracking.record import SearchRecord, TrialRecord, TrialState
from neurocap_search.tracking.summary import Summary

# The first three of Okabe and Ito's palette that colour-blind readers tell apart on white paper.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#999999"


class FigureWriter(SearchListener):
    """Draws the figures of a run directory when the search ends.

    Args:
        folder: Figures go to ``folder/figures``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_search_end(self, record: SearchRecord, summary: Summary) -> None:
        """Draw both figures, in PNG, as far as there is something to draw."""
        target = self.folder / "figures"
        target.mkdir(exist_ok=True)
        with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
            if any(trial.reports for trial in record):
                draw_learning_curves(record).savefig(target / "learning_curves.png", dpi=160)
            if summary.quality is not None:
                figure = draw_predictions(record, summary.quality.epoch)
                figure.savefig(target / "predicted_against_final.png", dpi=160)


def draw_learning_curves(record: SearchRecord) -> Figure:
    """Draw the metric of every trial over the epochs, pruned trials ending in a cross."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for trial in record:
        _draw_curve(axes, record, trial)
    states = (TrialState.COMPLETED, TrialState.PRUNED)
    counts = [len(record.in_state(state)) for state in states]
    axes.plot([], [], color=_BLUE, label=f"fully trained ({counts[0]})")
    early = sum(not trial.curve for trial in record.in_state(TrialState.PRUNED))
    at_once = f"; {early} within the first epoch, not drawn" if early else ""
    label = f"pruned ({counts[1]}{at_once})"
    axes.plot([], [], color=_GREY, marker="x", markeredgecolor=_ORANGE, label=label)
    axes.plot([], [], color="black", linewidth=2, label="best")
    axes.set(
        xlabel="epoch", ylabel=record.metric.replace("_", " ") + " (share)", xlim=(0.5, record.max_t + 0.5)
    )
    ended = record.in_state(*states)
    epochs = sum(trial.epochs for trial in ended)
    axes.set_title(f"{len(ended)} trials, {epochs:g} of {len(ended) * record.max_t} epochs trained")
    axes.legend(loc="lower right", frameon=False)
    return figure


def _draw_curve(axes: Axes, record: SearchRecord, trial: TrialRecord) -> None:
    epochs = [report.epoch for report in trial.curve]
    values = [report.metrics[record.metric] for report in trial.curve]
    if not epochs:
        return
    best, full = record.best is trial, trial.state is TrialState.COMPLETED
    color = "black" if best else _BLUE if full else _GREY
    width, order = (2.0, 3) if best else (0.9, 2)
    axes.plot(epochs, values, color=color, linewidth=width, alpha=1 if full else 0.7, zorder=order)
    if trial.state is TrialState.PRUNED:
        axes.plot(epochs[-1], values[-1], "x", color=_ORANGE, markersize=6, zorder=4)


def draw_predictions(record: SearchRecord, epoch: int) -> Figure:
    """Draw predicted against final metric for the fully trained trials, with one standard deviation."""
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.subplots()
    pairs = list(_predicted_and_final(record, epoch))
    for guess, final in pairs:
        color = _BLUE if guess.fallback is None else _ORANGE
        spread = 0.0 if guess.std is None else guess.std
        axes.errorbar(guess.mean, final, xerr=spread, fmt="o", color=color, markersize=4, elinewidth=0.8)
    _same_scale(axes, [value for guess, final in pairs for value in (guess.mean, final)])
    axes.plot([], [], "o", color=_BLUE, label="predicted")
    axes.plot([], [], "o", color=_ORANGE, label="no prediction yet, a stand-in")
    axes.plot([], [], "--", color=_GREY, label="predicted = final")
    name = record.metric.replace("_", " ")
    axes.set(xlabel=f"{name} predicted at epoch {epoch} (share, ± one s.d.)", ylabel=f"final {name} (share)")
    axes.set_title("Fully trained trials: predicted against final")
    axes.legend(loc="lower right", frameon=False)
    return figure


def _predicted_and_final(record: SearchRecord, epoch: int) -> Iterator[tuple[Prediction, float]]:
    for trial in record.in_state(TrialState.COMPLETED):
        guess = next((d.prediction for d in trial.decisions if d.epoch == epoch), None)
        final = trial.final(record.metric)
        if guess is not None and final is not None:
            yield guess, final


def _same_scale(axes: Axes, values: list[float]) -> None:
    """Give both axes the range of the points, and draw the diagonal; long error bars may leave it."""
    margin = 0.08 * (max(values) - min(values)) or 0.01
    ends = (min(values) - margin, max(values) + margin)
    axes.set(xlim=ends, ylim=ends)
    axes.plot(ends, ends, color=_GREY, linewidth=0.8, linestyle="--", zorder=1)
