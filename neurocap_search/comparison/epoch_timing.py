"""How long an epoch of a search takes on this machine."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import torch

from neurocap_search.config import SearchConfig
from neurocap_search.errors import UserError
from neurocap_search.traces.estimate import seconds_an_epoch
from neurocap_search.traces.population import Candidate, draw_population
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recorder import make_task
from neurocap_search.training.data import ImageData, Split
from neurocap_search.training.task import Task

_NETWORKS = (15, 3, 1)
"""Networks drawn, of which three are timed; fewer where the space has not so many."""

_TIMED_IMAGES = (1024, 4096)
"""Of larger training sets two parts of so many images are timed, and a straight line goes on from there."""


def time_an_epoch(search: SearchConfig) -> float:
    """Return the wall-clock of an epoch of one trial, timed here.

    Raises:
        UserError: If data or space cannot be used.
    """
    settings = {name: getattr(search, name) for name in ("data", "space", "training", "resources")}
    task = make_task(RecordConfig(**settings))
    candidates = _networks(search)
    before = torch.get_num_threads()
    torch.set_num_threads(task.threads)
    try:
        return _timed(task, candidates)
    finally:
        torch.set_num_threads(before)


def _timed(task: Task, candidates: Sequence[Candidate]) -> float:
    images = len(task.data.train)
    few, many = _TIMED_IMAGES
    if images <= many:
        return seconds_an_epoch(task, candidates)
    first, second = (
        seconds_an_epoch(replace(task, data=_part(task.data, number / images)), candidates)
        for number in (few, many)
    )
    return second + max(0.0, second - first) / (many - few) * (images - many)


def _part(data: ImageData, share: float) -> ImageData:
    train, validation, test = (_cut(split, share) for split in (data.train, data.validation, data.test))
    return ImageData(train, validation, test, data.num_classes)


def _cut(split: Split, share: float) -> Split:
    images = max(1, round(share * len(split)))
    return Split(split.images[:images], split.labels[:images])


def _networks(search: SearchConfig) -> list[Candidate]:
    for number in _NETWORKS[:-1]:
        with contextlib.suppress(UserError):
            return draw_population(search.space, number, search.seed)
    return draw_population(search.space, _NETWORKS[-1], search.seed)
