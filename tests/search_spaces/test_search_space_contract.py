"""What holds in every registered space: sampling, JSON, building, describing, seeding, errors."""

from __future__ import annotations

import json

import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from search_spaces import CellSpace, HeadOptions, MlpSpace, SearchSpace

SPACES = [MlpSpace(), CellSpace(channels=2, cells_per_stage=1)]
INPUT_SHAPES = [(1, 8, 8), (3, 16, 16)]

each_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
seeds = st.integers(0, 2**31)


def sample(space: SearchSpace, seed: int) -> dict[str, object]:
    return space.sample(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask())


def weights_of(network: nn.Module) -> list[torch.Tensor]:
    return list(network.state_dict().values())


@each_space
@given(seed=seeds, input_shape=st.sampled_from(INPUT_SHAPES))
@settings(max_examples=40, deadline=None)
def test_a_sampled_architecture_survives_json_and_builds(
    space: SearchSpace, seed: int, input_shape: tuple[int, int, int]
) -> None:
    architecture = sample(space, seed)
    assert json.loads(json.dumps(architecture)) == architecture
    assert architecture["space"] == space.name
    network = space.build(json.loads(json.dumps(architecture)), input_shape, num_classes=7)
    x = torch.rand(4, *input_shape)
    features = network.forward_features(x)
    assert features.shape == (4, network.backbone.out_features)
    assert network.head(features).shape == (4, 7)
    network.eval()
    assert torch.equal(network(x), network.head(network.forward_features(x)))
    assert torch.isfinite(network(x)).all()


@each_space
@given(seed=seeds)
@settings(deadline=None)
def test_a_description_fits_its_column(space: SearchSpace, seed: int) -> None:
    assert 0 < len(space.describe(sample(space, seed))) <= 34


@each_space
@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_the_cost_counts_every_weight_of_the_built_network(space: SearchSpace, seed: int) -> None:
    architecture = sample(space, seed)
    network = space.build(architecture, (1, 8, 8), num_classes=3)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert space.cost(architecture, (1, 8, 8), num_classes=3).parameters == parameters


@each_space
def test_the_seed_alone_decides_the_weights(space: SearchSpace) -> None:
    architecture = sample(space, seed=1)
    torch.manual_seed(11)
    first = space.build(architecture, (1, 8, 8), 3, seed=5)
    torch.manual_seed(12)
    again = space.build(architecture, (1, 8, 8), 3, seed=5)
    other = space.build(architecture, (1, 8, 8), 3, seed=6)
    assert all(map(torch.equal, weights_of(first), weights_of(again)))
    assert not all(map(torch.equal, weights_of(first.backbone), weights_of(other.backbone)))
    assert all(map(torch.equal, weights_of(first.head), weights_of(other.head)))


@each_space
def test_building_and_weighing_leave_the_global_generator_alone(space: SearchSpace) -> None:
    architecture = sample(space, seed=1)
    before = torch.get_rng_state()
    space.build(architecture, (1, 8, 8), 3)
    space.cost(architecture, (1, 8, 8), 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_head_takes_its_options() -> None:
    space = MlpSpace(head=HeadOptions(width=8, depth=5, frozen=False))
    architecture = sample(space, seed=0) | {"widths": [16]}
    head = space.build(architecture, (1, 8, 8), 3).head
    assert sum(parameter.numel() for parameter in head.parameters()) == 16 * 8 + 3 * 8 * 8 + 8 * 3
    assert all(parameter.requires_grad for parameter in head.parameters())


def test_a_frozen_head_does_not_learn_but_passes_gradients_on() -> None:
    network = MlpSpace().build(sample(MlpSpace(), seed=0), (1, 8, 8), 3)
    network(torch.rand(4, 1, 8, 8)).sum().backward()
    assert not any(parameter.requires_grad for parameter in network.head.parameters())
    assert all(parameter.grad is not None for parameter in network.backbone.parameters())


@each_space
@pytest.mark.parametrize("input_shape", [(8, 8), (0, 8, 8), (1, 8, 8, 8)])
def test_a_wrong_input_shape_is_rejected(space: SearchSpace, input_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"input_shape must be \(channels, height, width\) of one sample"):
        space.build(sample(space, seed=0), input_shape, 3)


@each_space
def test_malformed_architectures_are_rejected(space: SearchSpace) -> None:
    architecture = sample(space, seed=0)
    with pytest.raises(ValueError, match=rf"'{space.name}' architecture lacks .*: received \{{'space'"):
        space.build({"space": space.name}, (1, 8, 8), 3)
    with pytest.raises(
        ValueError, match=r"unknown key of a .* architecture 'spac' \(did you mean 'space'\?\)"
    ):
        space.build(architecture | {"spac": "cell"}, (1, 8, 8), 3)
    with pytest.raises(ValueError, match="build an architecture with the space that sampled it"):
        space.describe(architecture | {"space": "other"})
