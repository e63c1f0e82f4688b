"""The base of every model a YAML configuration is read into."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """Immutable pydantic model that rejects keys it does not know.

    Immutable, so that one space can be shared by many trials; strict about keys, so that a misspelt option
    in a configuration is an error instead of a silently kept default.

    Raises:
        pydantic.ValidationError: (a `ValueError`) on an unknown key or a value of the wrong type.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
