"""The live table and the closing words, as text."""

import pytest
from rich.console import Console

from neurocap_search.closing_words import _quality, verdict
from neurocap_search.display import LiveTable
from neurocap_search.prediction import Prediction, Report
from neurocap_search.pruning import Action, Decision
from neurocap_search.tracking import SearchRecord, TrialRecord, TrialState
from neurocap_search.tracking.summary import PredictionQuality


def make_record(trials: int, running: int) -> SearchRecord:
    """The first ``running`` trials still run, the others were pruned."""
    record = SearchRecord("val_accuracy", 18, trials)
    for number in range(trials):
        guess = Prediction(0.5, 0.074, "test", (4,), "no")
        trial = TrialRecord(number, f"id{number}", {}, "128-128-128-128 gelu batch p=0.5")
        trial.reports = [Report(4, {"val_accuracy": 0.5, "beta_eff": -0.001})]
        trial.decisions = [Decision(Action.CONTINUE, 4, "because", guess)]
        trial.state = TrialState.RUNNING if number < running else TrialState.PRUNED
        record.trials[trial.trial_id] = trial
    return record


@pytest.mark.parametrize("width", [80, 100, 140])
def test_every_column_but_the_architecture_is_whole_on_any_terminal(width: int) -> None:
    console = Console(width=width, height=40, record=True, file=None, force_terminal=False)
    table = LiveTable(console)
    with console.capture() as capture:
        console.print(table._draw(make_record(6, 2)))
    lines = capture.get().splitlines()
    assert all(len(line) <= width for line in lines)
    for word in ("trial", "epoch", "val acc", "beta_eff", "predicted final", "state"):
        assert word in lines[0]
    assert all(word in lines[1] for word in ("4/18", "0.500", "-1.0e-03", "0.500 ± 0.074 (seen)", "pruned"))


def test_running_trials_are_always_in_sight() -> None:
    console = Console(width=120, height=40)
    table = LiveTable(console, rows=10)
    with console.capture() as capture:
        console.print(table._draw(make_record(30, 3)))
    shown = capture.get()
    assert shown.count("running") == 3
    assert shown.count("pruned") == 7


@pytest.mark.parametrize(
    ("ours", "seen", "words"),
    [
        (0.9, 0.7, "ranks better than the accuracy seen, and is closer to the finals"),
        (0.7, 0.9, "ranks no better than the accuracy seen"),
        (None, 0.9, "too few, or too alike, to say"),
    ],
)
def test_the_verdict_never_flatters(ours: float | None, seen: float, words: str) -> None:
    assert words in verdict(PredictionQuality(4, 5, 1, 0.01, ours, 0.5, 0.02, seen))


@pytest.mark.parametrize(
    ("trials", "fallbacks", "words"),
    [
        (0, 5, "at epoch 4: none yet for the 5 trials trained to the end"),
        (4, 1, "at epoch 4, on 4 trials trained to the end; for 1 more there was none yet:"),
        (4, 0, "at epoch 4, on 4 trials trained to the end:"),
    ],
)
def test_a_trial_without_a_prediction_is_counted_and_not_compared(
    trials: int, fallbacks: int, words: str
) -> None:
    lines = _quality(PredictionQuality(4, trials, fallbacks, 0.01, 0.9, 0.5, 0.02, 0.7))
    assert lines[0] == f"Predictions     {words}"
    assert len(lines) == (4 if trials else 1)
