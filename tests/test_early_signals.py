"""The short trainings of scripts/record_early_signals.py are the project's own, measured more often."""

import json
from pathlib import Path

import numpy as np
import pytest

from neurocap_search.traces.population import draw_population
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recorder import make_task
from tests.conftest import ROOT

CONFIG = RecordConfig.model_validate(
    {"space": {"name": "mlp"}, "training": {"epochs": 3}, "population": {"architectures": 2}}
)


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")


def test_it_is_the_same_training_whatever_is_measured_on_the_way() -> None:
    from record_early_signals import record_network

    task = make_task(CONFIG)
    candidate = draw_population(CONFIG.space, 1, 0)[0]
    config = {"architecture": candidate.architecture, "training": candidate.training}
    reports = list(task.start(config).reports())
    found = record_network(task, 0, candidate, (0.25, 0.5, 1.0, 1.5, 2.0, 3.0))
    assert found["failure"] is None
    for report in reports:
        measured = found["marks"][f"{report.epoch}.0"]
        for name in ("val_accuracy", "val_loss", "beta_eff", "degree_std"):
            assert measured[name] == report.metrics[name]
    parts = found["marks"]
    steps = np.array([parts[mark]["train_loss"] for mark in ("1.5", "2.0")])
    assert steps.mean() == pytest.approx(reports[1].metrics["train_loss"], rel=0.05)
    layers = [parts["1.0"][f"numerator_{k}"] for k in (2, 3)]
    assert sum(layers) == pytest.approx(parts["1.0"]["beta_numerator"], rel=1e-6)
    sums = [parts["1.0"][f"in_sum_{k}"] for k in (1, 2, 3)]
    assert sum(sums) == pytest.approx(parts["1.0"]["beta_denominator"], rel=1e-6)
    assert parts["1.0"]["sample_mean"] == pytest.approx(parts["1.0"]["beta_denominator"], rel=1e-6)


def test_a_second_start_goes_on(tmp_path: Path) -> None:
    from record_early_signals import main

    file = tmp_path / "tiny.yaml"
    file.write_text("name: tiny\nspace: {name: mlp}\npopulation: {architectures: 3}\n")
    for count in (2, 3):
        overrides = [f"population.architectures={count}"]
        assert main([str(file), *overrides, "--output", str(tmp_path), "--marks", "0.5", "1"]) == 0
        lines = (tmp_path / "tiny.0.jsonl").read_text().splitlines()
        assert [json.loads(line)["trial"] for line in lines] == list(range(count))


def test_a_task_that_was_not_measured_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from compare_early_signals import main

    assert main([str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"Error: {tmp_path} holds no networks of cifar10-cell. Measure some: python scripts/"
    )


@pytest.mark.parametrize("part", ["x", "2/2", "1", "-1/2"])
def test_a_part_that_is_none_is_refused(
    part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from record_early_signals import main

    assert main([str(tmp_path / "tiny.yaml"), "--output", str(tmp_path), f"--part={part}"]) == 2
    assert f"such as 0/2, received {part!r}." in capsys.readouterr().err
