"""The table of all trials, the best first."""

from math import inf

from neurocap_search.comparison.report.page import Record, Section, Table
from neurocap_search.comparison.report.words import UNKNOWN
from neurocap_search.comparison.search_report.subject import SearchSubject
from neurocap_search.tracking import TrialRecord, TrialState
from neurocap_search.tracking.tables import trial_row

MOST_ROWS = 200
"""Rows on the page; the CSV file has all."""


def trials_section(subject: SearchSubject) -> Section:
    """Return the table of trials."""
    trials = sorted(subject.trials, key=lambda trial: _order(subject, trial))
    shown, unit = trials[:MOST_ROWS], subject.numbers.value_unit
    metric = subject.record.metric.replace("_", " ")
    first = subject.config.scheduler.grace_period
    header = ["trial", "architecture", "state", "epochs"]
    header += [f"last {metric} ({unit})", f"predicted at epoch {first} ({unit})"]
    header += ["parameters", "why it ended"]
    best = subject.record.best
    table = Table(
        name="trials",
        caption="All trials, the best first" if len(shown) == len(trials) else f"The best {MOST_ROWS} trials",
        header=header,
        rows=[_cells(subject, trial) for trial in shown],
        marked=frozenset() if best is None else frozenset({str(best.number)}),
        note="In brackets: no prediction yet, but a stand-in made of what was seen by then.",
        data=[_data(subject, trial) for trial in subject.trials],
    )
    return Section("Trials", tables=[table])


def _order(subject: SearchSubject, trial: TrialRecord) -> tuple[bool, float, float, int]:
    """Trials trained to the end first, then those that came furthest; the better before the worse."""
    value = trial.value(subject.record.metric)
    known = -inf if value is None or value != value else value
    return trial.state is not TrialState.COMPLETED, -trial.epochs, -known, trial.number


def _cells(subject: SearchSubject, trial: TrialRecord) -> list[str]:
    value, numbers = trial.value(subject.record.metric), subject.numbers
    reason = trial.error or (trial.last_decision.reason if trial.last_decision else UNKNOWN)
    return [
        str(trial.number),
        trial.description,
        trial.state.value,
        f"{trial.epochs:g}",
        UNKNOWN if value is None else numbers.plain(value),
        _predicted(subject, trial),
        f"{trial.parameters:,}",
        reason,
    ]


def _predicted(subject: SearchSubject, trial: TrialRecord) -> str:
    first, numbers = subject.config.scheduler.grace_period, subject.numbers
    guess = next((made.prediction for made in trial.decisions if made.epoch == first), None)
    if guess is None:
        return UNKNOWN
    text = numbers.plain(guess.mean) + ("" if guess.std is None else f" ± {numbers.plain(guess.std)}")
    return text if guess.fallback is None else f"({text})"


def _data(subject: SearchSubject, trial: TrialRecord) -> Record:
    return trial_row(subject.record, trial)
