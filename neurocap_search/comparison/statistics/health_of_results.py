"""What can be checked by the runs of a comparison alone."""

from collections.abc import Iterator
from math import isfinite

import numpy as np

from neurocap_search.comparison.bootstrap import Estimate, Resampling
from neurocap_search.comparison.results import Guess, Results
from neurocap_search.comparison.statistics.beside import FULL, ORACLE
from neurocap_search.comparison.statistics.calibration import calibration
from neurocap_search.comparison.statistics.check import Check, graded
from neurocap_search.comparison.statistics.difference import compare_rules
from neurocap_search.comparison.statistics.front import AboveFront, above_front, is_i_epoch
from neurocap_search.comparison.statistics.outcome import FEWEST_POOLS
from neurocap_search.comparison.statistics.rank_correlation import FEWEST, weighted_spearman
from neurocap_search.comparison.statistics.units import check_rule, key_of, runs_by_rule, unit_means
from neurocap_search.comparison.statistics.words import amount, count, factor_of, interval, percent

ENOUGH_POOLS, ENOUGH_TASKS = 12, 3
UNLIKE_BUDGETS = 0.2
"""Relative difference of the epochs spent from which regret alone cannot be compared."""
COVERAGE_OFF, COVERAGE_BAD = 0.1, 0.2


def checks_of_results(results: Results, seed: int, resamples: int) -> Iterator[Check]:
    """Return the checks that need no traces.

    Raises:
        ValueError: If the candidate or the rival has no runs.
    """
    for rule in (results.candidate, results.rival):
        check_rule(results, rule)
    yield _pools(results)
    yield _pairs(results)
    yield _finished(results)
    yield _budgets(results)
    yield from _front(results, seed, resamples)
    yield _winner(results, seed, resamples)
    yield from _predictions(results, seed, resamples)


def _pools(results: Results) -> Check:
    units = {run.unit for run in results.of(results.candidate)}
    tasks = len({unit.task for unit in units})
    few = len(units) < ENOUGH_POOLS or tasks < ENOUGH_TASKS
    said = f"{count(len(units), 'disjoint pool')} of {count(tasks, 'task')}"
    advice = f"; {ENOUGH_POOLS} pools of {ENOUGH_TASKS} tasks are a modest basis" if few else ""
    return Check("enough pools", graded(len(units) < FEWEST_POOLS, few), said + advice)


def _pairs(results: Results) -> Check:
    runs = runs_by_rule(results)
    everything = set().union(*runs.values())
    lacking = [rule for rule, by_key in runs.items() if len(by_key) < len(everything)]
    if not lacking:
        return Check("same work for all", "PASS", f"every rule had the same {count(len(everything), 'run')}")
    shared = len(set.intersection(*(set(by_key) for by_key in runs.values())))
    names = ", ".join(lacking[:3]) + (" and others" if len(lacking) > 3 else "")
    reason = f"{names} lack some of {len(everything)} runs; tables rest on the {shared} in common"
    return Check("same work for all", graded(shared == 0, True), reason)


def _finished(results: Results) -> Check:
    runs = results.of(results.candidate)
    empty = sum(run.pick is None for run in runs) / len(runs)
    reason = f"{results.candidate} trained no network to the end in {percent(empty)} of {len(runs)} runs"
    return Check("finished trials", graded(empty > 0.1, empty > 0), reason)


def _budgets(results: Results) -> Check:
    found = compare_rules(results, results.candidate, results.rival, "epochs", resamples=2)
    ratio = found.mean_a / found.mean_b if found.mean_b else float("inf")
    reason = f"{found.a} spent {percent(found.mean_a)} of full training, {found.b} {percent(found.mean_b)}"
    unlike = abs(ratio - 1) > UNLIKE_BUDGETS
    more = "; read regret and epochs together, never regret alone" if unlike else ""
    return Check("equal budgets", graded(False, unlike), reason + more)


