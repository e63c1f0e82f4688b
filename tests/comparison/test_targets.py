"""What the learned combination was to reach: the measuring, not the figures."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.report.markdown import markdown
from neurocap_search.comparison.statistics.calibration import Coverage
from neurocap_search.comparison.targets.early_ranking import WHOLE, WITHOUT, Early, early_rankings
from neurocap_search.comparison.targets.noise import shuffled
from neurocap_search.comparison.targets.page import learned_page, milliseconds_of_ranking
from neurocap_search.comparison.targets.targets import coverage_target, ranking_targets, speed_target
from neurocap_search.traces.bank import disjoint_pools
from tests.comparison.banks import random_task


def bank(*names):
    return {name: random_task(name, trials=24, seed=k) for k, name in enumerate(names)}


def test_the_ranking_of_a_signal_is_spearman_in_each_pool():
    task = random_task("t", trials=24)
    rows = {(row.name.partition(" (")[0], row.epoch): row for row in early_rankings({"t": task}, 12)}
    expected = []
    for pool in disjoint_pools(task, 12, 0):
        finals = [trace.last("val_accuracy") for trace in pool]
        expected.append(spearmanr([t.reports[1].metrics["val_accuracy"] for t in pool], finals).statistic)
    assert rows["val_accuracy", 2].overall.value == pytest.approx(np.mean(expected))
    assert {name for name, _ in rows} >= set(WITHOUT)


def test_the_best_single_signal_is_named_once_an_epoch_and_nothing_is_ahead_of_itself():
    rows = early_rankings(bank("a", "b"), 12)
    for epoch in (1, 2, 3, 5):
        (best,) = [row for row in rows if row.epoch == epoch and row.name.endswith(" (best single)")]
        assert best.ahead.value == 0
        others = [row for row in rows if row.epoch == epoch and row.name not in WITHOUT]
        assert all(row.overall.value <= best.overall.value for row in others)


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


@pytest.mark.parametrize(("ahead", "met"), [(0.06, True), (0.05, True), (0.04, False), (-0.1, False)])
def test_ahead_by_five_hundredths_is_met(ahead, met):
    nothing = Estimate(0.0)
    found = ranking_targets([Early(WHOLE, 1, nothing, nothing, Estimate(ahead, ahead, ahead), nothing)])
    assert [target.met for target in found] == [met, False]


@pytest.mark.parametrize(("observed", "met"), [(0.74, False), (0.75, True), (0.85, True), (0.86, False)])
def test_coverage_is_met_from_75_to_85(observed, met):
    rows = [Coverage(1, level, Estimate(observed), 40) for level in (0.5, 0.8, 0.95)]
    (target,) = coverage_target({"learned": rows})
    assert target.met is met
    assert target.reached == f"{observed:.0%} of 40"


def test_speed_is_met_up_to_fifty_milliseconds():
    assert [speed_target(ms).met for ms in (10, 50, 51)] == [True, True, False]
    assert milliseconds_of_ranking(trials=30, repeats=1) > 0


def test_the_page_counts_what_is_met_and_says_what_it_was_chosen_on():
    page = learned_page(bank("chosen a", "chosen b"), bank("new a", "new b"), trials=12, seeds=2)
    text = markdown(page, "figures")
    rows = page.tables[0].rows
    met = sum(row[-1] == "met" for row in rows)
    assert (
        page.sentence
        == f"The learned combination meets {met} of {len(rows)} targets on tasks it was not chosen on."
    )
    assert {row[-1] for row in rows} <= {"met", "missed"}
    assert "Reported on new a, new b; chosen and fitted on chosen a and chosen b." in page.about
    assert "They are no evidence." in text
    assert {picture.name for picture in page.pictures} == {"epochs_regret", "early_ranking"}
