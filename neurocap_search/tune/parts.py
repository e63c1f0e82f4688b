"""The parts of a search that a configuration names: scheduler, searcher, resources."""

from typing import Any, Literal

import numpy as np

from neurocap_search.config import SearchConfig
from neurocap_search.pruning import FullTrainingPolicy, PruningPolicy, SuccessiveHalvingPolicy
from neurocap_search.training import ImageData
from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.samplers import make_sampler
from neurocap_search.tune.scheduler import NeuralCapacitanceScheduler
from neurocap_search.tune.searcher import Proposal, RecordedSearch

METRIC = "val_accuracy"
TIME_ATTR = "epoch"


def make_scheduler(config: SearchConfig) -> PolicyScheduler:
    """Return the scheduler a configuration names."""
    settings, max_t = config.scheduler, config.training.epochs
    if settings.name == "none":
        return PolicyScheduler(
            lambda metric, mode: FullTrainingPolicy(max_t), time_attr=TIME_ATTR, metric=METRIC, mode="max"
        )
    rungs: dict[str, Any] = {
        "max_t": max_t,
        "grace_period": settings.grace_period,
        "reduction_factor": settings.reduction_factor,
        "brackets": settings.brackets,
    }
    if settings.name == "neural_capacitance":
        return NeuralCapacitanceScheduler(
            TIME_ATTR, METRIC, "max", **rungs, bounds=(0.0, 1.0), seed=config.seed
        )

    def make_asha(metric: str, mode: Literal["max", "min"]) -> PruningPolicy:
        rng = np.random.default_rng(config.seed)
        return SuccessiveHalvingPolicy(metric=metric, mode=mode, **rungs, rng=rng)

    return PolicyScheduler(make_asha, time_attr=TIME_ATTR, metric=METRIC, mode="max")


def make_searcher(config: SearchConfig, data: ImageData) -> RecordedSearch:
    """Return the seeded searcher of a configuration."""
    proposal = Proposal(config.space, data.input_shape, data.num_classes)
    sampler = make_sampler(config.search, config.seed)
    return RecordedSearch(proposal, sampler, METRIC, config.search.points_to_evaluate)
