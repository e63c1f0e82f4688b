"""Checks of what a policy is made with and of the state it is given back."""

from collections.abc import Sequence
from typing import Any

from neurocap_search.prediction.arguments import check_mode


def check_max_t(max_t: float) -> None:
    """Raise ValueError unless there is something to train."""
    if not max_t > 0:
        raise ValueError(f"max_t must be above 0, received {max_t}.")


def check_halving(mode: str, max_t: float, grace_period: float, reduction_factor: float) -> None:
    """Raise ValueError if an argument of successive halving is out of its range."""
    check_mode(mode)
    check_max_t(max_t)
    if not 1 <= grace_period <= max_t:
        raise ValueError(f"grace_period must be from 1 to max_t = {max_t:g}, received {grace_period}.")
    if not reduction_factor > 1:
        raise ValueError(f"reduction_factor must be above 1, received {reduction_factor}.")


def check_early_stops(early_stops: Sequence[float]) -> None:
    """Raise ValueError unless these are shares of an epoch, ascending."""
    if list(early_stops) != sorted({mark for mark in early_stops if 0 < mark < 1}):
        raise ValueError(
            "early_stops must be shares of the first epoch, ascending, above 0 and below 1, such as "
            f"(0.25, 0.5); received {tuple(early_stops)!r}."
        )


def check_state(state: dict[str, Any], policy: str, version: int, settings: dict[str, Any]) -> None:
    """Raise ValueError unless ``state`` is one of ``policy`` in ``version`` with the same ``settings``."""
    received = (state.get("policy"), state.get("version"))
    if received != (policy, version):
        raise ValueError(
            f"Expected a state of policy {policy!r}, version {version}; received policy {received[0]!r}, "
            f"version {received[1]!r}. Load it with the policy and the release that saved it."
        )
    if state["settings"] != settings:
        raise ValueError(
            f"The state belongs to a policy with {state['settings']}, this one has {settings}. "
            "Load it into a policy with the same arguments."
        )