def _front(results: Results, seed: int, resamples: int) -> Iterator[Check]:
    name = "against the trivial rule"
    if not any(map(is_i_epoch, results.rules)):
        yield Check(name, "WARNING", "no i-epoch rule was compared; add i_epoch:1, i_epoch:2 and so on")
        return
    judged = [rule for rule in results.rules if not is_i_epoch(rule) and rule not in (FULL, ORACLE)]
    found = {rule: above_front(results, rule, seed=seed, resamples=resamples) for rule in judged}
    yield _candidate_front(name, found[results.candidate], results.metric)
    below = [rule for rule, place in found.items() if place.difference.value < 0]
    sure = [rule for rule in below if found[rule].difference.high < 0]
    reason = (
        f"{len(below)} of {count(len(judged), 'rule')} lose less than the i-epoch rules at the same epochs, "
        f"{len(sure)} of them surely"
    )
    yield Check("any rule beats the trivial one", graded(False, not sure), reason)


def _candidate_front(name: str, found: AboveFront, metric: str) -> Check:
    difference = found.difference
    reason = (
        f"{found.rule} loses {amount(found.regret, metric)}, stopping everybody after a fixed number of "
        f"epochs {amount(found.reference, metric)} at the same cost (95 % interval of the difference "
        f"{interval(difference, factor_of(metric))})"
    )
    return Check(name, graded(difference.low > 0, not difference.high < 0), reason)


def _winner(results: Results, seed: int, resamples: int) -> Check:
    runs = runs_by_rule(results)
    candidate, rival = runs[results.candidate], runs[results.rival]
    shared = sorted(candidate.keys() & rival.keys())
    shares = [
        unit_means({key: float(by_key[key].winner_pruned_at is not None) for key in shared})
        for by_key in (candidate, rival)
    ]
    resampling = Resampling.of(shares[0].keys(), seed, resamples)
    ours, theirs = (list(share.values()) for share in shares)
    more = resampling.estimate([a - b for a, b in zip(ours, theirs, strict=True)])
    reason = (
        f"{results.candidate} pruned the best network in {percent(resampling.mean(ours))} of the runs, "
        f"{results.rival} in {percent(resampling.mean(theirs))} (95 % interval of the difference "
        f"{interval(more, 100)})"
    )
    return Check("winner kept", graded(more.low > 0, more.value > 0), reason)


def _predictions(results: Results, seed: int, resamples: int) -> Iterator[Check]:
    runs = results.of(results.candidate)
    guesses = [guess for run in runs for guess in run.guesses if isfinite(guess.final)]
    if not guesses:
        return
    yield from _spread(guesses)
    yield from _ranking(results, min(guess.epoch for guess in guesses), seed, resamples)


def _spread(guesses: list[Guess]) -> Iterator[Check]:
    one = [Guess(0, *guess[1:]) for guess in guesses]
    found = calibration(one, levels=(0.8,))
    if not found:
        return
    coverage = found[0]
    off = abs(coverage.observed.value - coverage.level)
    direction = "too sure of itself" if coverage.observed.value < coverage.level else "too cautious"
    reason = (
        f"{percent(coverage.observed.value)} of {coverage.guesses} finals lay in the stated 80 % interval"
    )
    reason += f": {direction}" if off > COVERAGE_OFF else ""
    yield Check("spread of the predictions", graded(off > COVERAGE_BAD, off > COVERAGE_OFF), reason)


def _ranking(results: Results, epoch: float, seed: int, resamples: int) -> Iterator[Check]:
    """Check that the first predictions rank the networks of a pool better than chance."""
    by_key = {
        key_of(run): correlation
        for run in results.of(results.candidate)
        if isfinite(correlation := _correlation([g for g in run.guesses if g.epoch == epoch]))
    }
    if not by_key:
        reason = f"no run had {FEWEST} predictions at epoch {epoch} whose finals are known: too few to say"
        yield Check("predictions rank", "WARNING", reason)
        return
    means = unit_means(by_key)
    found = Resampling.of(means.keys(), seed, resamples).estimate(list(means.values()))
    reason = f"rank correlation {_number(found)} of predicted and final at epoch {epoch}"
    yield Check("predictions rank", graded(found.value <= 0, not found.low > 0), reason)


def _correlation(guesses: list[Guess]) -> float:
    known = np.array([(g.mean, g.final) for g in guesses if isfinite(g.mean) and isfinite(g.final)])
    if len(known) < FEWEST:
        return float("nan")
    return float(weighted_spearman(known[:, 0], known[:, 1], np.ones((1, len(known))))[0])


def _number(found: Estimate) -> str:
    return f"{found.value:.2f} (95 % interval {interval(found)})"
