"""The cells of NAS-Bench-201: published counts, the graph computed, gradients, cells cut from their input."""

from __future__ import annotations

import optuna
import pytest
import torch
from optuna.trial import FixedTrial
from torch import nn

from search_spaces import EDGES, CellSpace, HeadOptions, format_cell, parse_cell
from search_spaces.cell_network import Cell, ReductionBlock

IMAGE = (3, 32, 32)
SMALL = CellSpace(channels=2, cells_per_stage=1)


def cell_of(*operations: str) -> dict[str, str]:
    return {"space": "cell", "cell": format_cell(operations)}


def all_edges(operation: str) -> dict[str, str]:
    return cell_of(*[operation] * 6)


def test_sampling_takes_the_parameters_of_the_trial() -> None:
    operations = ("none", "nor_conv_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3", "none")
    names = [f"edge_{source}_{target}" for source, target in EDGES]
    assert names == ["edge_0_1", "edge_0_2", "edge_1_2", "edge_0_3", "edge_1_3", "edge_2_3"]
    trial = FixedTrial(dict(zip(names, operations, strict=True)))
    assert CellSpace().sample(trial) == cell_of(*operations)


def test_only_the_chosen_operations_are_sampled() -> None:
    space = CellSpace(operations=("skip_connect", "nor_conv_1x1"))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    sampled = {operation for _ in range(20) for operation in parse_cell(space.sample(study.ask())["cell"])}
    assert sampled == {"skip_connect", "nor_conv_1x1"}


@pytest.mark.parametrize(
    ("operation", "kernel_area", "published_parameters", "published_multiply_adds"),
    [("nor_conv_3x3", 9, 1_531_546, 220_119_690), ("skip_connect", 0, 73_306, 7_783_050)],
)
def test_the_largest_and_smallest_network_have_the_published_size(
    operation: str, kernel_area: int, published_parameters: int, published_multiply_adds: int
) -> None:
    """The benchmark lists 1.531546 and 0.073306 M parameters, 220.11969 and 7.78305 MFLOPs on CIFAR-10."""
    cells = 5 * 6 * kernel_area * (16**2 + 32**2 + 64**2)
    reductions = [9 * c * 2 * c + 9 * (2 * c) ** 2 + c * 2 * c for c in (16, 32)]
    convolutions = 3 * 16 * 9 + cells + sum(reductions)
    norms = 2 * (16 + 2 * 32 + 2 * 64 + 64 + (5 * 6 * (16 + 32 + 64) if kernel_area else 0))
    classifier = 64 * 10 + 10
    assert convolutions + norms + classifier == published_parameters

    head = 64 * 64 + 2 * 64 * 64 + 64 * 10
    cost = CellSpace(head=HeadOptions(width=64, depth=4)).cost(all_edges(operation), IMAGE, num_classes=10)
    assert cost.parameters - head == published_parameters - classifier
    assert cost.multiply_adds - head == published_multiply_adds - classifier


def test_the_multiply_adds_of_a_tiny_network_are_those_computed_by_hand() -> None:
    space = CellSpace(channels=1, cells_per_stage=1, head=HeadOptions(width=2, depth=4))
    cost = space.cost(cell_of("nor_conv_1x1", "none", "none", "none", "none", "none"), (1, 4, 4), 3)
    stem, head = 9 * 16, 4 * 2 + 2 * 2 + 2 * 2 + 2 * 3
    cells = 1 * 16 + 4 * 4 + 16 * 1
    reductions = (9 * 2 + 9 * 4 + 2) * 4 + (9 * 8 + 9 * 16 + 8) * 1
    assert cost.multiply_adds == stem + cells + reductions + head


def test_a_cell_computes_its_graph() -> None:
    x = torch.randn(2, 3, 5, 5)
    pooled = nn.functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    operations = parse_cell(
        "|avg_pool_3x3~0|+|skip_connect~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|"
    )
    torch.testing.assert_close(Cell(operations, channels=3)(x), pooled + (x + pooled))


def test_pooling_leaves_the_padding_out_of_its_mean() -> None:
    ones = torch.ones(1, 2, 4, 4)
    cell = Cell(
        parse_cell(cell_of("none", "none", "none", "avg_pool_3x3", "none", "none")["cell"]), channels=2
    )
    torch.testing.assert_close(cell(ones), ones)


@pytest.mark.parametrize(("size", "halved"), [(8, 4), (7, 4), (1, 1)])
def test_a_reduction_halves_the_image_rounding_up(size: int, halved: int) -> None:
    assert ReductionBlock(2, 4)(torch.rand(3, 2, size, size)).shape == (3, 4, halved, halved)


def test_the_layers_follow_the_skeleton() -> None:
    space = CellSpace(channels=4, cells_per_stage=2)
    layers = space.build(all_edges("none"), IMAGE, 10).backbone.layers
    stem, last = [nn.Conv2d, nn.BatchNorm2d], [nn.BatchNorm2d, nn.ReLU, nn.AdaptiveAvgPool2d, nn.Flatten]
    stages = [Cell, Cell, ReductionBlock, Cell, Cell, ReductionBlock, Cell, Cell]
    assert [type(layer) for layer in layers] == [*stem, *stages, *last]


def test_gradients_reach_every_weight_of_the_backbone() -> None:
    network = SMALL.build(all_edges("nor_conv_3x3"), (3, 16, 16), 5)
    network(torch.rand(8, 3, 16, 16)).square().sum().backward()
    for name, parameter in network.backbone.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    "operations",
    [["none"] * 6, ["none", "none", "nor_conv_3x3", "none", "nor_conv_3x3", "nor_conv_1x1"]],
    ids=["no edge", "cut from the input"],
)
def test_a_cell_cut_from_its_input_trains_without_error(operations: list[str]) -> None:
    network = SMALL.build(cell_of(*operations), (3, 16, 16), 5)
    optimiser = torch.optim.SGD(network.backbone.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(torch.rand(4, 3, 16, 16)), torch.arange(4)).backward()
        optimiser.step()
    features = network.eval().forward_features(torch.rand(4, 3, 16, 16))
    assert torch.isfinite(features).all()
    assert torch.equal(features, features[:1].expand_as(features))
    assert torch.isfinite(network(torch.rand(4, 3, 16, 16))).all()


def test_a_description_has_a_word_for_each_edge() -> None:
    operations = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "none")
    assert CellSpace().describe(cell_of(*operations)) == "none skip 1x1 3x3 pool none"


def test_a_narrower_space_builds_the_cells_of_a_wider_one() -> None:
    space = CellSpace(channels=2, cells_per_stage=1, operations=("skip_connect",))
    assert space.build(all_edges("nor_conv_1x1"), (1, 8, 8), 3)(torch.rand(2, 1, 8, 8)).shape == (2, 3)


def test_a_misspelt_operation_is_explained() -> None:
    architecture = {"space": "cell", "cell": all_edges("none")["cell"].replace("|none~2|", "|nonne~2|")}
    with pytest.raises(ValueError, match=r"unknown operation 'nonne' \(did you mean 'none'\?\)"):
        CellSpace().describe(architecture)
