"""What stands beside the verdict: the trivial rule, the bound, the winner, the test set."""

from collections.abc import Iterator

from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.difference import compare_rules
from neurocap_search.comparison.statistics.front import AboveFront, above_front, is_i_epoch
from neurocap_search.comparison.statistics.units import MEASURES, mean, runs_by_rule, unit_means
from neurocap_search.comparison.statistics.winner import WinnerPruned, winner_pruned
from neurocap_search.comparison.statistics.words import amount, chance, factor_of, interval, percent

FULL, ORACLE = "full", "oracle"


def beside(results: Results, *, workers: int | None, seed: int, resamples: int) -> tuple[str, ...]:
    """Return sentences on candidate and rival that the verdict needs beside it.

    What the comparison has no rule or number for is left out; that the i-epoch front is missing is said.

    Args:
        results: The comparison.
        workers: Only runs with so many workers; None: the mean over all of them.
        seed: Of the resampling.
        resamples: How many.
    """
    return (
        *_front(results, workers, seed, resamples),
        *_bounds(results, workers),
        *_winner(results, workers, seed, resamples),
        *_test(results, workers, seed, resamples),
        *_notes(results, workers),
    )


def _front(results: Results, workers: int | None, seed: int, resamples: int) -> Iterator[str]:
    if not any(map(is_i_epoch, results.rules)):
        yield (
            "The trivial rule was not compared: stop everybody after i epochs and finish the best three. "
            "Without it nobody knows whether either rule is worth its name."
        )
        return
    for rule in (results.candidate, results.rival):
        found = above_front(results, rule, workers=workers, seed=seed, resamples=resamples)
        yield _against_front(found, results.metric)


def _against_front(found: AboveFront, metric: str) -> str:
    if found.difference.excludes_zero:
        side = "worse than" if found.difference.value > 0 else "better than"
    else:
        side = "not clearly different from"
    return (
        f"{found.rule} is {side} stopping everybody after a fixed number of epochs and finishing the best "
        f"three: with the same {percent(found.epochs)} of the epochs that loses "
        f"{amount(found.reference, metric)}, {found.rule} loses {amount(found.regret, metric)} (difference "
        f"{factor_of(metric) * found.difference.value:+.3g}, 95 % interval "
        f"{interval(found.difference, factor_of(metric))})."
    )


def _bounds(results: Results, workers: int | None) -> Iterator[str]:
    by_rule = runs_by_rule(results, workers)
    for rule, what in ((FULL, "Full training of everybody"), (ORACLE, "The oracle, which knows the finals,")):
        if runs := by_rule.get(rule):
            epochs, regret = (
                mean(unit_means({key: MEASURES[measure](run) for key, run in runs.items()}).values())
                for measure in ("epochs", "regret")
            )
            yield f"{what} spends {percent(epochs)} of the epochs and loses {amount(regret, results.metric)}."


def _winner(results: Results, workers: int | None, seed: int, resamples: int) -> Iterator[str]:
    both = Results(tuple(run for run in results.runs if run.rule in (results.candidate, results.rival)))
    for found in winner_pruned(both, workers=workers, seed=seed, resamples=resamples):
        yield _pruned_words(found, results.metric)


def _pruned_words(found: WinnerPruned, metric: str) -> str:
    share = f"{percent(found.share.value)} of the runs"
    if found.share.has_interval:
        share += f" (95 % interval {interval(found.share, 100)})"
    cost = "" if found.share.value == 0 else f"; there it lost {amount(found.cost, metric)}"
    return f"{found.rule} pruned the best network of the pool in {share}{cost}."


def _test(results: Results, workers: int | None, seed: int, resamples: int) -> Iterator[str]:
    a, b = results.candidate, results.rival
    try:
        found = compare_rules(results, a, b, "test", workers=workers, seed=seed, resamples=resamples)
    except ValueError:  # nobody knows it
        return
    factor = factor_of(results.metric)
    unit = " %" if factor == 100 else ""
    yield (
        f"On images that no rule chose by, the pick of {a} reaches {factor * found.mean_a:.4g}{unit} and "
        f"that of {b} {factor * found.mean_b:.4g}{unit} (difference {factor * found.difference.value:+.3g}, "
        f"95 % interval {interval(found.difference, factor)}, {chance(found.p_holm)})."
    )


def _notes(results: Results, workers: int | None) -> Iterator[str]:
    found = compare_rules(results, results.candidate, results.rival, workers=workers, resamples=2)
    if found.note is not None:
        yield f"{found.note[0].upper()}{found.note[1:]}."
