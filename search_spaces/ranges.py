"""Ranges and choices: what one searched parameter may be, as written in a YAML configuration."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Self, TypeVar

from pydantic import AfterValidator, Field, FiniteFloat, PositiveFloat, PositiveInt, model_validator

from search_spaces.frozen import FrozenModel

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

T = TypeVar("T")


def _reject_repetitions(choices: tuple[T, ...]) -> tuple[T, ...]:
    repeated = sorted({str(choice) for choice in choices if choices.count(choice) > 1})
    if repeated:
        raise ValueError(f"each choice may be listed once, but repeated: {', '.join(repeated)}")
    return choices


Choices = Annotated[tuple[T, ...], Field(min_length=1), AfterValidator(_reject_repetitions)]
"""A non-empty list without repetitions, for `trial.suggest_categorical`; `Choices[int]` for integers."""


class IntRange(FrozenModel):
    """Integers `low, low + 1, ..., high`, both ends included; `low == high` fixes the value.

    Attributes:
        low: smallest value, at least 1.
        high: largest value.

    Raises:
        pydantic.ValidationError: if `low > high`.
    """

    low: PositiveInt
    high: PositiveInt

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not exceed high ({self.high}): swap them")
        return self

    def suggest(self, trial: BaseTrial, name: str) -> int:
        """Asks the trial for an integer of this range under the Optuna parameter `name`."""
        return trial.suggest_int(name, self.low, self.high)


class FloatRange(FrozenModel):
    """Real numbers from `low` to `high`, for learning rates and other scale parameters.

    Not for a value on a grid (`SteppedRange`) or a fixed one (leave the parameter out of the search).

    Attributes:
        low: lower end, included.
        high: upper end.
        log: whether the logarithm of the value is searched, so that each decade is as likely as the next.

    Raises:
        pydantic.ValidationError: unless `low < high`, and `low > 0` where `log` is set.
    """

    low: FiniteFloat
    high: FiniteFloat
    log: bool = True

    @model_validator(mode="after")
    def _check_ends(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be less than high ({self.high}): swap or move the ends")
        if self.log and self.low <= 0:
            raise ValueError(
                f"low ({self.low}) must be positive where log is true: raise low or set log: false"
            )
        return self

    def suggest(self, trial: BaseTrial, name: str) -> float:
        """Asks the trial for a number of this range under the Optuna parameter `name`."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)


class SteppedRange(FrozenModel):
    """Probabilities `low, low + step, ..., high`; `low == high` fixes the value.

    Attributes:
        low: smallest value, at least 0.
        high: largest value, below 1.
        step: distance of neighbouring values.

    Raises:
        pydantic.ValidationError: if `low > high`, or if `high - low` is not a whole number of steps.
    """

    low: Annotated[FiniteFloat, Field(ge=0, lt=1)]
    high: Annotated[FiniteFloat, Field(ge=0, lt=1)]
    step: PositiveFloat = 0.1

    @model_validator(mode="after")
    def _check_grid(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not exceed high ({self.high}): swap them")
        # Decimals, since in binary 0.3 is not three steps of 0.1.
        low, high, step = (Decimal(str(value)) for value in (self.low, self.high, self.step))
        if (high - low) % step:
            raise ValueError(
                f"high - low must be a multiple of step, but {high} - {low} is not one of {step}"
            )
        return self

    def suggest(self, trial: BaseTrial, name: str) -> float:
        """Asks the trial for a value of this grid under the Optuna parameter `name`."""
        return trial.suggest_float(name, self.low, self.high, step=self.step)
