"""What a search space is: it samples, describes, builds and weighs architectures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field, NonNegativeInt, PositiveInt

from search_spaces.checks import check_input_shape
from search_spaces.frozen import FrozenModel
from search_spaces.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from search_spaces.network import Backbone, CandidateNetwork

Architecture = dict[str, Any]
"""An architecture as plain JSON, with the name of its space under `"space"`."""


class Cost(NamedTuple):
    """What a network weighs.

    Attributes:
        parameters: number of weights of the whole network, the frozen ones of the head included.
        multiply_adds: multiply-adds of the matrix products and convolutions of one sample's forward pass.
    """

    parameters: int
    multiply_adds: int


class HeadOptions(FrozenModel):
    """The classification head that every network of a space ends in, a neural capacitance probe.

    The same for all architectures of a search, so that their neural capacitances can be compared.

    Attributes:
        width: units of each hidden layer.
        depth: weight layers.
        frozen: whether only the backbone learns.
        seed: seed of the head's weights.
    """

    width: PositiveInt = 64
    depth: int = Field(default=4, ge=4)
    frozen: bool = True
    seed: NonNegativeInt = 0


class SearchSpace(FrozenModel, ABC):
    """A set of architectures that can be sampled with Optuna and built with PyTorch.

    A concrete space says what an architecture is (`sample`, `validate_architecture`, `describe`) and what
    network it stands for (`build_backbone`). Its `name` is a `Literal`, by which a configuration chooses the
    space.

    Attributes:
        head: the head of every network.
        hyperparameters: the training hyper-parameters searched with the architecture.
    """

    name: str
    head: HeadOptions = HeadOptions()
    hyperparameters: Hyperparameters = Hyperparameters()

    @abstractmethod
    def sample(self, trial: BaseTrial) -> Architecture:
        """Asks the Optuna trial for an architecture (hyper-parameters: `hyperparameters.sample`)."""

    @abstractmethod
    def validate_architecture(self, architecture: Architecture) -> None:
        """Checks that an architecture can be built, though not that this space could have sampled it.

        An architecture found in one space can thus be rebuilt in a narrower one.

        Raises:
            ValueError: saying what is malformed and how to right it.
        """

    @abstractmethod
    def describe(self, architecture: Architecture) -> str:
        """A few words by which to recognise an architecture in a table, 34 characters as a rule."""

    @abstractmethod
    def build_backbone(self, architecture: Architecture, input_shape: tuple[int, int, int]) -> Backbone:
        """The network from input to features, for a valid architecture, drawn from the global generator."""

    def build(
        self, architecture: Architecture, input_shape: tuple[int, int, int], num_classes: int, seed: int = 0
    ) -> CandidateNetwork:
        """Builds the network of an architecture.

        Args:
            architecture: an architecture of this space.
            input_shape: `(channels, height, width)` of one sample.
            num_classes: number of classes.
            seed: seed of the backbone's weights; the head has its own (`head.seed`). The same architecture,
                shape and seed give the same weights, and PyTorch's global generators are left as they were.

        Returns:
            A module with `forward_features(x) -> (B, d)` and `head`, from features to logits.

        Raises:
            ValueError: if the architecture or the shape is malformed.
        """
        # Imported here, so that a wrong configuration is answered before the seconds PyTorch takes to load.
        from search_spaces.network import CandidateNetwork, seeded_weights

        self.validate_architecture(architecture)
        check_input_shape(input_shape)
        with seeded_weights(seed):
            backbone = self.build_backbone(architecture, input_shape)
        return CandidateNetwork(backbone, num_classes, self.head)

    def cost(self, architecture: Architecture, input_shape: tuple[int, int, int], num_classes: int) -> Cost:
        """Parameters and multiply-adds of the network that `build` returns for the same arguments.

        The backbone is neither initialised nor computed: it is built on PyTorch's meta device.

        Raises:
            ValueError: if the architecture or the shape is malformed.
        """
        # Imported here for the reason given in `build`.
        import torch

        from search_spaces.network import measure_cost

        with torch.device("meta"):
            network = self.build(architecture, input_shape, num_classes)
        return measure_cost(network, input_shape)
