"""Multi-layer perceptrons of searched depth, widths, activation, normalisation and dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from pydantic import PositiveInt

from search_spaces.base import Architecture, SearchSpace
from search_spaces.checks import check_keys, check_name
from search_spaces.ranges import Choices, IntRange, SteppedRange

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from search_spaces.mlp_network import MlpBackbone

Activation = Literal["relu", "tanh", "gelu", "silu"]
Normalisation = Literal["none", "batch", "layer"]


class MlpSpace(SearchSpace):
    """Multi-layer perceptrons on flattened inputs, for tabular data and small images.

    The width of each layer is a parameter of its own (`width_1`, `width_2`, ...), so that their number
    depends on the sampled `depth`. Not for larger images, where the first layer would hold nearly all
    weights: use `CellSpace`.

    Attributes:
        depth: hidden layers.
        widths: units that a hidden layer may have.
        activations: activation functions to choose from.
        normalisations: normalisations to choose from, put between a layer and its activation. `batch` needs
            batches of at least two samples in training.
        dropout: probability with which each hidden unit is dropped in training.

    Example:
        >>> from optuna.trial import FixedTrial
        >>> space = MlpSpace()
        >>> trial = FixedTrial({"depth": 2, "width_1": 64, "width_2": 32, "activation": "relu",
        ...                     "normalisation": "batch", "dropout": 0.1})
        >>> architecture = space.sample(trial)
        >>> architecture["widths"]
        [64, 32]
        >>> space.describe(architecture)
        '64-32 relu batch p=0.1'
        >>> space.build(architecture, input_shape=(1, 8, 8), num_classes=10).backbone.out_features
        32
    """

    name: Literal["mlp"] = "mlp"
    depth: IntRange = IntRange(low=1, high=4)
    widths: Choices[PositiveInt] = (16, 32, 64, 128)
    activations: Choices[Activation] = ("relu", "tanh", "gelu", "silu")
    normalisations: Choices[Normalisation] = ("none", "batch", "layer")
    dropout: SteppedRange = SteppedRange(low=0.0, high=0.5, step=0.1)

    def sample(self, trial: BaseTrial) -> Architecture:
        """Samples an architecture.

        Args:
            trial: the Optuna trial; parameters `depth`, `width_1` to `width_<depth>`, `activation`,
                `normalisation` and `dropout`.

        Returns:
            Such as `{"space": "mlp", "widths": [64, 32], "activation": "relu", "normalisation": "batch",
            "dropout": 0.1}`.
        """
        depth = self.depth.suggest(trial, "depth")
        return {
            "space": self.name,
            "widths": [trial.suggest_categorical(f"width_{i}", self.widths) for i in range(1, depth + 1)],
            "activation": trial.suggest_categorical("activation", self.activations),
            "normalisation": trial.suggest_categorical("normalisation", self.normalisations),
            "dropout": self.dropout.suggest(trial, "dropout"),
        }

    def validate_architecture(self, architecture: Architecture) -> None:
        """Checks keys, widths, names and dropout.

        Raises:
            ValueError: saying what is malformed and how to right it.
        """
        check_keys(architecture, self.name, ("widths", "activation", "normalisation", "dropout"))
        check_name("activation", architecture["activation"], get_args(Activation))
        check_name("normalisation", architecture["normalisation"], get_args(Normalisation))
        _check_widths(architecture["widths"])
        _check_dropout(architecture["dropout"])

    def describe(self, architecture: Architecture) -> str:
        """Widths and activation, then normalisation and dropout if there are any: `"64-32 relu batch p=0.1"`.

        Raises:
            ValueError: if the architecture is malformed.
        """
        self.validate_architecture(architecture)
        words = ["-".join(map(str, architecture["widths"])), architecture["activation"]]
        if architecture["normalisation"] != "none":
            words.append(architecture["normalisation"])
        if architecture["dropout"]:
            words.append(f"p={architecture['dropout']:g}")
        return " ".join(words)

    def build_backbone(self, architecture: Architecture, input_shape: tuple[int, int, int]) -> MlpBackbone:
        """The perceptron up to the activation (and dropout) of its last hidden layer."""
        # Imported here, so that importing the space does not import PyTorch.
        from search_spaces.mlp_network import MlpBackbone

        return MlpBackbone(
            input_shape,
            architecture["widths"],
            activation=architecture["activation"],
            normalisation=architecture["normalisation"],
            dropout=architecture["dropout"],
        )


def _check_widths(widths: object) -> None:
    if (
        not isinstance(widths, list)
        or not widths
        or any(type(width) is not int or width < 1 for width in widths)
    ):
        raise ValueError(
            f"widths must be a list of one or more positive integers, such as [64, 32], not {widths!r}"
        )


def _check_dropout(dropout: object) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise ValueError(f"dropout must be a number from 0 up to but not including 1, not {dropout!r}")
