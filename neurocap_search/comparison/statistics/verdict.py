"""The one sentence: is the candidate better than its rival here, by how much, how sure is that?"""

from dataclasses import dataclass

from neurocap_search.comparison.bootstrap import RESAMPLES
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.beside import beside
from neurocap_search.comparison.statistics.difference import Difference, compare_rules
from neurocap_search.comparison.statistics.outcome import FEWEST_POOLS, LEVEL, Outcome, outcome_of
from neurocap_search.comparison.statistics.units import key_of, mean, unit_means
from neurocap_search.comparison.statistics.words import amount, chance, count, factor_of, interval, percent

REGRET_MARGIN = 0.05
"""Regret that does not matter, as a share of what picking the median network loses."""


@dataclass(frozen=True)
class Verdict:
    """What a comparison says.

    Attributes:
        outcome: In two words.
        sentence: In one sentence, with the numbers it rests on.
        beside: What a sceptic asks next: the i-epoch front, the bound, the winner, the test set; last what it
            all rests on.
        regret: The difference of the two rules in regret.
        epochs: The same in epochs spent, as a share of full training.
        margin: Regret that does not matter, in the unit of the metric.
    """

    outcome: Outcome
    sentence: str
    beside: tuple[str, ...]
    regret: Difference
    epochs: Difference
    margin: float


def verdict(
    results: Results, *, workers: int | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> Verdict:
    """Judge the candidate against the rival, on epochs spent and regret together.

    What counts as better stands at :func:`~neurocap_search.comparison.statistics.outcome.outcome_of`. Regret
    does not matter below 5 % of what picking the median network would lose.

    When not to use it: alone. A rule can be better than its rival and worse than stopping everybody after
    two epochs, which ``beside`` says.

    Args:
        results: The comparison.
        workers: Only runs with so many workers; None: the mean over all of them.
        seed: Of the resampling.
        resamples: How many.

    Raises:
        ValueError: If candidate and rival have no run in common.
    """
    a, b = results.candidate, results.rival
    regret = compare_rules(results, a, b, "regret", workers=workers, seed=seed, resamples=resamples)
    epochs = compare_rules(results, a, b, "epochs", workers=workers, seed=seed, resamples=resamples)
    margin = REGRET_MARGIN * _median_regret(results, workers)
    outcome = outcome_of(regret, epochs, margin)
    sentence = _sentence(results, outcome, regret, epochs)
    said = beside(results, workers=workers, seed=seed, resamples=resamples)
    said = (*said, _basis(results, outcome, regret))
    return Verdict(outcome, sentence, said, regret, epochs, margin)


def _median_regret(results: Results, workers: int | None) -> float:
    """Return what picking the median network of each pool would lose, every task counting the same."""
    losses = {
        key_of(run): abs(run.best - run.median)
        for run in results.of(results.candidate)
        if workers in (None, run.workers)
    }
    by_task: dict[str, list[float]] = {}
    for unit, loss in unit_means(losses).items():
        by_task.setdefault(unit.task, []).append(loss)
    return mean(map(mean, by_task.values()))


def _sentence(results: Results, outcome: Outcome, regret: Difference, epochs: Difference) -> str:
    metric, factor = results.metric, factor_of(results.metric)
    return (
        f"{_claim(outcome, regret, epochs)}: it spends {percent(epochs.mean_a)} of the epochs of full "
        f"training against {percent(epochs.mean_b)} ({_how_sure(epochs, 100)}) and ends "
        f"{amount(regret.mean_a, metric)} off the best network against {amount(regret.mean_b, metric)} "
        f"({_how_sure(regret, factor)}){_win_rate(regret)}."
    )


def _basis(results: Results, outcome: Outcome, regret: Difference) -> str:
    """Say what the sentence rests on."""
    work = "Replays of recorded trainings" if results.kind == "replayed" else "Live searches"
    pools = f"{count(regret.units, 'pool')} of networks, {count(regret.runs, 'pair')} of runs"
    return (
        f"{work}: {count(regret.tasks, 'task')}, {pools}; p is Wilcoxon's over the pools after Holm's "
        f"correction for {count(regret.family, 'comparison')}{_caution(outcome, regret)}."
    )


def _win_rate(regret: Difference) -> str:
    if regret.ties == regret.units:
        return ""
    return (
        f", closer in {percent(regret.win_rate)} of the pools and as close in "
        f"{percent(regret.ties / regret.units)}"
    )


def _claim(outcome: Outcome, regret: Difference, epochs: Difference) -> str:
    a, b = regret.a, regret.b
    if outcome == "can't tell":
        return f"{count(regret.units, 'pool')} can't tell whether {a} is better than {b}"
    if outcome == "a trade":
        less, more = ("epochs", "regret") if epochs.difference.value < 0 else ("regret", "epochs")
        return f"{a} is neither better nor worse than {b} here, but a trade of less {less} for more {more}"
    how = "not clearly different from" if outcome == "no different" else f"{outcome} than"
    return f"{a} is {how} {b} here"


def _how_sure(difference: Difference, factor: float) -> str:
    found = difference.difference
    if difference.ties == difference.units:
        return "the same in every pool"
    ends = f"95 % interval {interval(found, factor)}"
    return f"difference {factor * found.value:+.3g}, {ends}, {chance(difference.p_holm)}"


def _caution(outcome: Outcome, regret: Difference) -> str:
    if outcome == "can't tell":
        return f"; it takes at least {FEWEST_POOLS} pools"
    if outcome == "no different" and 2.0 ** (1 - regret.units) * regret.family > LEVEL:
        return "; with so few pools hardly any difference could have been shown"
    return ""
