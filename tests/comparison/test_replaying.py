"""Replays of a whole bank, against the same counted by hand."""

import math
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.comparison.config import ReplayConfig
from neurocap_search.comparison.plan import ReplayPlan, plan_replay
from neurocap_search.comparison.replay_run import replay_rule
from neurocap_search.comparison.replaying import replay, replay_bank
from neurocap_search.comparison.results import Unit
from neurocap_search.comparison.results_file import RESULTS_FILE, read_results, write_results
from neurocap_search.errors import UserError
from neurocap_search.traces.schema import TaskTraces
from tests.comparison.banks import random_task, without
from tests.traces.conftest import made_up

SMALL = ReplayConfig(rules=("beta_eff", "asha"), trials=8, workers=(1, 4))


def plan_of(*tasks: TaskTraces, seeds=(0, 1), **changes) -> ReplayPlan:
    config = ReplayConfig(**{**SMALL.model_dump(), **changes})
    return plan_replay({task.task: task for task in tasks}, config, seeds)


def test_there_is_a_run_for_each_rule_pool_order_and_number_of_workers() -> None:
    plan = plan_of(random_task("a"), random_task("b", trials=9, seed=1))
    results = replay(plan, "beta_eff", "asha")
    expected = {
        (rule, unit, seed, workers)
        for rule in ("beta_eff", "asha", *(f"i_epoch:{i}" for i in (1, 2, 3, 5, 8)), "full", "oracle")
        for unit in (Unit("a", 0), Unit("a", 1), Unit("a", 2), Unit("b", 0))
        for seed in (0, 1)
        for workers in (1, 4)
    }
    assert {(run.rule, run.unit, run.seed, run.workers) for run in results.runs} == expected
    assert len(results.runs) == len(expected) == plan.replays


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.sampled_from([1, 2, 3]))
def test_full_training_the_oracle_and_the_front_are_what_can_be_counted(seed, workers, stop) -> None:
    plan = plan_of(random_task(trials=12, seed=seed), seeds=[seed], trials=12, workers=[workers])
    (unit,) = plan.pools
    curves = {t.key.trial: [r.metrics["val_accuracy"] for r in t.reports] for t in plan.pools[unit]}
    best = max(curves, key=lambda k: curves[k][-1])
    (full,) = replay_rule(plan, "full", unit, seed)
    assert (full.epochs, full.epoch_share, full.regret, full.pick) == (12 * 9, 1.0, 0.0, str(best))
    assert full.final == full.best == curves[best][-1]
    assert full.test == full.best_test == pytest.approx(full.final - 0.01)
    assert full.median == pytest.approx(median(curve[-1] for curve in curves.values()))
    (oracle,) = replay_rule(plan, "oracle", unit, seed)
    assert (oracle.epochs, oracle.regret, oracle.winner_pruned_at) == (11 + 9, 0.0, None)
    (front,) = replay_rule(plan, f"i_epoch:{stop}", unit, seed)
    kept = sorted(curves, key=lambda k: curves[k][stop - 1])[-3:]
    assert front.epochs == 12 * stop + 3 * (9 - stop)
    assert front.final == max(curves[k][-1] for k in kept)
    assert front.winner_pruned_at == (None if best in kept else stop)


def test_an_order_is_the_same_for_all_rules_and_differs_between_seeds() -> None:
    plan = plan_of(random_task())
    unit = Unit("t", 0)
    first, second = ([t.key.trial for t in plan.stream(unit, seed)] for seed in (0, 1))
    assert sorted(first) == sorted(second) == sorted(t.key.trial for t in plan.pools[unit])
    assert first != second
    assert [t.key.trial for t in plan.context(unit, 0).stream] == first


def test_two_processes_give_the_very_bits_of_one() -> None:
    plan = plan_of(random_task(trials=16), workers=[4])
    heard: list[tuple[int, int]] = []
    alone = replay(plan, "beta_eff", "asha", on_progress=lambda *far: heard.append(far))
    together = replay(plan, "beta_eff", "asha", processes=2)
    assert repr(alone) == repr(together)
    assert heard[-1] == (plan.replays, plan.replays)


def test_a_bank_is_replayed_the_same_twice() -> None:
    tasks = {"t": random_task()}
    assert repr(replay_bank(tasks, SMALL, [3])) == repr(replay_bank(tasks, SMALL, [3]))


def test_predictions_stand_beside_what_became_of_the_trial() -> None:
    plan = plan_of(random_task(epochs=27), rules=("beta_eff", "asha"))
    first, second = replay_rule(plan, "beta_eff", Unit("t", 0), 0)
    finals = {t.reports[-1].metrics["val_accuracy"] for t in plan.pools[Unit("t", 0)]}
    assert first.guesses
    assert not second.guesses  # the same trials with other workers are no new evidence
    assert {guess.final for guess in first.guesses} <= finals
    assert all(guess.epoch < 27 and math.isfinite(guess.mean) for guess in first.guesses)
    assert {guess.pruned for guess in first.guesses} == {True, False}
    assert not replay_rule(plan, "asha", Unit("t", 0), 0)[0].guesses


