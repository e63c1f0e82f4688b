"""Optuna's samplers by name, and the points a search begins with."""

import re
import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import (
    BaseGASampler,
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)

from neurocap_search.config import SamplerConfig
from neurocap_search.errors import UserError, did_you_mean
from search_spaces import SearchSpace


def make_sampler(config: SamplerConfig, seed: int) -> BaseSampler:
    """Return the seeded sampler a configuration names.

    Example:
        >>> type(make_sampler(SamplerConfig(sampler="random"), seed=0)).__name__
        'RandomSampler'
    """
    startup: dict[str, Any] = (
        {} if config.startup_trials is None else {"n_startup_trials": config.startup_trials}
    )
    if config.sampler == "random":
        return RandomSampler(seed=seed)
    if config.sampler == "nsga2":
        size: dict[str, Any] = (
            {} if config.startup_trials is None else {"population_size": max(2, config.startup_trials)}
        )
        return NSGAIISampler(seed=seed, **size)
    if config.sampler == "cmaes":
        return CmaEsSampler(seed=seed, warn_independent_sampling=False, **startup)
    if config.sampler == "gp":
        return GPSampler(seed=seed, warn_independent_sampling=False, **startup)
    return TPESampler(seed=seed, **startup)


def forgets_pruned(sampler: BaseSampler) -> bool:
    """Tell whether a sampler learns nothing from trials in Optuna's state PRUNED, and proposes them again.

    Gaussian processes and genetic samplers look at completed trials only, and so does CMA-ES unless it was
    made with ``consider_pruned_trials=True`` (Optuna 5.0).

    Example:
        >>> forgets_pruned(NSGAIISampler(seed=0)), forgets_pruned(TPESampler(seed=0))
        (True, False)
    """
    if isinstance(sampler, CmaEsSampler):
        return not sampler._consider_pruned_trials
    return isinstance(sampler, GPSampler | BaseGASampler)


def check_sampler(config: SamplerConfig, space: SearchSpace) -> None:
    """Check that a sampler can search a space and learn from what it will be told.

    Raises:
        UserError: For CMA-ES on a space of choices only, where it would silently draw at random, and for
            a sampler that would forget the trials it is told are pruned.
    """
    if config.told_value == "pruned" and config.sampler in ("gp", "nsga2", "cmaes"):
        raise UserError(
            f"search.told_value: pruned does not go with the sampler {config.sampler}, which forgets pruned "
            "trials and proposes them again. Use lower_bound, or the sampler tpe."
        )
    if config.sampler != "cmaes":
        return
    trial = optuna.create_study(sampler=RandomSampler(seed=0)).ask()
    space.sample(trial)
    space.hyperparameters.sample(trial)
    if all(isinstance(kind, CategoricalDistribution) for kind in trial.distributions.values()):
        raise UserError(
            f"search.sampler: cmaes needs numbers to vary, and the space {space.name!r} has only choices. "
            "Use tpe, or search space.hyperparameters.learning_rate too."
        )


def check_points(points: Sequence[dict[str, Any]], space: SearchSpace) -> None:
    """Check that each point names the parameters the space asks for, with values in their ranges.

    Optuna itself takes wrong points without a word and draws something else.

    Raises:
        UserError: For missing or unknown parameters and values out of range.
    """
    for index, point in enumerate(points):
        trial = optuna.trial.FixedTrial(point)
        key = f"search.points_to_evaluate.{index}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # Optuna only warns of a value out of range
                space.sample(trial)
                space.hyperparameters.sample(trial)
        except (ValueError, UserWarning) as error:
            raise UserError(f"{key}: {_plain(error)} Received {point!r}.") from None
        for name in point.keys() - trial.params.keys():
            hint = did_you_mean(name, trial.params) or f" Known: {', '.join(trial.params)}."
            raise UserError(f"{key}.{name}: the space has no such parameter here.{hint}")


def _plain(error: Exception) -> str:
    """Return Optuna's message in the words of a configuration, which knows no FixedTrial."""
    missing = re.search(r"parameter '(.+?)' is not found", str(error))
    return f"the parameter {missing[1]!r} is missing; add it." if missing else str(error)
