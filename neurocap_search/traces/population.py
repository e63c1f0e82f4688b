"""The networks a recording trains."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import optuna

from neurocap_search.errors import UserError
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.trace import Trace, TraceKey
from search_spaces import SearchSpace

_DRAWS = 1000
"""Draws without a new architecture after which the space counts as exhausted."""


@dataclass(frozen=True)
class Candidate:
    """A point of the search space."""

    architecture: dict[str, Any]
    training: dict[str, Any]

    def __str__(self) -> str:
        return json.dumps([self.architecture, self.training], sort_keys=True)


def draw_population(space: SearchSpace, number: int, seed: int) -> list[Candidate]:
    """Draw different points of a space at random; the first n are the same whatever the number.

    Raises:
        UserError: If the space has not so many.

    Example:
        >>> from search_spaces import CellSpace
        >>> three = draw_population(CellSpace(), 3, seed=0)
        >>> three == draw_population(CellSpace(), 5, seed=0)[:3]
        True
    """
    with _quiet():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    found: dict[str, Candidate] = {}
    missed = 0
    while len(found) < number:
        trial = study.ask()
        candidate = Candidate(space.sample(trial), space.hyperparameters.sample(trial))
        missed = 0 if found.setdefault(str(candidate), candidate) is candidate else missed + 1
        if missed == _DRAWS:
            raise UserError(
                f"population.architectures: the space {space.name!r} gave {len(found)} different "
                f"architectures, and {_DRAWS} further draws none, received {number}. Lower the number."
            )
    return list(found.values())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing a study that nobody will see."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def planned(config: RecordConfig) -> list[TraceKey]:
    """Return the trainings that are known from the start: every architecture once before any is repeated.

    Example:
        >>> config = RecordConfig(space={"name": "mlp"}, population={"architectures": 3, "repeated": 1})
        >>> [tuple(key) for key in planned(config)]
        [(0, 0), (1, 0), (2, 0), (0, 1), (0, 2)]
    """
    population = config.population
    first = [TraceKey(trial, config.seed) for trial in range(population.architectures)]
    return first + _again(config, range(population.repeated))


def planned_best(config: RecordConfig, traces: Mapping[TraceKey, Trace], metric: str) -> list[TraceKey]:
    """Return the further trainings of the best; none before every architecture was trained once.

    Args:
        config: The recording.
        traces: What has been recorded.
        metric: The best have the largest; equal ones come in the order of their numbers.
    """
    firsts = [traces.get(TraceKey(trial, config.seed)) for trial in range(config.population.architectures)]
    if not all(firsts):
        return []
    ended = [trace for trace in firsts if trace is not None and trace.failure is None]
    best = sorted(ended, key=lambda trace: -(trace.last(metric) or 0.0))
    return _again(config, [trace.key.trial for trace in best[: config.population.repeated_best]])


def _again(config: RecordConfig, trials: Iterable[int]) -> list[TraceKey]:
    extras = range(1, config.population.seeds)
    return [TraceKey(trial, config.seed + extra) for trial in trials for extra in extras]
