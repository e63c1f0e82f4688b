"""Training hyper-parameters that are searched together with the architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from search_spaces.frozen import FrozenModel
from search_spaces.ranges import Choices, FloatRange

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


class Hyperparameters(FrozenModel):
    """The training hyper-parameters to search; those left at `None` keep the value of the training options.

    Not the place for a fixed value: that is a training option. Search few of them while architectures are
    compared by neural capacitance early in training, since a learning rate moves the early curve too.

    Attributes:
        learning_rate: step size of the optimiser.
        weight_decay: coefficient of the L2 penalty.
        batch_size: examples in a step.

    Example:
        >>> from optuna.trial import FixedTrial
        >>> hyperparameters = Hyperparameters(batch_size=[32, 64])
        >>> hyperparameters.sample(FixedTrial({"batch_size": 64}))
        {'batch_size': 64}
    """

    learning_rate: FloatRange | None = None
    weight_decay: FloatRange | None = None
    # Two, because batch normalisation cannot train on a single example.
    batch_size: Choices[Annotated[int, Field(ge=2)]] | None = None

    @field_validator("learning_rate", "weight_decay")
    @classmethod
    def _not_negative(cls, value: FloatRange | None) -> FloatRange | None:
        if value is not None and value.low < 0:
            raise ValueError(f"low ({value.low}) must not be negative: raise it")
        return value

    def sample(self, trial: BaseTrial) -> dict[str, float | int]:
        """Asks the trial for each searched hyper-parameter.

        Args:
            trial: the Optuna trial; its parameter names are the field names.

        Returns:
            Exactly the searched hyper-parameters, by field name.
        """
        sampled: dict[str, float | int] = {}
        if self.learning_rate is not None:
            sampled["learning_rate"] = self.learning_rate.suggest(trial, "learning_rate")
        if self.weight_decay is not None:
            sampled["weight_decay"] = self.weight_decay.suggest(trial, "weight_decay")
        if self.batch_size is not None:
            sampled["batch_size"] = trial.suggest_categorical("batch_size", self.batch_size)
        return sampled
