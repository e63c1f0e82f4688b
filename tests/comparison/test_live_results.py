"""What a pool of live searches says of its rules, on searches written by hand."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from neurocap_search.comparison.live_results import Pool, run_results
from neurocap_search.comparison.live_search import LiveSearch, _played
from neurocap_search.comparison.results import Guess
from neurocap_search.prediction import Prediction, Report
from neurocap_search.pruning import Action, Decision
from neurocap_search.tracking import SearchRecord, TrialRecord, TrialState

MAX_T = 3


def trial(number: int, state: TrialState, *curve: float, guess: Prediction | None = None) -> TrialRecord:
    reports = [Report(epoch, {"val_accuracy": value}) for epoch, value in enumerate(curve, 1)]
    decisions = [Decision(Action.CONTINUE, report.epoch, "made up", guess) for report in reports]
    config = {"architecture": {"width": number}, "training": {}}
    return TrialRecord(number, str(number), config, state=state, reports=reports, decisions=decisions)


def search(rule: str, *trials: TrialRecord) -> LiveSearch:
    record = SearchRecord("val_accuracy", MAX_T, len(trials))
    record.trials = {one.trial_id: one for one in trials}
    return LiveSearch(rule, 7, Path(rule), record, (), 5.0, math.nan)


FULL = search(
    "full",
    trial(0, TrialState.COMPLETED, 0.1, 0.2, 0.5),
    trial(1, TrialState.COMPLETED, 0.1, 0.2, 0.9),
    trial(2, TrialState.COMPLETED, 0.3, 0.4, 0.7),
    trial(3, TrialState.FAILED, 0.3),
)
PRUNED = search(
    "rule",
    trial(0, TrialState.PRUNED, 0.1),
    trial(1, TrialState.PRUNED, 0.1, 0.2, guess=Prediction(0.6, 0.1, "p", (1,))),
    trial(2, TrialState.COMPLETED, 0.3, 0.4, 0.7, guess=Prediction(0.8, None, "p", (1,))),
    trial(3, TrialState.FAILED, 0.3),
)


def results(*searches: LiveSearch, tests: Mapping[str, float] | None = None):
    known = tests or {}
    return run_results("t", searches, 2, lambda found: known.get(found.rule, math.nan))


def test_regret_is_against_what_full_training_found() -> None:
    full, rule = results(FULL, PRUNED, tests={"full": 0.8, "rule": 0.6})
    assert (full.regret, rule.regret) == (0, pytest.approx(0.2))
    assert (rule.pick, rule.final, rule.best, rule.median) == ("2", 0.7, 0.9, 0.7)
    assert (rule.winner_pruned_at, full.winner_pruned_at) == (2, None)
    assert (full.test, rule.test, rule.best_test) == (0.8, 0.6, 0.8)
    assert (rule.unit, rule.seed, rule.workers, rule.seconds) == (("t", 7), 7, 2, 5.0)


def test_a_trial_that_fails_would_fail_without_a_rule_too() -> None:
    full, rule = results(FULL, PRUNED)
    assert (full.epochs, full.full_epochs) == (10, 10)
    assert (rule.epochs, rule.full_epochs) == (1 + 2 + 3 + 1, 10)


def test_guesses_stand_beside_finals_that_any_rule_knows() -> None:
    guesses = results(FULL, PRUNED)[1].guesses
    assert guesses[:2] == (Guess(1, 0.6, 0.1, 0.9, True), Guess(2, 0.6, 0.1, 0.9, True))
    assert [(g.epoch, g.mean, g.final, g.pruned) for g in guesses[2:]] == [
        (1, 0.8, 0.7, False),
        (2, 0.8, 0.7, False),
    ]
    assert results(PRUNED)[0].guesses == guesses[2:]


def test_what_is_only_the_best_seen_is_no_guess() -> None:
    seen = Prediction(0.4, 0.1, "p", (1,), fallback="too early")
    (run,) = results(search("rule", trial(0, TrialState.COMPLETED, 0.3, 0.4, 0.7, guess=seen)))
    assert run.guesses == ()


def test_of_equally_good_winners_one_is_enough() -> None:
    best = [trial(k, TrialState.COMPLETED, 0.1, 0.2, 0.9) for k in (0, 1)]
    one = search("rule", trial(0, TrialState.PRUNED, 0.1), best[1])
    none = search("other", trial(0, TrialState.PRUNED, 0.1), trial(1, TrialState.PRUNED, 0.1, 0.2))
    found = results(search("full", *best), one, none)
    assert [run.winner_pruned_at for run in found] == [None, None, 2]


def test_nothing_finished_is_no_error() -> None:
    (run,) = results(search("rule", trial(0, TrialState.PRUNED, 0.1)))
    assert run.pick is None
    assert math.isnan(run.best)
    assert run.winner_pruned_at is None
    assert Pool.of([]).winners == set()


def test_the_clock_stands_still_while_a_search_is_cut_off() -> None:
    facts = {"config": {}, "description": "", "parameters": 0, "multiply_adds": 0}
    decision = Decision(Action.CONTINUE, 1, "made up").to_json()
    report = Report(1, {"val_accuracy": 0.5}).to_json()
    end = {"event": "ended", "trial_id": "0", "state": "completed", "error": None, "weights": None}
    events = [
        {"event": "search", "search_id": "x", "time": 100.0},
        {"event": "suggested", "trial_id": "0", "number": 0, "time": 101.0, **facts},
        {"event": "resumed", "restarted": ["0"], "time": 5000.0},
        {"event": "restarted", "old_id": "0", "trial_id": "0", "time": 5002.0},
        {"event": "report", "trial_id": "0", "report": report, "decision": decision, "time": 5003.0},
        {**end, "time": 5004.0},
    ]
    incumbents, seconds = _played(events, SearchRecord("val_accuracy", 1, 1))
    assert seconds == 1 + 2 + 1 + 1
    assert incumbents == [(5.0, 1, 0.5)]


def test_of_different_finals_of_one_network_the_best_counts() -> None:
    """On a GPU the same training need not give the same numbers; a regret must not be negative."""
    better, worse = (trial(0, TrialState.COMPLETED, 0.1, 0.2, final) for final in (0.9, 0.8))
    for order in ((better, worse), (worse, better)):
        found = results(search("one", order[0]), search("other", order[1]))
        assert {run.best for run in found} == {0.9}
        assert sorted(run.regret for run in found) == [0, pytest.approx(0.1)]
