"""What comes first on the page of a search."""

from neurocap_search.comparison.report.words import duration
from neurocap_search.comparison.search_report.subject import SearchSubject
from neurocap_search.comparison.statistics.words import count, percent
from neurocap_search.tracking.summary import PredictionQuality


def sentence(subject: SearchSubject) -> str:
    """Say what the search spent, and what it found."""
    summary, best, numbers = subject.summary, subject.record.best, subject.numbers
    spent = (
        f"{subject.config.name}: {summary.epochs:g} of {summary.full_epochs} epochs "
        f"({percent(summary.epoch_share)}) were trained"
    )
    if best is None:
        return f"{spent}, and no trial came to the end of its training."
    final = numbers.plain(best.final(summary.metric) or 0.0)
    unit = " %" if numbers.value_unit == "%" else ""
    test = summary.test_accuracy
    unseen = "" if test is None else f", test accuracy {numbers.plain(test)}{unit}"
    metric = summary.metric.replace("_", " ")
    return f"{spent}; the best network, {best.description}, has {metric} {final}{unit}{unseen}."


def beside(subject: SearchSubject) -> list[str]:
    """Say what pruning saved, and whether the predictions were worth anything here."""
    summary = subject.summary
    saved = summary.full_epochs - summary.epochs
    ends = f"{summary.pruned} pruned, {summary.completed} trained to the end, {summary.failed} failed"
    more = f", {summary.interrupted} not finished" if summary.interrupted else ""
    pruning = f"{count(len(subject.trials), 'trial')}: {ends}{more}; {count(saved, 'epoch')} saved."
    return [pruning, predictions(subject)]


def predictions(subject: SearchSubject) -> str:
    """Say how the predictions did beside the metric simply seen."""
    quality = subject.summary.quality
    if quality is None:
        return f"{subject.config.scheduler.name} made no predictions that could be checked."
    if not quality.trials:
        ended = count(quality.fallbacks, "trial")
        return f"At epoch {quality.epoch} there was no prediction yet for the {ended} trained to the end."
    missed, seen = (subject.numbers.amount(e) for e in (quality.mean_error, quality.seen_mean_error))
    return (
        f"Predicted at epoch {quality.epoch}, the finals of the {count(quality.trials, 'trial')} trained to "
        f"the end were missed by {missed} on average; what was seen then misses them by {seen}. "
        f"{_worth(quality)}"
    )


def _worth(quality: PredictionQuality) -> str:
    ours, seen = quality.rank_correlation, quality.seen_rank_correlation
    if ours is None or seen is None:
        return "These are too few, or too alike, to say which of the two ranks better."
    word = "better than" if ours > seen else "no better than"
    return f"On these survivors the prediction ranks {word} what was seen ({ours:.2f} against {seen:.2f})."


def about(subject: SearchSubject) -> str:
    """Say what was run, in one line."""
    config = subject.config
    return (
        f"A search of the space {config.space.name} by {config.search.sampler} with seed {config.seed}, "
        f"pruned by {config.scheduler.name}, in {duration(subject.search.seconds)}."
    )
