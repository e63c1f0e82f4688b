"""The training loop: what it reports, that it repeats itself, that it learns."""

import math
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kurtosis, skew

from neurocap_search.config import DataConfig, TrainingConfig
from neurocap_search.errors import UserError
from neurocap_search.network_science import head_factors, neural_capacitance
from neurocap_search.prediction import Report
from neurocap_search.training import (
    DivergedError,
    ImageData,
    Training,
    evaluate,
    load_images,
    load_weights,
    save_weights,
    train,
    trial_settings,
)
from search_spaces import MlpSpace

SPACE = MlpSpace(name="mlp")
FIVE = ("median", "mean", "std", "skewness", "kurtosis")
ARCHITECTURE: dict[str, Any] = {
    "space": "mlp",
    "widths": [32],
    "activation": "relu",
    "normalisation": "batch",
    "dropout": 0.2,
}


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load_images(DataConfig(source="digits"))


def build(data: ImageData, **changes: Any) -> torch.nn.Module:
    return SPACE.build(ARCHITECTURE | changes, data.input_shape, data.num_classes)


def curve(data: ImageData, seed: int = 0, **settings: Any) -> list[Report]:
    return list(train(build(data), data, TrainingConfig(epochs=3, **settings), seed=seed))


def begun(data: ImageData, **settings: Any) -> Training:
    return Training(build(data), data, TrainingConfig(epochs=2, **settings), seed=3)


def plain(report: Report) -> dict[str, float]:
    return {name: value for name, value in report.metrics.items() if name != "measure_seconds"}


def test_marks_within_the_first_epoch_change_nothing_and_tell_what_training_knows(data: ImageData) -> None:
    whole = list(begun(data).reports())
    marked = list(begun(data).reports((0.25, 0.5, 0.51, 0.75)))
    # There are 17 batches: 0.5 and 0.51 of them are nine, and the first mark counts.
    assert [report.epoch for report in marked] == [0.25, 0.5, 0.75, 1, 2]
    assert [plain(report) for report in marked if not report.is_early] == [plain(report) for report in whole]
    names = {"train_loss", "train_accuracy", "learning_rate", "parameters"}
    assert all(report.metrics.keys() == names for report in marked if report.is_early)
    losses = [report.metrics["train_loss"] for report in marked]
    assert losses == sorted(losses, reverse=True)


