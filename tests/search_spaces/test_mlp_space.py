"""The multi-layer perceptrons: conditional widths, cost by hand, layers, malformed architectures."""

from __future__ import annotations

from typing import get_args

import optuna
import pytest
import torch
from optuna.trial import FixedTrial
from torch import nn

from search_spaces import HeadOptions, IntRange, MlpSpace
from search_spaces.mlp import Activation, Normalisation
from search_spaces.mlp_network import ACTIVATIONS, NORMALISATIONS

ARCHITECTURE = {
    "space": "mlp",
    "widths": [3, 5],
    "activation": "relu",
    "normalisation": "batch",
    "dropout": 0.1,
}


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_only_the_layers_there_are_have_a_width_parameter(depth: int) -> None:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    architecture = MlpSpace(depth=IntRange(low=depth, high=depth)).sample(trial)
    widths = [f"width_{layer}" for layer in range(1, depth + 1)]
    assert list(trial.params) == ["depth", *widths, "activation", "normalisation", "dropout"]
    assert architecture["widths"] == [trial.params[width] for width in widths]


def test_sampling_takes_the_parameters_of_the_trial() -> None:
    parameters = {"depth": 2, "width_1": 16, "width_2": 128, "activation": "silu"}
    trial = FixedTrial(parameters | {"normalisation": "layer", "dropout": 0.3})
    assert MlpSpace().sample(trial) == {
        "space": "mlp",
        "widths": [16, 128],
        "activation": "silu",
        "normalisation": "layer",
        "dropout": 0.3,
    }


def test_the_cost_is_the_one_computed_by_hand() -> None:
    space = MlpSpace(head=HeadOptions(width=6, depth=4))
    cost = space.cost(ARCHITECTURE | {"normalisation": "layer"}, (1, 2, 2), num_classes=2)
    matrices = 4 * 3 + 3 * 5 + (5 * 6 + 6 * 6 + 6 * 6 + 6 * 2)
    assert cost.multiply_adds == matrices
    assert cost.parameters == matrices + (3 + 5) + 2 * (
        3 + 5
    )  # biases; scales and shifts of the normalisation


def test_the_features_follow_activation_and_dropout_of_the_last_layer() -> None:
    backbone = MlpSpace().build(ARCHITECTURE, (1, 2, 2), 2).backbone
    block = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
    assert [type(layer) for layer in backbone.layers] == [nn.Flatten, *block, *block]
    assert [layer.out_features for layer in backbone.layers if isinstance(layer, nn.Linear)] == [3, 5]
    assert [layer.bias for layer in backbone.layers if isinstance(layer, nn.Linear)] == [None, None]
    assert [layer.p for layer in backbone.layers if isinstance(layer, nn.Dropout)] == [0.1, 0.1]
    assert (backbone.eval()(torch.randn(9, 1, 2, 2)) >= 0).all()


def test_every_name_has_its_module() -> None:
    assert tuple(ACTIVATIONS) == get_args(Activation)
    assert tuple(NORMALISATIONS) == get_args(Normalisation)


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({}, "3-5 relu batch p=0.1"),
        ({"dropout": 0.0}, "3-5 relu batch"),
        ({"normalisation": "none", "widths": [64]}, "64 relu p=0.1"),
        ({"widths": [128] * 4, "dropout": 0.30000000000000004}, "128-128-128-128 relu batch p=0.3"),
    ],
)
def test_descriptions(changes: dict[str, object], description: str) -> None:
    assert MlpSpace().describe(ARCHITECTURE | changes) == description


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"activation": "rellu"},
            r"unknown activation 'rellu' \(did you mean 'relu'\?\): choose from relu, tanh",
        ),
        ({"activation": 3}, "unknown activation 3: choose from relu"),
        ({"normalisation": "bach"}, r"unknown normalisation 'bach' \(did you mean 'batch'\?\)"),
        ({"widths": []}, r"widths must be a list of one or more positive integers, such as .*, not \[\]"),
        ({"widths": [16, 0]}, r"not \[16, 0\]"),
        ({"widths": [16.0]}, r"not \[16.0\]"),
        ({"widths": 16}, "not 16"),
        ({"dropout": 1.0}, "dropout must be a number from 0 up to but not including 1, not 1.0"),
        ({"dropout": -0.1}, "not -0.1"),
        ({"dropout": "0.1"}, "not '0.1'"),
        ({"dropout": float("nan")}, "not nan"),
    ],
)
def test_malformed_architectures_say_how_to_right_them(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MlpSpace().build(ARCHITECTURE | changes, (1, 8, 8), 3)
