"""What the learned combination was to reach: the measuring, not the figures."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.report.markdown import markdown
from neurocap_search.comparison.results import Guess, Results, RunResult, Unit
from neurocap_search.comparison.targets.coverage import coverages
from neurocap_search.comparison.targets.early_ranking import EPOCHS, WHOLE, WITHOUT, Early, early_rankings
from neurocap_search.comparison.targets.judgement import Judgement, judge, worst
from neurocap_search.comparison.targets.noise import shuffled
from neurocap_search.comparison.targets.page import learned_page, milliseconds_of_ranking
from neurocap_search.comparison.targets.single_signals import directions, finals_of
from neurocap_search.comparison.targets.targets import (
    coverage_targets,
    epochs_share,
    ranking_targets,
    speed_target,
)
from neurocap_search.prediction.combination import SIGNALS
from neurocap_search.traces.bank import disjoint_pools
from tests.comparison.banks import random_task


def bank(*names):
    return {name: random_task(name, trials=24, seed=k) for k, name in enumerate(names)}


def rankings(tasks, size=12):
    return early_rankings(tasks, size, directions(tasks, EPOCHS))


def test_the_ranking_of_a_signal_is_spearman_in_each_pool():
    task = random_task("t", trials=24)
    rows = {(row.name, row.epoch): row for row in rankings({"t": task})}
    expected, last = [], []
    for pool in disjoint_pools(task, 12, 0):
        finals = [trace.last("val_accuracy") for trace in pool]
        seen = [[r.metrics["val_accuracy"] for r in t.reports[:2]] for t in pool]
        expected.append(spearmanr(np.mean(seen, axis=1), finals).statistic)
        last.append(spearmanr([values[-1] for values in seen], finals).statistic)
    assert rows["metric", 2].overall.value == pytest.approx(np.mean(expected))
    assert rows["metric, last", 2].overall.value == pytest.approx(np.mean(last))
    assert {name for name, _ in rows} >= {*WITHOUT, *(signal.name for signal in SIGNALS)}


@pytest.mark.parametrize(
    ("best", "value", "ahead"), [("best", "overall", "ahead"), ("best_top", "top", "ahead_top")]
)
def test_the_best_single_signal_is_marked_once_and_nothing_is_ahead_of_itself(best, value, ahead):
    rows = rankings(bank("a", "b"))
    for epoch in EPOCHS:
        (marked,) = [row for row in rows if row.epoch == epoch and getattr(row, best)]
        assert getattr(marked, ahead).value == 0
        assert marked.name not in WITHOUT
        others = [row for row in rows if row.epoch == epoch and row.name not in WITHOUT]
        assert all(getattr(row, value).value <= getattr(marked, value).value for row in others)


def test_a_final_of_zero_counts_and_a_failed_training_does_not():
    task = random_task("t", trials=4)
    zero, failed, *others = task.traces
    last = replace(zero.reports[-1], metrics={**zero.reports[-1].metrics, "val_accuracy": 0.0})
    zero = replace(zero, reports=(*zero.reports[:-1], last))
    ended, finals = finals_of(task, [zero, replace(failed, failure="diverged"), *others])
    assert ended == [zero, *others]
    assert finals.tolist() == [0.0, *(trace.last("val_accuracy") for trace in others)]


def with_sizes(task, sizes):
    """Return a task whose networks report these sizes."""
    traces = [
        replace(
            trace,
            reports=tuple(
                replace(r, metrics={**r.metrics, "parameters": float(size)}) for r in trace.reports
            ),
        )
        for trace, size in zip(task.traces, sizes, strict=True)
    ]
    return replace(task, traces=tuple(traces))


def test_which_way_size_ranks_is_learned_on_the_tuning_tasks_alone():
    task = random_task("t", trials=24)
    finals = np.array([trace.last("val_accuracy") for trace in task.traces])
    small_is_better = with_sizes(task, 1 - finals)
    found = directions({"t": small_is_better}, EPOCHS)
    assert found["parameters", 1] == -1
    assert (found["train_loss", 1], found["train_loss, last", 1], found["metric", 1]) == (-1, -1, 1)
    (row,) = [
        row
        for row in early_rankings({"t": with_sizes(task, finals)}, 12, found)
        if (row.name, row.epoch) == ("parameters", 1)
    ]
    assert row.overall.value == pytest.approx(-1)  # it ranks the other way here, and nobody may know that


def test_a_signal_may_be_the_best_in_the_top_tenth_alone():
    task = random_task("t", trials=48)
    finals = np.array([trace.last("val_accuracy") for trace in task.traces])
    order = np.argsort(finals)
    sizes = np.empty(48)
    sizes[order[:-6]] = np.random.default_rng(0).permutation(42)
    sizes[order[-6:]] = 100 + np.arange(6)
    rows = early_rankings(
        {"t": with_sizes(task, sizes)}, 48, directions({"t": with_sizes(task, finals)}, EPOCHS)
    )
    (best_top,) = [row for row in rows if row.epoch == 5 and row.best_top]
    (best,) = [row for row in rows if row.epoch == 5 and row.best]
    assert best_top.name == "parameters"
    assert best.name != "parameters"


def test_shuffled_reports_are_somebody_elses_and_the_last_is_ones_own():
    task = random_task("t", trials=24)
    mixed = shuffled(task, seed=1)
    assert mixed == shuffled(task, seed=1)
    assert mixed != shuffled(task, seed=2)
    for epoch in range(8):
        before, after = ([t.reports[epoch].metrics["val_accuracy"] for t in k.traces] for k in (task, mixed))
        assert sorted(before) == sorted(after)
        assert before != after
    assert [t.reports[-1] for t in mixed.traces] == [t.reports[-1] for t in task.traces]


def test_failed_trainings_are_left_out_of_the_shuffle():
    task = random_task("t", trials=6)
    failed = replace(task.traces[0], reports=task.traces[0].reports[:2], failure="diverged")
    assert len(shuffled(replace(task, traces=(failed, *task.traces[1:])), 0).traces) == 5


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (0.06, 0.05, 0.07, "met"),
        (0.06, 0.04, 0.08, "met, not surely"),
        (0.04, 0.01, 0.06, "missed, not surely"),
        (0.04, 0.01, 0.049, "missed"),
        (0.06, np.nan, np.nan, "met, not surely"),
        (0.04, np.nan, np.nan, "missed, not surely"),
    ],
)
def test_a_target_is_judged_by_the_interval(value, low, high, said):
    nothing = Estimate(0.0, 0.0, 0.0)
    found = ranking_targets([Early(WHOLE, 1, nothing, nothing, Estimate(value, low, high), nothing)])
    assert [str(target.judgement) for target in found] == [said, "missed"]


def test_a_target_between_two_numbers_is_surely_missed_on_either_side():
    low, inside, high = (judge(Estimate(v, v - 0.01, v + 0.01), 0.75, 0.85) for v in (0.7, 0.8, 0.9))
    assert (low, inside, high) == (Judgement.MISSED, Judgement.MET, Judgement.MISSED)


def test_of_two_conditions_the_worse_counts():
    assert worst(Judgement.MET, Judgement.MISSED_UNSURE, Judgement.MET_UNSURE) is Judgement.MISSED_UNSURE
    assert worst(Judgement.MET, Judgement.MET) is Judgement.MET


def runs_of(rule, shares, guesses=()):
    """Return a run of a rule on each pool that spends these shares of 100 epochs."""
    return [
        RunResult(
            rule, Unit("t", k), 0, 1, 10, round(100 * share), 100, 1.0, "0", 0.9, 0.9, 0.5, guesses=guesses
        )
        for k, share in enumerate(shares)
    ]


def test_epochs_as_a_share_of_the_rivals_are_a_ratio_of_means_with_an_interval():
    own, rival = [0.1, 0.2, 0.3, 0.2], [0.2, 0.4, 0.6, 0.4]
    half = epochs_share(Results((*runs_of("a", own), *runs_of("asha", rival)), rival="asha"), "a")
    assert tuple(half) == pytest.approx((0.5, 0.5, 0.5))  # the same in every pool: no doubt
    rival[0] = 0.1
    unsure = epochs_share(Results((*runs_of("a", own), *runs_of("asha", rival)), rival="asha"), "a")
    assert unsure.value == pytest.approx(0.8 / 1.5)
    assert unsure.low < unsure.value < unsure.high


def test_coverage_counts_the_finals_within_1_28_standard_deviations_over_all_pools():
    z = norm.ppf(0.9)
    guesses = tuple(Guess(1, 0.5, 0.1, 0.5 + off * z * 0.1, False) for off in (0.9, -0.9, 0.5, -1.1))
    results = Results(tuple(runs_of("learned", [0.1, 0.1, 0.1], guesses)), rival="learned")
    ((covered, count),) = coverages(results, "learned").values()
    assert tuple(covered) == pytest.approx((0.75, 0.75, 0.75))
    assert count == 12
    (target,) = coverage_targets(results, "learned")
    assert target.judgement is Judgement.MET


def test_speed_is_met_up_to_fifty_milliseconds():
    said = [speed_target(ms).judgement for ms in (10, 50, 51)]
    assert said == [Judgement.MET, Judgement.MET, Judgement.MISSED]
    assert milliseconds_of_ranking(trials=30, repeats=1) > 0


def test_the_page_counts_what_is_met_and_says_what_it_was_chosen_on():
    page = learned_page(bank("chosen a", "chosen b"), bank("new a", "new b"), trials=12, seeds=2)
    text = markdown(page, "figures")
    rows = page.tables[0].rows
    said = [row[-1] for row in rows]
    assert set(said) <= {str(judgement) for judgement in Judgement}
    assert (
        f"Of {len(rows)} targets the learned combination surely meets {said.count('met')} on" in page.sentence
    )
    assert page.sentence.endswith(f"{said.count('missed')} it surely misses.")
    assert "Reported on new a, new b; chosen and fitted on chosen a and chosen b." in page.about
    assert "They are no evidence." in text
    assert {picture.name for picture in page.pictures} == {"epochs_regret", "early_ranking"}