def test_a_mark_tells_the_mean_of_the_batches_before_it(data: ImageData) -> None:
    early, *_ = begun(data, batch_size=len(data.train) // 2).reports((0.5,))
    half = Training(build(data), data, TrainingConfig(epochs=2, batch_size=len(data.train) // 2), seed=3)
    order = np.random.default_rng((3, 1)).permutation(len(data.train))[: len(data.train) // 2]
    torch.manual_seed(4)  # of dropout, as at the beginning of epoch 1
    half._model.train()
    logits = half._model(data.train.images[order]).detach()
    loss = torch.nn.functional.cross_entropy(logits, data.train.labels[order])
    assert early.metrics["train_loss"] == pytest.approx(float(loss), rel=1e-5)


def test_a_training_that_is_taken_up_again_has_no_marks(data: ImageData, tmp_path: Path) -> None:
    first = begun(data)
    next(first.reports())
    first.save(tmp_path)
    again = begun(data)
    again.load(tmp_path)
    assert [report.epoch for report in again.reports((0.5,))] == [2]


def test_a_mark_before_the_first_batch_is_left_out(data: ImageData) -> None:
    reports = begun(data, batch_size=len(data.train)).reports((0.01, 0.4, 0.9))
    assert [report.epoch for report in reports] == [1, 2]


def test_the_seconds_of_marks_and_epoch_add_up(data: ImageData) -> None:
    reports = []
    start = time.perf_counter()
    for report in begun(data).reports((0.5,)):
        reports.append(report)
    assert sum(report.seconds or 0 for report in reports) <= time.perf_counter() - start


def test_a_network_learns_and_reports_everything(data: ImageData) -> None:
    reports = curve(data)
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert set(reports[0].metrics) == {
        "val_accuracy",
        "val_loss",
        "train_accuracy",
        "train_loss",
        "beta_eff",
        "beta_numerator",
        "beta_denominator",
        "learning_rate",
        "parameters",
        "measure_seconds",
        *(f"{name}_{number}" for name in ("degree", "centrality") for number in FIVE),
        "strength_mean",
        "strength_std",
        "fluctuation_mean",
    }
    assert all(math.isfinite(value) for value in reports[0].metrics.values())
    assert reports[-1].metrics["val_accuracy"] > 0.7
    assert reports[-1].metrics["train_loss"] < reports[0].metrics["train_loss"]
    assert all(report.seconds and report.seconds > 0 for report in reports)


def test_the_same_seed_gives_the_same_curve_and_another_another(data: ImageData) -> None:
    def numbers(reports: list[Report]) -> list[dict[str, float]]:
        return [{k: v for k, v in r.metrics.items() if k != "measure_seconds"} for r in reports]

    assert numbers(curve(data)) == numbers(curve(data))
    assert numbers(curve(data)) != numbers(curve(data, seed=1))


def test_training_leaves_the_global_generator_alone(data: ImageData) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    curve(data)
    assert torch.equal(torch.rand(2), expected)


def test_beta_eff_is_that_of_the_head_on_the_first_training_images(data: ImageData) -> None:
    model = build(data)
    report = next(train(model, data, TrainingConfig(epochs=1, probe_samples=100), seed=0))
    model.eval()
    with torch.no_grad():
        features = model.forward_features(data.train.images[:100])
    normed = torch.nn.functional.rms_norm(features, features.shape[1:])
    factors = head_factors(list(model.head.parameters()), torch.relu, normed, data.train.labels[:100])
    expected = neural_capacitance(factors)
    assert report.metrics["beta_eff"] == pytest.approx(expected.value, rel=1e-4)
    assert report.metrics["beta_numerator"] == pytest.approx(expected.numerator, rel=1e-4)


def test_graph_measures_are_those_of_the_weights(data: ImageData) -> None:
    model = build(data, dropout=0.0)
    report = next(train(model, data, TrainingConfig(epochs=1), seed=0))
    layers = [p.detach().double().numpy() for p in model.parameters() if p.ndim == 2]
    layers[0] = np.linalg.norm(layers[0], axis=1, keepdims=True)  # the image has one channel
    sizes = np.cumsum([layers[0].shape[1], *(len(w) for w in layers)])
    adjacency = np.zeros((sizes[-1], sizes[-1]))
    start = 0
    for w, end in zip(layers, sizes, strict=False):
        adjacency[end : end + len(w), start : start + w.shape[1]] = abs(w)
        start = end
    adjacency += adjacency.T
    vector = np.abs(np.linalg.eigh(adjacency)[1][:, -1])
    for name, values in (("degree", adjacency.sum(0)), ("centrality", vector)):
        expected = (np.median(values), values.mean(), values.std(), skew(values), kurtosis(values))
        received = [report.metrics[f"{name}_{number}"] for number in FIVE]
        assert received == pytest.approx(expected, rel=1e-3)


def test_graph_measures_can_be_left_out(data: ImageData) -> None:
    metrics = curve(data, graph_measures=False)[0].metrics
    assert "beta_eff" in metrics
    assert not any(name.startswith(("degree", "centrality", "strength", "fluctuation")) for name in metrics)


def test_a_network_with_mixed_channels_is_trained_all_the_same(data: ImageData) -> None:
    class Mixing(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flip(1)

    model = build(data)
    model.backbone.layers.append(Mixing())
    metrics = next(train(model, data, TrainingConfig(epochs=1), seed=0)).metrics
    assert math.isnan(metrics["degree_mean"])
    assert math.isfinite(metrics["beta_eff"])


def test_a_frozen_head_stays_as_it_was(data: ImageData) -> None:
    model = build(data)
    before = [weight.clone() for weight in model.head.parameters()]
    list(train(model, data, TrainingConfig(epochs=1), seed=0))
    assert all(torch.equal(a, b) for a, b in zip(before, model.head.parameters(), strict=True))


def test_the_cosine_schedule_ends_near_zero(data: ImageData) -> None:
    rates = [report.metrics["learning_rate"] for report in curve(data, learning_rate=0.1)]
    assert rates == pytest.approx([0.05 * (1 + math.cos(math.pi * t / 3)) for t in range(3)])
    constant = curve(data, learning_rate=0.1, schedule="constant", optimizer="adamw")
    assert [report.metrics["learning_rate"] for report in constant] == [0.1] * 3


def test_divergence_is_an_error_of_its_own(data: ImageData) -> None:
    model = build(data, normalisation="none")
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(DivergedError, match="The training loss is nan in epoch 1"):
        list(islice(train(model, data, TrainingConfig(), seed=0), 1))


def test_a_head_that_is_no_probe(data: ImageData) -> None:
    model = build(data)
    model.head = torch.nn.Linear(32, 10)
    with pytest.raises(TypeError, match=r"model\.head must be a NeuralCapacitanceProbe, received Linear"):
        list(train(model, data, TrainingConfig(epochs=1), seed=0))


def test_weights_survive_the_disk(data: ImageData, tmp_path: Path) -> None:
    model = build(data)
    list(train(model, data, TrainingConfig(epochs=1), seed=0))
    save_weights(model, tmp_path)
    again = build(data)
    load_weights(again, tmp_path)
    assert evaluate(again, data.test, "test") == evaluate(model, data.test, "test")


def test_weights_of_another_architecture_or_none(data: ImageData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No weights at"):
        load_weights(build(data), tmp_path)
    save_weights(build(data, widths=[16]), tmp_path)
    with pytest.raises(UserError, match="belongs to another architecture"):
        load_weights(build(data), tmp_path)


def test_searched_values_win_over_the_configuration() -> None:
    settings = trial_settings(TrainingConfig(batch_size=64), {"learning_rate": 0.2})
    assert (settings.batch_size, settings.learning_rate) == (64, 0.2)
