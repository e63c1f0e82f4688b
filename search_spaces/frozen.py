"""The base of every model a YAML configuration is read into."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class FrozenModel(BaseModel):
    """Immutable pydantic model that rejects keys it does not know.

    Immutable, so that one space can be shared by many trials; strict about keys, so that a misspelt option
    in a configuration is an error instead of a silently kept default.

    Raises:
        pydantic.ValidationError: (a `ValueError`) on an unknown key or a value of the wrong type.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, values: Any) -> Any:
        # Pydantic would take true for 1.
        for name, value in values.items() if isinstance(values, dict) else ():
            field = cls.model_fields.get(name)
            if isinstance(value, bool) and field is not None and field.annotation is not bool:
                raise ValueError(f"{name} cannot be {str(value).lower()}: give it a value of its kind")
        return values