def test_the_best_so_far_is_told_over_time_and_epochs() -> None:
    run = replay_rule(plan_of(random_task()), "full", Unit("t", 0), 0)[0]
    finals = [point.final for point in run.incumbents]
    assert finals == sorted(finals)
    assert finals[-1] == run.final
    assert all(0 < point.seconds <= run.seconds and point.epochs <= run.epochs for point in run.incumbents)


def test_a_failed_training_is_no_winner_and_costs_what_it_trained() -> None:
    traces = (made_up(0, 0.5, 0.9, failure="nan"), made_up(1, 0.1, 0.2, 0.3), made_up(2, 0.1, 0.1, 0.2))
    plan = plan_of(TaskTraces("t", 3, traces), trials=3, rules=["asha"], seeds=[0], workers=[1])
    (run,) = replay_rule(plan, "full", Unit("t", 0), 0)
    assert (run.pick, run.best, run.median, run.epochs, run.full_epochs) == ("1", 0.3, 0.25, 8, 8)
    assert math.isnan(run.test)


def test_of_two_equal_winners_one_is_enough() -> None:
    traces = tuple(made_up(k, first, 0.2, 0.9) for k, first in enumerate((0.9, 0.1, 0.8, 0.7, 0.6)))
    plan = plan_of(TaskTraces("t", 3, traces), trials=5, rules=["asha"], seeds=[0], workers=[1])
    (run,) = replay_rule(plan, "i_epoch:1", Unit("t", 0), 0)
    assert (run.winner_pruned_at, run.regret) == (None, 0)


def test_a_rule_that_misses_its_numbers_is_left_out_with_a_word() -> None:
    curves = without(random_task("curves", epochs=4), "beta_eff", "train_loss")
    plan = plan_of(random_task("t"), curves, rules=["beta_eff", "asha", "halving:train_loss", "i_epoch:5"])
    assert plan.rules == ("asha", "i_epoch:1", "i_epoch:2", "i_epoch:3", "full", "oracle")
    assert plan.left_out["beta_eff"] == "task 'curves': it looks at beta_eff, which nobody reported there"
    assert "no training reports 'train_loss'" in plan.left_out["halving:train_loss"]
    assert "i_epoch:5" in plan.left_out
    with pytest.raises(
        UserError, match=r"candidate 'beta_eff' cannot be judged here: task 'curves': it looks"
    ):
        replay(plan, "beta_eff", "asha")


def test_smaller_is_better_where_the_task_says_so() -> None:
    task = random_task(trials=12)
    plan = plan_of(replace(task, metric="train_loss", mode="min"), trials=12, seeds=[0])
    run = replay_rule(plan, "i_epoch:8", Unit("t", 0), 0)[0]
    finals = [t.reports[-1].metrics["train_loss"] for t in task.traces]
    assert (run.best, run.median) == (min(finals), pytest.approx(np.median(finals)))
    assert run.regret == pytest.approx(run.final - run.best)


@pytest.mark.parametrize(
    ("tasks", "changes", "message"),
    [
        (
            [random_task("a"), replace(random_task("b"), metric="val_perplexity", mode="min")],
            {},
            r"several metrics.*a \(val_accuracy\), b \(val_perplexity\)\. Choose tasks of one metric",
        ),
        ([random_task("abc")], {"tasks": ["abd"]}, r"no task 'abd' in the bank\. Did you mean abc\?"),
        ([random_task(trials=7)], {}, r"task 't' has 7 architectures, fewer than one pool of 8"),
        ([random_task()], {"rules": ["ashaa"]}, r"Unknown rule 'ashaa'\. Did you mean asha\?"),
        (
            [TaskTraces("t", 2, tuple(made_up(k, 0.1, failure="nan") for k in range(8)))],
            {},
            r"Task 't': no training of a pool of 8 came to its end with a val_accuracy",
        ),
        ([replace(random_task(), mode="best")], {}, r"have mode 'best'; it must be max or min"),
    ],
    ids=["metrics", "task", "small", "rule", "failed", "mode"],
)
def test_what_cannot_be_compared_is_refused(tasks, changes, message) -> None:
    with pytest.raises(UserError, match=message):
        plan_of(*tasks, **changes)


def test_a_broken_process_is_explained() -> None:
    plan = plan_of(random_task(trials=8), workers=[1], rules=["asha", "tests.comparison.deadly_rule:dies"])
    with pytest.raises(
        UserError, match=r"One of 2 processes of the replay ended unexpectedly.*--processes 1"
    ):
        replay(plan, "tests.comparison.deadly_rule:dies", "asha", processes=2)


def test_results_are_read_back_as_they_were_written(tmp_path) -> None:
    results = replay_bank({"t": random_task()}, SMALL, [0, 1])
    path = write_results(results, tmp_path)
    again = read_results(tmp_path)
    assert repr(again) == repr(results)
    assert "NaN" not in path.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"is no folder of a comparison: it has no results\.json"),
        ("[", "is damaged"),
        ("[]", "is damaged"),
        ('{"version": 9}', "has version 9, this release reads 1"),
        ('{"version": 1}', "is damaged: KeyError"),
        ('{"version": 1, "columns": ["rule"], "runs": [["asha", 2]]}', "is damaged"),
    ],
)
def test_a_file_of_results_that_is_none_says_so(tmp_path, text, message) -> None:
    if text is not None:
        (tmp_path / RESULTS_FILE).write_text(text)
    with pytest.raises(UserError, match=message):
        read_results(tmp_path)
