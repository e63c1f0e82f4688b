"""What is measured after each epoch: kept wiring and fast layout change no number."""

import math

import pytest
import torch
from torch import Tensor, nn

from neurocap_search.config import TrainingConfig
from neurocap_search.network_science import node_strength, rolled_graph
from neurocap_search.training.data import Split
from neurocap_search.training.graph_measures import GraphMeasures
from neurocap_search.training.measures import EpochMeasures, measure
from search_spaces import CellSpace

CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|skip_connect~2|"
SETTINGS = TrainingConfig(probe_samples=16)


@pytest.fixture
def split() -> Split:
    generator = torch.Generator().manual_seed(0)
    return Split(torch.randn(20, 3, 8, 8, generator=generator), torch.arange(20) % 10)


@pytest.fixture
def model() -> nn.Module:
    space = CellSpace(channels=4, cells_per_stage=1)
    return space.build({"space": "cell", "cell": CELL}, (3, 8, 8), 10)


def step(model: nn.Module, split: Split) -> None:
    model.train()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=0.1, momentum=0.9)
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(split.images), split.labels).backward()
    optimizer.step()


def without_seconds(numbers: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in numbers.items() if name != "measure_seconds"}


def test_epoch_after_epoch_the_numbers_are_those_of_a_single_measurement(
    model: nn.Module, split: Split
) -> None:
    measures, found = EpochMeasures(model, split, SETTINGS), []
    for _ in range(3):
        step(model, split)
        found.append(without_seconds(measures.take()))
        assert found[-1] == without_seconds(measure(model, split, SETTINGS))
        assert all(map(math.isfinite, found[-1].values()))
    for name in ("beta_eff", "degree_mean", "centrality_mean", "strength_mean", "fluctuation_mean"):
        assert len({numbers[name] for numbers in found}) == 3


def test_the_wiring_is_traced_once(model: nn.Module, split: Split) -> None:
    batches: list[int] = []
    model.backbone.register_forward_pre_hook(lambda _, args: batches.append(len(args[0])))
    measures = EpochMeasures(model, split, SETTINGS)
    for _ in range(3):
        measures.take()
    assert batches == [16, 1, 16, 16]


def test_parameters_that_were_replaced_are_traced_again(model: nn.Module, split: Split) -> None:
    measures = EpochMeasures(model, split, SETTINGS)
    before = measures.take()
    changed = {name: value * 2 for name, value in model.state_dict().items()}
    model.load_state_dict(changed, assign=True)
    after = measures.take()
    assert after["degree_mean"] != before["degree_mean"]
    assert without_seconds(after) == without_seconds(measure(model, split, SETTINGS))


def test_a_bias_that_is_computed_in_each_pass_is_measured_as_it_is_now() -> None:
    class Scaled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x, self.weight, 2 * self.bias)

    network = Scaled(2, 3)
    measures = GraphMeasures(network, torch.zeros(1, 2))
    measures.measure()
    nn.init.constant_(network.bias, 5.0)
    strengths = node_strength(network, torch.zeros(1, 2)).strengths
    expected = sum(values.sum() for values in strengths.values()) / 5
    assert measures.measure()["strength_mean"] == pytest.approx(expected)


def test_the_graph_is_that_of_the_public_functions(model: nn.Module, split: Split) -> None:
    sample = split.images[:1]
    numbers = GraphMeasures(model, sample).measure()
    assert numbers["degree_mean"] == pytest.approx(rolled_graph(model, sample).degrees().mean())
    strengths = node_strength(model, sample).strengths.values()
    fluctuation = sum(float(values.std()) for values in strengths) / len(strengths)
    assert numbers["fluctuation_mean"] == pytest.approx(fluctuation)


def test_diverged_weights_are_refused_by_name(model: nn.Module, split: Split) -> None:
    measures = GraphMeasures(model, split.images[:1])
    measures.measure()
    nn.init.constant_(model.backbone.layers[0].weight, math.nan)
    with pytest.raises(ValueError, match=r"layer backbone\.layers\.0: .* received 108 infinite or NaN of"):
        measures.measure()


def test_images_pass_in_chunks_and_none_is_left_out(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    split = Split(torch.randn(300, 3, 8, 8, generator=generator), torch.arange(300) % 10)
    batches: list[int] = []
    model.backbone.register_forward_pre_hook(lambda _, args: batches.append(len(args[0])))
    found = measure(model, split, TrainingConfig(probe_samples=290, graph_measures=False))
    assert batches == [128, 128, 34]
    with torch.no_grad():
        expected = model.head.measure(model.forward_features(split.images[:290]), split.labels[:290])
    assert found["beta_numerator"] == pytest.approx(expected.numerator, rel=1e-4)


class Viewing(nn.Module):
    """Insists on channels that come before height and width, as much code of users does."""

    def forward(self, x: Tensor) -> Tensor:
        return x.view(len(x), -1, 8).view(x.shape)


@pytest.mark.parametrize("viewing", [False, True])
def test_the_layout_of_the_images_changes_no_number(model: nn.Module, split: Split, viewing: bool) -> None:
    if viewing:
        model.backbone = nn.Sequential(Viewing(), model.backbone)
    layouts: list[bool] = []
    model.backbone.register_forward_pre_hook(
        lambda _, args: layouts.append(args[0].is_contiguous(memory_format=torch.channels_last))
    )
    measures = EpochMeasures(model, split, TrainingConfig(probe_samples=16, graph_measures=False))
    found = [measures.take()["beta_eff"] for _ in range(2)]
    assert layouts == ([True, False, False] if viewing else [True, True])
    with torch.no_grad():
        expected = model.head.measure(model.forward_features(split.images[:16]), split.labels[:16]).value
    assert found == pytest.approx([expected] * 2, rel=1e-4)
