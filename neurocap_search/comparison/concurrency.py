"""How many trials a search trains at a time."""

import os

import torch

from neurocap_search.config import SearchConfig


def trials_at_once(search: SearchConfig) -> int:
    """Return how many trials there is room for, by the configuration and this machine.

    A cluster of several machines may have room for more: nobody is asked for it here.

    Example:
        >>> search = {"max_concurrent": 3, "num_trials": 10}
        >>> resources = {"num_cpus": 8, "cpus_per_trial": 2}
        >>> config = SearchConfig.model_validate(
        ...     {"space": {"name": "mlp"}, "search": search, "resources": resources}
        ... )
        >>> trials_at_once(config)
        3
    """
    resources = search.resources
    workers = resources.workers_per_trial
    room = (resources.num_cpus or os.cpu_count() or 1) / (resources.cpus_per_trial * workers)
    if resources.gpus_per_trial and torch.cuda.is_available():
        room = min(room, torch.cuda.device_count() / (resources.gpus_per_trial * workers))
    return min(
        max(1, int(room)), search.search.max_concurrent or search.search.num_trials, search.search.num_trials
    )
