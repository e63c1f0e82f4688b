"""Rank correlations of the signals, beside SciPy and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neurocap_search.comparison.statistics.networks import Networks
from neurocap_search.comparison.statistics.rank_correlation import (
    draw_counts,
    group_correlation,
    weighted_spearman,
    with_interval,
)
from neurocap_search.comparison.statistics.signal_names import known_sign, ordered_signals, signal_of
from neurocap_search.comparison.statistics.signals import signal_correlations
from neurocap_search.prediction import Report
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.traces.trace import Trace, TraceKey

EPOCHS = 3


def made_task(networks=60, seeds=1, *, noise=0.5, seed=0, failed=0, mode="max"):
    """Networks whose final is their quality plus luck of the seed; `sized` is size."""
    generator = np.random.default_rng(seed)
    quality, size = generator.normal(size=networks), generator.permutation(networks) + 10.0
    traces = [
        _trace(k, s, quality[k], size[k], generator.normal(size=4) * noise, failed=k < failed)
        for k in range(networks)
        for s in range(seeds)
    ]
    return TaskTraces("made", EPOCHS, tuple(traces), mode=mode)


def _trace(k, seed, quality, size, luck, *, failed):
    final = quality + luck[0]
    numbers = {"parameters": size, "train_loss": -quality + luck[1], "beta_eff": luck[2], "sized": size,
               "same": 1.0, "cpu_seconds": luck[3], "learning_rate": luck[3]}  # fmt: skip
    reports = [Report(epoch, {**numbers, "val_accuracy": luck[3]}) for epoch in range(1, EPOCHS)]
    last = Report(EPOCHS, {**numbers, "val_accuracy": final, "test_accuracy": final})
    kept = reports[:1] if failed else [*reports, last]
    return Trace(TraceKey(k, seed), {}, {}, "", 5, tuple(kept), "it broke" if failed else None)


finite = st.integers(-3, 3).map(float)


@given(st.lists(st.tuples(finite, finite, st.integers(0, 3)), min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
def test_weights_count_as_repetitions_do_in_scipy(rows):
    x, y, times = (np.array(column) for column in zip(*rows, strict=True))
    found = weighted_spearman(x, y, times[None].astype(float))[0]
    repeated_x, repeated_y = np.repeat(x, times), np.repeat(y, times)
    if len(set(repeated_x)) < 2 or len(set(repeated_y)) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(stats.spearmanr(repeated_x, repeated_y).statistic, abs=1e-9)


def test_the_curves_are_spearmans():
    task = made_task()
    found = signal_correlations(task)
    finals = [trace.last("val_accuracy") for trace in task.traces]
    losses = [trace.reports[0].metrics["train_loss"] for trace in task.traces]
    curve = found.of("train_loss")
    assert curve.correlation[0] == pytest.approx(-stats.spearmanr(losses, finals).statistic)
    assert found.of("val_accuracy").correlation[-1] == 1.0
    assert (curve.label, curve.epochs, found.networks) == ("-train_loss", (1, 2, 3), 60)


def test_constant_numbers_times_and_test_results_are_no_signals():
    names = [curve.signal for curve in signal_correlations(made_task(), resamples=0).curves]
    assert names == ["val_accuracy", "train_loss", "|beta_eff|", "beta_eff", "parameters", "sized"]


def test_a_smaller_metric_is_turned_round():
    low, high = (signal_correlations(made_task(mode=m), ["train_loss"], resamples=0) for m in ("min", "max"))
    assert low.curves[0].correlation == pytest.approx([-x for x in high.curves[0].correlation])


def test_an_unknown_direction_is_read_off_the_finals_once_for_all_epochs():
    found = signal_correlations(made_task(seed=4), ["sized", "beta_eff"], resamples=0)
    for curve in found.curves:
        assert not curve.is_known
        assert np.nansum(curve.correlation) >= 0
        assert curve.label.endswith(" (+)" if curve.sign == 1 else " (-)")
    top = signal_correlations(made_task(seed=4), ["sized"], scope="top tenth", resamples=0)
    assert top.curves[0].sign == found.of("sized").sign


def test_the_top_tenth_are_the_best_finals():
    task = made_task(80)
    best = sorted(task.traces, key=lambda trace: -trace.last("val_accuracy"))[:8]
    found = signal_correlations(task, ["train_loss"], scope="top tenth", epochs=[2], resamples=0)
    losses = [trace.reports[1].metrics["train_loss"] for trace in best]
    expected = -stats.spearmanr(losses, [trace.last("val_accuracy") for trace in best]).statistic
    assert found.networks == 8
    assert found.curves[0].correlation == pytest.approx([expected])


def test_within_size_classes_size_is_worth_nothing():
    """Finals that only follow size: perfect among all, perfect in each class; shuffled within: nothing."""
    traces = []
    for k in range(60):
        numbers = {"parameters": k // 20, "val_accuracy": k // 20 + (k * 7 % 20) / 100, "x": float(k)}
        reports = [Report(epoch, numbers) for epoch in range(1, EPOCHS + 1)]
        traces.append(Trace(TraceKey(k, 0), {}, {}, "", 5, tuple(reports)))
    task = TaskTraces("t", EPOCHS, tuple(traces))
    overall, within = (signal_correlations(task, ["x"], scope=s, epochs=[1]) for s in ("all", "size classes"))
    one_class = stats.spearmanr(range(20), [k * 7 % 20 for k in range(20)]).statistic
    assert overall.curves[0].correlation[0] > 0.85
    assert within.curves[0].correlation[0] == pytest.approx(one_class)


def test_the_ceiling_is_the_mean_over_the_further_trainings():
    task = made_task(40, seeds=3)
    finals = np.array([trace.last("val_accuracy") for trace in task.traces]).reshape(40, 3)
    expected = np.mean([stats.spearmanr(finals[:, 0], finals[:, k]).statistic for k in (1, 2)])
    found = signal_correlations(task, ["train_loss"])
    assert found.ceiling.value == pytest.approx(expected)
    assert found.ceiling.low < expected < found.ceiling.high
    assert found.repeated == 40


def test_the_best_that_were_trained_again_count_for_the_ceiling_of_the_best_only():
    task = made_task(120, seeds=2)
    firsts = [trace for trace in task.traces if trace.key.seed == 0]
    best = {t.key.trial for t in sorted(firsts, key=lambda trace: -trace.last("val_accuracy"))[:12]}
    drawn = set(range(30))
    kept = tuple(t for t in task.traces if t.key.seed == 0 or t.key.trial in drawn | best)
    mixed, random = (
        TaskTraces("t", EPOCHS, tuple(t for t in kept if t.key.seed == 0 or t.key.trial in repeated))
        for repeated in (drawn | best, drawn)
    )
    of_mixed, of_random = (signal_correlations(task, ["train_loss"]) for task in (mixed, random))
    assert of_mixed.ceiling == of_random.ceiling
    assert (of_mixed.repeated, of_random.repeated) == (30, 30)
    assert signal_correlations(mixed, ["train_loss"], scope="top tenth").repeated == 12


def test_a_few_repeated_networks_give_no_ceiling():
    task = made_task(40, seeds=2)
    few = TaskTraces("t", EPOCHS, tuple(t for t in task.traces if t.key.seed == 0 or t.key.trial < 4))
    found = signal_correlations(few, ["train_loss"])
    assert found.repeated == 4
    assert np.isnan(found.ceiling.value)


def test_failed_trainings_and_numbers_that_are_not_finite_are_left_out():
    task = made_task(30, failed=5)
    assert len(Networks(task)) == signal_correlations(task, resamples=0).networks == 25
    first, *rest = task.traces[5:]
    spoilt = tuple(Report(r.epoch, {**r.metrics, "train_loss": float("nan")}) for r in first.reports)
    holed = TaskTraces("t", EPOCHS, (Trace(first.key, {}, {}, "", 5, spoilt), *rest))
    without = TaskTraces("t", EPOCHS, tuple(rest))
    values = [
        signal_correlations(t, ["train_loss"], resamples=0).curves[0].correlation for t in (holed, without)
    ]
    assert values[0] == pytest.approx(values[1])


def test_too_few_networks_give_no_number():
    found = signal_correlations(made_task(4), ["train_loss"])
    assert np.isnan(found.curves[0].correlation).all()
    empty = signal_correlations(TaskTraces("t", EPOCHS, ()))
    assert (empty.networks, empty.curves) == (0, ())


def test_the_interval_of_a_correlation_covers_it():
    """Normal pairs of rho 0.5, whose Spearman correlation is 6/pi asin(rho/2) = 0.483."""
    generator, inside = np.random.default_rng(1), []
    groups = [np.arange(50)]
    counts = draw_counts(groups, 50, 0, 300)
    for _ in range(200):
        x, noise = generator.normal(size=(2, 50))
        found = with_interval(group_correlation(x, 0.5 * x + np.sqrt(0.75) * noise, groups, counts), 50)
        inside.append(found.low <= 6 / np.pi * np.arcsin(0.25) <= found.high)
    assert 0.91 <= np.mean(inside) <= 0.99


def test_the_same_seed_gives_the_same_numbers():
    assert signal_correlations(made_task(seeds=2), seed=2) == signal_correlations(made_task(seeds=2), seed=2)


def test_what_is_not_there_is_refused():
    with pytest.raises(
        ValueError, match=r"no training of 'made' reports 'x'; reported: beta_eff, cpu_seconds"
    ):
        signal_correlations(made_task(), ["x"])
    with pytest.raises(ValueError, match="epochs must be from 1 to 3, received 4"):
        signal_correlations(made_task(), epochs=[4])


def test_directions_that_are_known():
    names = ["val_perplexity", "val_loss", "top5_accuracy", "parameters", "|beta_eff|", "degree_mean"]
    assert [known_sign(name, "val_perplexity", "min") for name in names] == [-1, -1, 1, 1, -1, None]
    assert ordered_signals(["b", "parameters", "a", "epoch"], "m") == ["parameters", "a", "b"]


@pytest.mark.parametrize(
    ("rule", "signal"),
    [("beta_eff_promotion", "|beta_eff|"), ("halving:beta_eff", "|beta_eff|"),
     ("halving:beta_eff:max", "beta_eff"), ("halving:parameters", "parameters"),
     ("halving:running_mean", "m"), ("median", "m"), ("halving", "m")],
)  # fmt: skip
def test_the_signal_of_a_rule_stands_in_its_name(rule, signal):
    assert signal_of(rule, "m") == signal
