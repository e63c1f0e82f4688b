"""The same trainings through Syne Tune's simulator and ours, under Syne Tune's own rule: one outcome."""

from types import ModuleType

import pytest

from tests.conftest import ROOT

pytest.importorskip("syne_tune")
TRIALS = 40


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import benchmark_replay

    return benchmark_replay


@pytest.mark.filterwarnings("ignore")  # Syne Tune's own
def test_with_one_worker_and_its_rule_the_outcome_is_syne_tunes(benchmark: ModuleType) -> None:
    stream = benchmark.recorded(TRIALS)
    with benchmark.syne_tune_in_a_corner():
        theirs = benchmark.through_syne_tune(benchmark.tabulated(stream), TRIALS, 1, sleep=5.0)
    ours = benchmark.replayed(benchmark.TheirRule(TRIALS), stream, 1, benchmark.SYNE_TUNES)
    assert (ours.epochs, ours.trained) == (theirs.epochs, theirs.trained)
    assert 0 < len(ours.trained) < TRIALS


def test_the_benchmark_repeats_itself(benchmark: ModuleType) -> None:
    stream = benchmark.recorded(TRIALS)
    assert stream == benchmark.recorded(TRIALS)
    for name in benchmark.RULES:
        runs = [
            benchmark.replayed(benchmark.rule(name, stream), stream, 8, benchmark.Delays()) for _ in range(2)
        ]
        assert (runs[0].epochs, runs[0].trained) == (runs[1].epochs, runs[1].trained)
