"""Optuna's samplers by name, and the points a search begins with."""

import difflib
import re
import warnings
from typing import Any

import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from neurocap_search.config import SamplerConfig
from neurocap_search.errors import UserError
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


def check_points(points: list[dict[str, Any]], space: SearchSpace) -> None:
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
            near = difflib.get_close_matches(name, list(trial.params), n=1)
            hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(trial.params)}."
            raise UserError(f"{key}.{name}: the space has no such parameter here.{hint}")


def _plain(error: Exception) -> str:
    """Return Optuna's message in the words of a configuration, which knows no FixedTrial."""
    missing = re.search(r"parameter '(.+?)' is not found", str(error))
    return f"the parameter {missing[1]!r} is missing; add it." if missing else str(error)
