"""The parts of the page that only a search has: curves, epochs, signals, trials, protocol."""

from collections.abc import Iterator

from neurocap_search.comparison.figures.epochs_spent import Spent, draw_epochs_spent
from neurocap_search.comparison.figures.learning_curves import Fate, LearningCurve, draw_learning_curves
from neurocap_search.comparison.figures.signals import Curve, Panel, draw_signals
from neurocap_search.comparison.report.page import Picture, Record, Section
from neurocap_search.comparison.search_report.health import FEW
from neurocap_search.comparison.search_report.subject import SearchSubject
from neurocap_search.comparison.statistics.signals import SignalCorrelations, signal_correlations
from neurocap_search.comparison.statistics.words import count, percent
from neurocap_search.tracking import TrialRecord, TrialState

_SIGNALS = "What each signal is worth"
_SURVIVORS = (
    "On the trials trained to the end alone: how pruned ones would have ended nobody knows, and among "
    "survivors every signal looks weaker than it is. Record the trainings and replay them to know."
)


def curves_section(subject: SearchSubject) -> Section:
    """Return the learning curves."""
    metric = subject.record.metric
    curves = [_curve(subject, trial) for trial in subject.trials if trial.curve]
    figure = draw_learning_curves(curves, metric, subject.record.max_t, "Learning curves")
    early = sum(not trial.curve for trial in subject.record.in_state(TrialState.PRUNED))
    more = f"; {count(early, 'trial')} more ended within the first epoch" if early else ""
    cut = subject.summary.pruned - early
    finding = f"{count(len(curves), 'learning curve')}, {cut} of them cut off by pruning{more}."
    reading = "A cross is where a trial was pruned; the thick line is the best network."
    picture = Picture("curves", figure, finding, reading, list(_reports(subject)))
    return Section("Learning curves", pictures=[picture])


def epochs_section(subject: SearchSubject) -> Section:
    """Return where the epochs went."""
    spent = [_spent(subject, epoch) for epoch in range(1, subject.record.max_t + 1)]
    trained = sum(trial.epochs for trial in subject.trials)
    pruned = sum(trial.epochs for trial in subject.record.in_state(TrialState.PRUNED))
    saved = subject.summary.full_epochs - subject.summary.epochs
    finding = (
        f"{count(trained, 'epoch')} trained, {percent(pruned / max(trained, 1))} of them in trials that were "
        f"pruned; {saved:g} not trained."
    )
    figure = draw_epochs_spent(spent, "Where the epochs went")
    reading = "Each bar is one epoch of the schedule, and how many trials trained the whole of it."
    data = [{"epoch": epoch, **row._asdict()} for epoch, row in enumerate(spent, start=1)]
    return Section("Where the epochs went", pictures=[Picture("epochs", figure, finding, reading, data)])


def signals_section(subject: SearchSubject) -> Section:
    """Return the rank correlation of each signal with the final metric, or why there is none."""
    known = len(subject.completed)
    if known < FEW:
        return Section(_SIGNALS, [f"{count(known, 'trial')} trained to the end: too few to say."])
    found = signal_correlations(subject.traces)
    if not found.curves:
        return Section(_SIGNALS, ["No reported number differs between the networks after the first epoch."])
    curves = [Curve(c.label, c.epochs, c.correlation, c.low, c.high) for c in found.curves]
    panel = Panel(f"Trials trained to the end: {known}", curves)
    reading = "Spearman's rank correlation with the final metric; vertical lines are 95 % intervals."
    figure = draw_signals([panel], "What each signal is worth here")
    picture = Picture("signals", figure, _best_signal(found), reading, list(_signal_rows(found)))
    return Section(_SIGNALS, [_SURVIVORS], pictures=[picture])


def protocol_section(subject: SearchSubject) -> Section:
    """Return how it was made."""
    config = subject.config
    facts = {
        "Data": config.data.name or config.data.source,
        "Search space": config.space.name,
        "Full training": f"{config.training.epochs} epochs",
        "Sampler": f"{config.search.sampler}, seed {config.seed}",
        "Rule": _rule(subject),
        "Search": subject.record.search_id,
        "Libraries": ", ".join(f"{name} {version}" for name, version in subject.libraries.items()),
    }
    return Section("How it was made", facts=list(facts.items()))


def fate_of(subject: SearchSubject, trial: TrialRecord) -> Fate:
    """Return how a trial ended."""
    if trial is subject.record.best:
        return "best"
    fates: dict[TrialState, Fate] = {
        TrialState.COMPLETED: "trained to the end",
        TrialState.PRUNED: "pruned",
    }
    return fates.get(trial.state, "unfinished")


def _curve(subject: SearchSubject, trial: TrialRecord) -> LearningCurve:
    values = [report.metrics[subject.record.metric] for report in trial.curve]
    return LearningCurve(fate_of(subject, trial), [report.epoch for report in trial.curve], values)


def _reports(subject: SearchSubject) -> Iterator[Record]:
    for trial in subject.trials:
        for report in trial.curve:
            value = report.metrics[subject.record.metric]
            yield {"trial": trial.number, "epoch": report.epoch, subject.record.metric: value}


def _spent(subject: SearchSubject, epoch: int) -> Spent:
    states = [trial.state for trial in subject.trials if trial.epochs >= epoch]
    completed, pruned = (states.count(state) for state in (TrialState.COMPLETED, TrialState.PRUNED))
    saved = len(subject.record.in_state(TrialState.COMPLETED, TrialState.PRUNED)) - completed - pruned
    return Spent(completed, pruned, len(states) - completed - pruned, saved)


def _best_signal(found: SignalCorrelations) -> str:
    first = {curve.label: curve.correlation[0] for curve in found.curves}
    known = {label: value for label, value in first.items() if value == value}
    if not known:
        return "After one epoch no signal differs enough to rank the networks."
    best = max(known, key=lambda label: known[label])
    return f"After one epoch {best} ranks best ({known[best]:.2f})."


def _signal_rows(found: SignalCorrelations) -> Iterator[Record]:
    for curve in found.curves:
        for epoch in curve.epochs:
            value, low, high = curve.at(epoch)
            named = {"signal": curve.signal, "sign": curve.sign, "epoch": epoch}
            yield {**named, "rank_correlation": value, "low": low, "high": high}


def _rule(subject: SearchSubject) -> str:
    rule = subject.config.scheduler
    if rule.name == "none":
        return "none: everything is trained to the end"
    return (
        f"{rule.name} ({rule.type}), grace period {rule.grace_period}, "
        f"reduction factor {rule.reduction_factor:g}"
    )
