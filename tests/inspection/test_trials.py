"""Inspecting trials and checkpoints of a real search."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurocap_search.config_reader import read_config
from neurocap_search.inspection.run_directory import RunDirectory
from neurocap_search.network_science import (
    eigenvector_centrality,
    five_numbers,
    network_capacitance,
    node_strength,
    rolled_graph,
)
from neurocap_search.tracking import TrialRecord, TrialState
from neurocap_search.training import evaluate, load_images, load_weights
from search_spaces.network import CandidateNetwork
from tests.inspection.conftest import Inspected, inspected
from tests.test_cli import invoke

FIGURES = ["capacitance.png", "node_strength.png", "layer_fluctuation.png", "signature.png"]


def best_trial(run: Path) -> TrialRecord:
    trial = RunDirectory.read(run).record.best
    assert trial is not None
    return trial


def best_network(run: Path) -> CandidateNetwork:
    facts = json.loads((run / "best" / "architecture.json").read_text())
    space = read_config(run / "config.yaml").space
    network = space.build(facts["architecture"], tuple(facts["input_shape"]), facts["num_classes"])
    load_weights(network, run / "best")
    return network.eval()


def test_the_best_trial_is_inspected_in_its_run_directory(run: Path, best: Inspected) -> None:
    assert best.folder == run / f"inspect-{best_trial(run).name}"
    assert {"measures.csv", *FIGURES} <= set(best.printed["files"])
    assert [epoch["epoch"] for epoch in best.printed["epochs"]] == list(range(7))
    assert "Training it again" in best.screen


def test_figures_are_large_and_not_empty(best: Inspected) -> None:
    for name in best.printed["files"]:
        if name.endswith(".png"):
            with Image.open(best.folder / name) as image:
                assert image.width >= 1000, name
                assert len(np.unique(np.asarray(image.convert("L")))) > 30, name


def test_training_again_gives_the_curve_that_was_recorded(run: Path, best: Inspected) -> None:
    table = best.table()
    for report in best_trial(run).reports:
        assert table[report.epoch, "val_accuracy", ""] == report.metrics["val_accuracy"]
        assert table[report.epoch, "beta_eff", ""] == report.metrics["beta_eff"]
        assert table[report.epoch, "beta_numerator", ""] == report.metrics["beta_numerator"]
        assert table[report.epoch, "beta_denominator", ""] == report.metrics["beta_denominator"]
    said = "Same curve as recorded: val_accuracy and beta_eff are equal at all of 6 epochs."
    assert said in best.printed["remarks"]
    assert said in best.screen


def test_the_last_epoch_has_the_measures_of_the_weights_that_the_search_kept(
    run: Path, best: Inspected
) -> None:
    network, table = best_network(run), best.table()
    data = load_images(read_config(run / "config.yaml").data)
    strengths = node_strength(network, data.train.images[:1]).strengths
    for layer, values in strengths.items():
        assert table[6, "strength_mean", layer] == pytest.approx(values.mean())
        assert table[6, "strength_maximum", layer] == values.max()
        assert table[6, "fluctuation", layer] == pytest.approx(values.std())
    whole = network_capacitance(network, data.train.images[:32], data.train.labels[:32])
    assert table[6, "network_beta_eff", ""] == pytest.approx(whole.value)
    for layer, share in whole.denominators.items():
        assert table[6, "network_beta_denominator", layer] == pytest.approx(share)


def test_the_signature_is_that_of_the_rolled_graph(run: Path, best: Inspected) -> None:
    graph = rolled_graph(best_network(run), torch.zeros(1, 1, 8, 8))
    table = best.table()
    centrality = eigenvector_centrality(graph.adjacency)
    for feature, values in (("degree", graph.degrees()), ("centrality", centrality)):
        for name, value in zip(
            ("median", "mean", "std", "skewness", "kurtosis"), five_numbers(values), strict=True
        ):
            assert table[6, f"{feature}_{name}", ""] == pytest.approx(value, rel=1e-2)


def test_epoch_0_is_the_network_before_training(run: Path, best: Inspected) -> None:
    config, trial = read_config(run / "config.yaml"), best_trial(run)
    data = load_images(config.data)
    network = config.space.build(
        trial.config["architecture"], data.input_shape, data.num_classes, seed=config.seed
    )
    accuracy = evaluate(network, data.validation, "val")["val_accuracy"]
    assert best.table()[0, "val_accuracy", ""] == accuracy


def test_a_pruned_trial_is_inspected_as_far_as_it_ran(run: Path, tmp_path: Path) -> None:
    trial = RunDirectory.read(run).record.in_state(TrialState.PRUNED)[0]
    found = inspected(run, "--trial", trial.number, "--output", tmp_path / "new" / "folder")
    assert [epoch["epoch"] for epoch in found.printed["epochs"]] == list(range(trial.epochs + 1))
    assert found.folder == tmp_path / "new" / "folder"
    assert f"pruned after {trial.epochs} epochs" in found.screen


def test_without_training_again_beta_eff_comes_from_the_journal(
    run: Path, best: Inspected, tmp_path: Path
) -> None:
    found = inspected(run, "--no-retrain", "--output", tmp_path)
    table, again = found.table(), best.table()
    assert [table[epoch, "beta_eff", ""] for epoch in range(7)] == [
        again[epoch, "beta_eff", ""] for epoch in range(7)
    ]
    layered = {epoch for epoch, measure, _ in table if measure == "network_beta_eff"}
    assert layered == {0, 6}
    assert table[6, "network_beta_eff", ""] == pytest.approx(again[6, "network_beta_eff", ""])
    assert "--retrain trains it again" in found.screen


def test_a_checkpoint_is_the_network_at_its_final_weights(run: Path, best: Inspected) -> None:
    trial = best_trial(run)
    assert trial.weights is not None
    for target in (run / "best", run / trial.weights, run / "best" / "weights.safetensors"):
        found = inspected(target)
        assert [epoch["epoch"] for epoch in found.printed["epochs"]] == [6]
        assert found.table()[6, "beta_eff", ""] == best.table()[6, "beta_eff", ""]
        assert found.folder == run / f"inspect-{trial.name}-weights"


def test_inspecting_again_replaces_the_files_and_no_others(run: Path, best: Inspected) -> None:
    (best.folder / "capacitance.png").write_bytes(b"old")
    (best.folder / "notes.txt").write_text("mine")
    before = best.table()
    again = inspected(run)
    assert again.folder == best.folder
    assert again.table() == before
    assert (again.folder / "notes.txt").read_text() == "mine"
    assert len((again.folder / "capacitance.png").read_bytes()) > 10_000


def with_events(run: Path, folder: Path, *events: dict[str, object]) -> Path:
    """A copy of a run directory with more events in its journal."""
    folder.mkdir()
    shutil.copyfile(run / "config.yaml", folder / "config.yaml")
    more = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "journal.jsonl").write_text((run / "journal.jsonl").read_text() + more)
    return folder


def test_a_failed_trial_shows_its_initial_network_and_its_error(run: Path, tmp_path: Path) -> None:
    trial = best_trial(run)
    facts = {"number": 8, "trial_id": "x", "config": trial.config, "description": trial.description}
    suggested = {"event": "suggested", **facts, "parameters": 1, "multiply_adds": 1}
    error = "DivergedError: The training loss is nan in epoch 1."
    ended = {"event": "ended", "trial_id": "x", "state": "failed", "error": error, "weights": None}
    found = inspected(with_events(run, tmp_path / "run", suggested, ended), "--trial", 8)
    assert [epoch["epoch"] for epoch in found.printed["epochs"]] == [0]
    assert f"failed ({error}) after 0 epochs" in found.screen
    assert "only its initial network is measured" in found.screen


def test_another_curve_than_the_recorded_one_is_said_to_be_so(run: Path, tmp_path: Path) -> None:
    folder = with_events(run, tmp_path / "run")
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("learning_rate: 0.05", "learning_rate: 0.02"))
    said = inspected(folder).printed["remarks"][0]
    assert said.startswith("Not the curve that was recorded: val_accuracy differs by up to ")


def test_a_run_directory_without_a_finished_trial_asks_for_one(run: Path, tmp_path: Path) -> None:
    folder = with_events(run, tmp_path / "run")
    lines = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (folder / "journal.jsonl").write_text("".join(lines[:2]))
    code, _, err = invoke("inspect", str(folder))
    assert code == 2
    assert "no trial was trained to the end, so there is no best one; choose one with --trial" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}", "--trial", "99"], "--trial: there is no trial 99; this search has the trials 0 to 7."),
        (["{run}", "--batch", "2"], "--batch goes with --model; leave it out."),
        (["{run}/best", "--trial", "1"], "--trial goes with a run directory, and {run}/best is none"),
        (["{run}/figures"], "{run}/figures is neither a run directory"),
        (["{run}", "--output", "{run}"], "--output: {run} holds other files. Choose a new or empty folder."),
        (["{run}", "--output", "{run}/config.yaml"], "cannot be written (Not a directory)"),
    ],
)
def test_wrong_input_on_a_run_directory(run: Path, arguments: list[str], message: str) -> None:
    code, out, err = invoke("inspect", *[argument.format(run=run) for argument in arguments])
    assert (code, out) == (2, "")
    assert message.format(run=run) in err


def test_the_folder_of_another_inspection_is_left_alone(run: Path, best: Inspected) -> None:
    other = next(n for n in range(8) if n != best_trial(run).number)
    code, _, err = invoke("inspect", str(run), "--trial", str(other), "--output", str(best.folder))
    assert code == 2
    assert f"holds the inspection of {best.printed['subject']}" in err


def test_weights_out_of_their_run_directory_cannot_be_read(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "best", tmp_path / "best")
    code, _, err = invoke("inspect", str(tmp_path / "best"))
    assert code == 2
    assert "lies in no run directory" in err
    assert "Inspect it where the search left it." in err


def test_without_rays_folder_the_kept_weights_of_the_best_trial_do(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("ray-*", "inspect-*"))
    found = inspected(copy, "--no-retrain")
    last = best_trial(copy).epochs
    assert found.table()[last, "strength_mean", "(output)"] is not None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("architecture.json", b"{broken", "is damaged. Give the run directory instead, with --trial."),
        ("architecture.json", b"[1]", "is damaged. Give the run directory instead, with --trial."),
        ("architecture.json", b"\xff\xfe\x00", "is damaged. Give the run directory instead, with --trial."),
        ("weights.safetensors", b"\x10\x00", "is damaged: "),
    ],
)
def test_damaged_checkpoints_are_named(
    run: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("ray-*", "inspect-*"))
    (copy / "best" / name).write_bytes(content)
    code, _, err = invoke("inspect", str(copy / "best"))
    assert code == 2
    assert message in err
    assert "Traceback" not in err
