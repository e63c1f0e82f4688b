"""The combination against independent computations."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm, rankdata, spearmanr
from sklearn.linear_model import Ridge

from neurocap_search.prediction.combination import (
    METRIC,
    SIGNALS,
    Cohort,
    LearnedCombination,
    Prior,
    plain_prior,
    read_prior,
)
from neurocap_search.prediction.combination.gaussian import Weights
from neurocap_search.prediction.combination.peers import cohort_scores
from neurocap_search.prediction.combination.signals import SignalCourse, normal_scores
from neurocap_search.traces.bank import first_seeds, load_bank

NAMES = [signal.name for signal in SIGNALS]


def cohort(n, seed=0, epoch=1.0):
    rows = np.random.default_rng(seed).normal(size=(n, len(SIGNALS)))
    return Cohort(epoch, tuple(f"t{k}" for k in range(n)), rows)


def a_prior(mean, sd=0.3, noise=0.5):
    entry = {"mean": mean, "sd": [sd] * len(NAMES), "noise": noise}
    return Prior({"version": 1, "signals": NAMES, "tasks": ["a", "b"], "epochs": {"1": entry, "4": entry}})


def only(name, weight=1.0):
    return [weight if signal == name else 0.0 for signal in NAMES]


def test_learning_is_ridge_regression_around_the_prior():
    rng = np.random.default_rng(1)
    X, t, m = rng.normal(size=(30, 4)), rng.normal(size=30), rng.normal(size=4)
    sd, noise = 0.4, 0.7
    learned = Weights(m, sd**2 * np.eye(4)).learn(X, t, noise)
    ridge = Ridge(alpha=noise**2 / sd**2, fit_intercept=False).fit(X, t - X @ m)
    np.testing.assert_allclose(learned.mean, m + ridge.coef_, rtol=1e-10)
    posterior = np.linalg.inv(np.eye(4) / sd**2 + X.T @ X / noise**2)
    mean, std = learned.predict(X)
    np.testing.assert_allclose(mean, X @ learned.mean)
    np.testing.assert_allclose(std, np.sqrt(np.diag(X @ posterior @ X.T)))


def test_with_nothing_learned_it_ranks_by_the_prior():
    combination = LearnedCombination(prior=a_prior(only("train_loss", -1.0)))
    group = cohort(40)
    [standings] = combination.rank([group], {})
    losses = group.rows[:, NAMES.index("train_loss")]
    assert spearmanr(standings.mean, -losses).statistic == pytest.approx(1)
    assert combination.worth(standings)["train_loss"] == pytest.approx(1)


@pytest.mark.parametrize("task", read_prior().tasks)
def test_by_the_bundled_prior_trials_rank_nearly_as_by_running_accuracy_and_training_loss(task):
    names = [{METRIC: "val_accuracy"}.get(name, name) for name in NAMES]
    for epoch in (1, 2, 3, 5, 8):
        rows = []
        for trace in first_seeds(load_bank()[task]):
            if trace.failure is None:
                rows.append(row_of(names, trace.seen_at(epoch)))
        scores = cohort_scores(np.array(rows))
        ours, plain = (scores @ prior.at(epoch).weights.mean for prior in (read_prior(), plain_prior()))
        assert spearmanr(ours, plain).statistic > 0.92


@pytest.mark.parametrize("prior", [read_prior(), plain_prior()])
def test_the_metric_counts_in_the_place_of_curves_that_nobody_reports(prior):
    group = cohort(60)
    curves = [NAMES.index(name) for name in ("train_accuracy", "train_loss", "val_loss")]
    group.rows[:, curves] = np.nan
    [standings] = LearnedCombination(prior=prior).rank([group], {})
    before, now = prior.at(1).weights.mean, standings.weights.mean
    assert now[0] == pytest.approx(before[0] + before[curves] @ [1, -1, -1])
    assert now[curves].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(np.delete(now, [0, *curves]), np.delete(before, [0, *curves]))


def test_a_curve_that_some_report_keeps_its_weight_and_within_the_first_epoch_nothing_changes():
    group, early = cohort(60), cohort(60, epoch=0.25)
    group.rows[1:, NAMES.index("train_loss")] = np.nan
    early.rows[:, [0, NAMES.index("val_loss")]] = np.nan  # nobody has evaluated anything by then
    for found in (group, early):
        [standings] = LearnedCombination().rank([found], {})
        assert standings.weights.mean.tolist() == read_prior().at(found.epoch).weights.mean.tolist()


def row_of(names, reports):
    course = SignalCourse(names)
    for report in reports:
        course.follow(report)
    return course.row()


def test_without_a_bank_it_ranks_by_running_accuracy_and_training_loss_until_it_learns():
    group = cohort(40)
    combination = LearnedCombination(prior=plain_prior())
    [standings] = combination.rank([group], {})
    accuracy, loss = (normal_scores(group.rows)[:, NAMES.index(name)] for name in (METRIC, "train_loss"))
    np.testing.assert_array_equal(rankdata(standings.mean), rankdata(accuracy - loss))
    finals = dict(zip(group.trials, group.rows[:, NAMES.index("degree_std")].tolist(), strict=True))
    [standings] = combination.rank([group], finals)
    assert combination.worth(standings)["degree_std"] > 0.1


def test_the_chance_to_be_among_the_best_is_that_of_the_normal_distribution():
    group = cohort(30)
    [standings] = LearnedCombination().rank([group], {})
    expected = norm.sf(norm.isf(0.1), loc=standings.mean, scale=standings.std)
    np.testing.assert_allclose(norm.cdf(standings.margin(0.1)), expected, rtol=1e-12)


def test_who_is_unsure_has_the_better_chance_when_few_go_on_and_the_worse_when_most_do():
    group = cohort(2)
    [standings] = LearnedCombination().rank([group], {})
    alike = standings._replace(mean=np.zeros(2), std=np.array([0.5, 1.0]))
    few, most, all_of_them = alike.margin(0.1), alike.margin(0.9), alike.margin(1)
    assert few[1] > few[0]
    assert most[1] < most[0]
    assert np.isfinite(all_of_them).all()


def test_a_final_metric_counts_at_the_first_rung_whatever_the_second_one_says():
    first = cohort(30)
    metric = first.rows[:, NAMES.index(METRIC)]
    finals = dict(zip(first.trials, metric.tolist(), strict=True))
    misleading = first._replace(epoch=2, rows=-first.rows)
    combination = LearnedCombination()
    alone = combination.rank([first], finals)[0].weights.mean
    learned = combination.rank([first, misleading], finals)[0].weights.mean
    unlearned = combination.rank([first, misleading], {})[0].weights.mean
    assert learned[NAMES.index(METRIC)] > unlearned[NAMES.index(METRIC)]
    assert np.abs(learned - alone).max() < np.abs(learned - unlearned).max()


def test_an_order_that_is_clear_is_not_lost_to_rounding():
    [standings] = LearnedCombination().rank([cohort(30)], {})
    sure = standings._replace(std=np.full(30, 1e-3))
    assert (np.argsort(sure.margin(0.5)) == np.argsort(standings.mean)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "maximize"}, "mode must be 'max' or 'min', received 'maximize'"),
        ({"metric": "acc", "names": {"metric": "f1"}}, "the metric is 'acc' already; leave 'metric' out"),
    ],
)
def test_a_goal_that_is_said_wrongly_or_twice_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LearnedCombination(**arguments)


def test_a_metric_that_is_good_for_its_size_counts_if_the_search_shows_it():
    rng = np.random.default_rng(3)
    n = 120
    size_class, good = np.repeat([0, 1, 2], n // 3), rng.normal(size=n)
    rows = np.full((n, len(NAMES)), np.nan)
    rows[:, NAMES.index(METRIC)] = good - 5 * size_class  # bigger ones have learned less by now
    rows[:, NAMES.index("parameters")] = 10.0**size_class
    group = Cohort(1, tuple(map(str, range(n))), rows)
    finals = dict(zip(group.trials, good.tolist(), strict=True))
    combination = LearnedCombination(prior=plain_prior(), leave_out=["parameters"])
    [before], [after] = combination.rank([group], {}), combination.rank([group], finals)
    gained = [spearmanr(standings.mean, good).statistic for standings in (before, after)]
    assert gained[0] < 0.4
    assert gained[1] > 0.7


def test_finished_trials_teach_it_what_counts_here():
    combination = LearnedCombination(prior=a_prior(only(METRIC)))
    group = cohort(200)
    truth = group.rows[:, NAMES.index("beta_eff")]
    finals = {trial: float(final) for trial, final in zip(group.trials[:100], truth, strict=False)}
    [before], [after] = combination.rank([group], {}), combination.rank([group], finals)
    unseen = slice(100, None)
    assert abs(spearmanr(before.mean[unseen], truth[unseen]).statistic) < 0.3
    assert spearmanr(after.mean[unseen], truth[unseen]).statistic > 0.6
    assert combination.worth(after)["beta_eff"] > 0.4


def test_a_later_rung_teaches_an_earlier_one():
    combination = LearnedCombination(prior=a_prior(only(METRIC)))
    early, late = cohort(120), cohort(60, seed=5, epoch=4.0)
    late.rows[:, NAMES.index(METRIC)] = early.rows[:60, NAMES.index("strength_std")]
    alone, taught = combination.rank([early], {})[0], combination.rank([early, late], {})[0]
    index = NAMES.index("strength_std")
    assert alone.weights.mean[index] == 0
    assert taught.weights.mean[index] > 0.1


def test_agreeing_later_trials_change_no_weight():
    combination = LearnedCombination(prior=a_prior(only(METRIC)))
    group = cohort(50)
    finals = dict(zip(group.trials, group.rows[:, 0].tolist(), strict=True))
    [standings] = combination.rank([group], finals)
    np.testing.assert_allclose(standings.weights.mean, only(METRIC), atol=1e-9)


def test_where_smaller_is_better_everything_is_mirrored():
    group = cohort(30)
    mirrored = Cohort(group.epoch, group.trials, group.rows * np.where(np.arange(len(NAMES)) == 0, -1, 1))
    finals = {trial: float(k % 7) for k, trial in enumerate(group.trials[:9])}
    one = LearnedCombination(mode="max").rank([group], finals)[0]
    other = LearnedCombination(mode="min").rank([mirrored], {t: -f for t, f in finals.items()})[0]
    np.testing.assert_allclose(other.mean, one.mean)


def test_a_trial_that_came_to_nothing_counts_as_last():
    combination = LearnedCombination(prior=a_prior(only(METRIC)))
    group = cohort(60)
    finals = dict.fromkeys(group.trials[:20], 1.0)
    failed = dict.fromkeys(group.trials[20:40], -np.inf)
    group.rows[20:40, NAMES.index("val_loss")] += 5
    [standings] = combination.rank([group], finals | failed)
    assert standings.weights.mean[NAMES.index("val_loss")] < -0.05


def test_the_order_of_the_trials_does_not_matter():
    combination, group = LearnedCombination(), cohort(25)
    finals = {trial: float(k) for k, trial in enumerate(group.trials[:6])}
    turned = Cohort(group.epoch, group.trials[::-1], group.rows[::-1])
    there, back = combination.rank([group], finals)[0], combination.rank([turned], finals)[0]
    np.testing.assert_allclose(back.mean[::-1], there.mean, atol=1e-12)


def test_what_is_left_out_has_no_say_and_shares_add_up_to_one():
    combination, group = LearnedCombination(leave_out=("beta_eff", "val_loss")), cohort(40)
    [standings] = combination.rank([group], {"t1": 0.5, "t2": 0.1, "t3": 0.7})
    worth = combination.worth(standings)
    assert worth["beta_eff"] == worth["val_loss"] == 0
    assert sum(worth.values()) == pytest.approx(1)


def test_a_signal_nobody_reports_has_no_say():
    group = cohort(20)
    group.rows[:, NAMES.index("degree_std")] = np.nan
    combination = LearnedCombination()
    assert combination.worth(combination.rank([group], {})[0])["degree_std"] == 0


def test_an_empty_cohort_and_a_lone_trial_are_ranked():
    combination = LearnedCombination()
    empty, alone = Cohort(2, (), np.empty((0, len(NAMES)))), cohort(1)
    first, second = combination.rank([alone, empty], {})
    assert first.mean.tolist() == [0.0]
    assert second.mean.shape == (0,)
    assert set(combination.worth(second).values()) == {0.0}


@pytest.mark.parametrize("arguments", [{"names": {"loss": "x"}}, {"leave_out": ("loss",)}])
def test_an_unknown_signal_is_refused(arguments):
    with pytest.raises(ValueError, match="'loss' is no signal of the combination; signals are"):
        LearnedCombination(**arguments)


def test_names_of_the_user_are_looked_for():
    combination = LearnedCombination(metric="acc", names={"train_loss": "loss", "parameters": "size"})
    assert combination.signals[0] == "acc"
    assert {"loss", "size"} < set(combination.signals)
    assert "train_loss" not in combination.signals


@pytest.mark.parametrize("change", [{"version": 2}, {"signals": ["metric"]}, {"version": None}])
def test_a_foreign_prior_is_refused(change):
    state = {"version": 1, "signals": NAMES, "tasks": [], "epochs": {}} | change
    with pytest.raises(ValueError, match=r"Expected a prior of version 1 .*scripts/fit_prior\.py"):
        Prior(state)


def test_the_prior_of_an_epoch_is_that_of_the_last_one_listed():
    entries = {str(e): {"mean": only(METRIC, e), "sd": [1.0] * len(NAMES), "noise": 1.0} for e in (2, 4)}
    prior = Prior({"version": 1, "signals": NAMES, "tasks": [], "epochs": entries})
    assert [prior.at(epoch).weights.mean[0] for epoch in (1, 2, 3, 4, 100)] == [2, 2, 2, 4, 4]


def test_the_bundled_prior_is_what_its_command_writes(tmp_path):
    script = Path(__file__).parents[3] / "scripts" / "fit_prior.py"
    written = tmp_path / "prior.json"
    assert runpy.run_path(str(script))["main"](["--output", str(written)]) == 0
    bundled = Path(__file__).parents[3] / "neurocap_search/prediction/combination/prior.json"
    ours, theirs = (json.loads(p.read_text()) for p in (bundled, written))
    assert theirs.keys() == ours.keys()
    assert theirs["tasks"] == ours["tasks"]
    for epoch, entry in ours["epochs"].items():
        for key, value in entry.items():
            np.testing.assert_allclose(theirs["epochs"][epoch][key], value, atol=2e-3)


def test_the_same_call_gives_the_same_numbers_bit_by_bit():
    group, finals = cohort(300), {f"t{k}": k / 10 for k in range(40)}
    one, other = (LearnedCombination().rank([group], finals)[0] for _ in range(2))
    assert one.mean.tobytes() == other.mean.tobytes()
    assert one.std.tobytes() == other.std.tobytes()
