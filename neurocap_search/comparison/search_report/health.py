"""Whether the search and its predictions can be trusted."""

from collections.abc import Iterator, Sequence
from math import isnan

import numpy as np

from neurocap_search.comparison.report.page import Section
from neurocap_search.comparison.results import Guess
from neurocap_search.comparison.search_report.subject import SearchSubject
from neurocap_search.comparison.statistics import calibration
from neurocap_search.comparison.statistics.check import Check, graded
from neurocap_search.comparison.statistics.words import count, percent
from neurocap_search.tracking import TrialRecord
from neurocap_search.tracking.summary import rank_correlation

FEW, TOO_FEW = 10, 3
"""Trials trained to the end below which a rank correlation says little, or nothing."""

_LEVEL = 0.8
_CLASSES = 3


def health_section(subject: SearchSubject) -> Section:
    """Return the health card."""
    return Section("Health card", checks=list(checks(subject)))


def checks(subject: SearchSubject) -> Iterator[Check]:
    """Yield one line for each thing that can go wrong."""
    yield _finished(subject)
    yield _enough(subject)
    yield _failures(subject)
    yield _saved(subject)
    yield from _capacitance(subject)
    yield from _predictions(subject)


def _finished(subject: SearchSubject) -> Check:
    left = subject.summary.interrupted
    reason = (
        f"{count(left, 'trial')} not finished: what follows is of a part" if left else "all trials have ended"
    )
    return Check("search finished", graded(False, left > 0), reason)


def _enough(subject: SearchSubject) -> Check:
    known = len(subject.completed)
    reason = f"{count(known, 'trial')} trained to the end"
    if known < FEW:
        reason += f"; with fewer than {FEW} a rank correlation says little"
    return Check("finished trials", graded(known < TOO_FEW, known < FEW), reason)


def _failures(subject: SearchSubject) -> Check:
    failed, trials = subject.summary.failed, len(subject.trials)
    reason = f"{failed} of {count(trials, 'trial')} failed"
    return Check("failed trials", graded(failed > trials / 4, failed > 0), reason)


def _saved(subject: SearchSubject) -> Check:
    summary, name = subject.summary, subject.config.scheduler.name
    reason = f"{name} spent {percent(summary.epoch_share)} of the epochs of full training"
    if name == "none":
        return Check("epochs saved", "PASS", "nothing was to be pruned")
    return Check("epochs saved", graded(False, summary.epoch_share > 0.95), reason)


def _capacitance(subject: SearchSubject) -> Iterator[Check]:
    values = [report.get("beta_eff") for trial in subject.trials for report in trial.reports]
    known = [value for value in values if value is not None]
    if known:
        lost = sum(map(isnan, known)) / len(known)
        reason = f"no value after {percent(lost)} of the {count(len(known), 'epoch')}"
        yield Check("beta_eff measured", graded(lost > 0.5, lost > 0.1), reason)


def _predictions(subject: SearchSubject) -> Iterator[Check]:
    quality = subject.summary.quality
    if quality is None:
        return
    ended = quality.trials + quality.fallbacks
    share = quality.fallbacks / ended
    reason = f"for {quality.fallbacks} of {ended} trials there was none at epoch {quality.epoch}"
    yield Check("predictions are there", graded(share == 1, share > 0.25), reason)
    ours, seen = quality.rank_correlation, quality.seen_rank_correlation
    if ours is not None and seen is not None and quality.trials >= FEW:
        reason = f"rank correlation with the final {ours:.2f}, that of the value seen {seen:.2f}"
        yield Check("better than what is seen", graded(False, ours <= seen), reason)
    guesses = _first_guesses(subject)
    yield from _spread(guesses)
    yield from _sizes(subject)


def _first_guesses(subject: SearchSubject) -> list[Guess]:
    (run,) = subject.scene.results.runs
    first = min((guess.epoch for guess in run.guesses), default=0)
    return [guess for guess in run.guesses if guess.epoch == first]


def _spread(guesses: list[Guess]) -> Iterator[Check]:
    for found in calibration(guesses, [_LEVEL]):
        inside = found.observed
        is_off = not inside.low <= _LEVEL <= inside.high
        reason = (
            f"{percent(inside.value)} of {count(found.guesses, 'final')} lay inside the {percent(_LEVEL)} "
            f"interval stated at epoch {found.epoch}"
        )
        yield Check("spread of the predictions", graded(False, is_off), reason)


def _sizes(subject: SearchSubject) -> Iterator[Check]:
    rows = [row for trial in subject.completed if (row := _row(subject, trial)) is not None]
    if len(rows) >= 4 * _CLASSES:
        sizes, means, finals = zip(*rows, strict=True)
        if (found := _more_than_size(sizes, means, finals)) is not None:
            yield found


def _more_than_size(sizes: Sequence[float], means: Sequence[float], finals: Sequence[float]) -> Check | None:
    """Look whether the prediction still ranks among networks of similar size; None if nobody can tell."""
    overall = rank_correlation(list(means), list(finals))
    parts = np.array_split(np.argsort(sizes, kind="stable"), _CLASSES)
    within = [rank_correlation([means[k] for k in part], [finals[k] for k in part]) for part in parts]
    known = [value for value in within if value is not None]
    if overall is None or not known:
        return None
    mean = sum(known) / len(known)
    reason = f"rank correlation {overall:.2f} over all sizes, {mean:.2f} among networks of similar size"
    return Check("more than size", graded(False, overall > 0.3 and mean < overall / 2), reason)


def _row(subject: SearchSubject, trial: TrialRecord) -> tuple[float, float, float] | None:
    """Return size, first prediction and final metric of a trial."""
    quality, final = subject.summary.quality, trial.final(subject.record.metric)
    made = (d.prediction for d in trial.decisions if quality and d.epoch == quality.epoch)
    guess = next(made, None)
    if guess is None or final is None or isnan(guess.mean) or isnan(final):
        return None
    return float(trial.parameters), guess.mean, final
