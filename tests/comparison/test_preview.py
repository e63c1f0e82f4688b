"""What a search will take: closed forms against counting, the verb, and its errors."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from neurocap_search.cli import app
from neurocap_search.comparison import epoch_timing, preview
from neurocap_search.comparison.pruning_forecast import Range, epochs_of_search, ideal_epochs
from neurocap_search.config import SchedulerConfig
from neurocap_search.config_reader import read_config
from tests.conftest import ROOT

DIGITS = str(ROOT / "configs" / "digits.yaml")
COMPARE = str(ROOT / "configs" / "compare_digits.yaml")


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["preview", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def _half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch takes half a second: what is tested is what is made of it."""
    monkeypatch.setattr(preview, "time_an_epoch", lambda search: 0.5)


@given(grace=st.integers(1, 5), factor=st.integers(2, 4), rounds=st.integers(1, 3), extra=st.integers(0, 6))
def test_the_closed_form_of_halving_counts_epochs(grace: int, factor: int, rounds: int, extra: int) -> None:
    trials = factor**rounds
    epochs = grace * factor ** (rounds - 1) + 1 + extra
    rungs = [grace * factor**k for k in range(20) if grace * factor**k < epochs]
    counted = Fraction(0)
    for epoch in range(1, epochs + 1):
        passed = sum(rung < epoch for rung in rungs)
        counted += max(Fraction(trials, factor**passed), Fraction(1))
    rule = SchedulerConfig(name="asha", grace_period=grace, reduction_factor=factor)
    assert ideal_epochs(rule, epochs, trials) == pytest.approx(float(counted))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("none", {}, 160),
        ("i_epoch", {"keep": 3}, 10 * 4 + 3 * 12),
        ("median", {}, 10 * (4 + 6)),
        ("hyperband", {}, 160),  # grace period 16: there is one rung only, at the end
    ],
)
def test_other_rules(name: str, options: dict[str, int], expected: float) -> None:
    grace = 16 if name == "hyperband" else 4
    rule = SchedulerConfig.model_validate({"name": name, "grace_period": grace, **options})
    assert ideal_epochs(rule, 16, 10) == pytest.approx(expected)


def test_i_epoch_spends_just_what_its_closed_form_says() -> None:
    rule = SchedulerConfig(name="i_epoch", grace_period=4, keep=3)
    assert epochs_of_search(rule, 16, 10, workers=2) == Range(76, 76, 76)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["learned", "neural_capacitance", "asha", "hyperband", "median", "i_epoch", "none"]),
    type_=st.sampled_from(["stopping", "promotion"]),
    grace=st.integers(1, 4),
    epochs=st.integers(5, 12),
    trials=st.integers(1, 30),
    workers=st.integers(1, 8),
)
def test_a_forecast_lies_within_its_bounds(
    name: str, type_: str, grace: int, epochs: int, trials: int, workers: int
) -> None:
    kind = "stopping" if name in ("median", "none") else type_
    rule = SchedulerConfig.model_validate({"name": name, "type": kind, "grace_period": grace})
    found = epochs_of_search(rule, epochs, trials, workers)
    assert trials * grace <= found.least <= found.likely <= found.most <= epochs * trials
    assert found.most == epochs * trials or name == "i_epoch"
    assert found == epochs_of_search(rule, epochs, trials, workers)


@pytest.mark.usefixtures("_half_a_second")
def test_hours_and_money_follow_from_the_epochs() -> None:
    code, out, _ = invoke(
        DIGITS,
        "scheduler.name=none",
        "scheduler.grace_period=1",
        "resources.gpus_per_trial=0.25",
        "--workers=3",
        "--price-per-hour=2",
        "--json",
    )
    assert code == 0
    found = json.loads(out)
    (row,) = found["rules"]
    assert (found["device"], found["per_trial"], found["workers"]) == ("GPU", 0.25, 3)
    assert row["epochs"] == {"least": 540, "likely": 540, "most": 540}
    assert row["hours"]["most"] == pytest.approx(540 * 0.5 * 0.25 / 3600)
    assert row["price"]["most"] == pytest.approx(2 * row["hours"]["most"])
    assert row["wall_hours"]["most"] == pytest.approx(540 * 0.5 / 3 / 3600)


@pytest.mark.usefixtures("_half_a_second")
def test_a_live_comparison_adds_up() -> None:
    code, out, _ = invoke(COMPARE, "--json", "--workers=1")
    assert code == 0
    found = json.loads(out)
    rows = found["rules"]
    assert [row["rule"] for row in rows] == ["none", "learned", "beta_eff", "asha", "i_epoch"]
    assert rows[0]["epochs"]["likely"] == 5 * (30 * 18 + 18)  # the winner trains once more
    assert rows[4]["epochs"]["likely"] == 5 * (30 * 4 + 3 * 14 + 18)
    total = found["total"]
    for name in ("trials", "searches"):
        assert total[name] == sum(row[name] for row in rows)
    for end in ("least", "likely", "most"):
        assert total["epochs"][end] == sum(row["epochs"][end] for row in rows)
        assert total["hours"][end] == pytest.approx(total["epochs"][end] * 0.5 / 3600)


@pytest.mark.usefixtures("_half_a_second")
def test_the_table_shows_everything() -> None:
    code, out, _ = invoke(COMPARE, "--price-per-hour=1")
    assert code == 0
    for word in ("beta_eff", "i_epoch", "CPU-hours", "price", "nothing has been begun"):
        assert word in out
    assert "Trials          750 in 25 searches" in out
    assert "The sampler learns" not in out


@pytest.mark.usefixtures("_half_a_second")
def test_a_sampler_that_learns_is_pruned_less() -> None:
    code, out, _ = invoke(DIGITS)
    assert code == 0
    assert "The sampler learns: its later networks are better" in out


def test_an_epoch_is_timed_on_real_networks() -> None:
    config = read_config(Path(DIGITS), ["data.train_size=200", "training.graph_measures=false"])
    assert 0 < epoch_timing.time_an_epoch(config) < 60


def test_of_many_images_a_part_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_config(Path(DIGITS), ["data.train_size=1400", "data.validation_size=30"])
    monkeypatch.setattr(epoch_timing, "_TIMED_IMAGES", (100, 200))
    monkeypatch.setattr(epoch_timing, "seconds_an_epoch", lambda task, _: 0.25 + len(task.data.train) / 1000)
    assert epoch_timing.time_an_epoch(config) == pytest.approx(0.25 + 1.4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml"], "No configuration file at nowhere.yaml."),
        ([DIGITS, "training.epoch=3"], "Did you mean training.epochs?"),
        ([str(ROOT / "configs" / "bank" / "fashion-mlp.yaml")], "is a recording. Run: neurocap record"),
        ([COMPARE, "live.rules.asha.name=ahsa"], "live.rules.asha.name"),
        ([DIGITS, "data.train_size=5000"], "5000 training and 287 validation images were asked for"),
    ],
)
def test_wrong_input_gives_exit_code_2_and_one_message(arguments: list[str], message: str) -> None:
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_replayed_comparison_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "replayed.yaml"
    path.write_text("replay: {trials: 10}\n")
    code, _, err = invoke(str(path))
    assert code == 2
    assert "A replayed comparison trains nothing" in err
