"""What the search algorithm is given, and what of it is refused."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler

from neurocap_search.pruning import Decision
from neurocap_search.tune.samplers import forgets_pruned
from neurocap_search.tune.told import ToldValue, check_told_value

Space = dict[str, BaseDistribution] | Callable[[optuna.Trial], dict[str, Any] | None]
"""Optuna's distributions by name, or a define-by-run function."""


class Decides(Protocol):
    """What a searcher asks a scheduler."""

    @property
    def decisions(self) -> Mapping[str, Sequence[Decision]]:
        """Every decision so far, by trial id, in order."""


def check_arguments(
    space: Space | None,
    mode: str | list[str] | None,
    sampler: BaseSampler | None,
    told_value: ToldValue,
    max_asks: int,
) -> None:
    """Check the arguments of :class:`~neurocap_search.tune.NeuralCapacitanceSearch`.

    Raises:
        ValueError: If one is out of its range, does not go with the others or could not be saved by Ray.
    """
    check_told_value(told_value)
    if max_asks < 1:
        raise ValueError(f"max_asks must be at least 1, received {max_asks}.")
    if space and not mode:
        raise ValueError("With a space of its own the searcher needs metric and mode too; received no mode.")
    if told_value == "pruned" and sampler is not None and forgets_pruned(sampler):
        raise ValueError(
            f"told_value='pruned': {type(sampler).__name__} forgets pruned trials and would propose them "
            "again. Use 'lower_bound', or TPE."
        )
    try:
        pickle.dumps(space)
    except Exception as error:  # pickle, and whatever the space's own methods raise
        raise ValueError(
            "Ray saves the searcher with pickle while the experiment runs and cannot save this space: "
            f"{error}. Received {space!r}. Use a function on the top level of a module, or a callable object "
            "of a class there, instead of a lambda or a local function."
        ) from None
