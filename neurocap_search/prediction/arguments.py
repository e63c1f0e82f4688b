"""Checks of what a predictor is made with."""

from typing import Literal

Mode = Literal["max", "min"]
Bounds = tuple[float, float] | None


def check_mode(mode: str) -> None:
    """Raise ValueError unless ``mode`` is one of the two."""
    if mode not in ("max", "min"):
        raise ValueError(f"mode must be 'max' or 'min', received {mode!r}.")


def check_bounds(bounds: Bounds) -> None:
    """Raise ValueError unless the bounds leave room between them."""
    if bounds is not None and not bounds[0] < bounds[1]:
        raise ValueError(f"bounds must be (low, high) with low < high, received {bounds!r}.")


def check_at_least(name: str, value: float, least: float) -> None:
    """Raise ValueError if an argument is too small."""
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}, received {value}.")


def clip(value: float, bounds: Bounds) -> float:
    """Return the nearest value within the bounds."""
    return value if bounds is None else min(max(value, bounds[0]), bounds[1])
