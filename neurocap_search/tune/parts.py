"""The parts of a search that a configuration names: scheduler and searcher."""

from typing import Literal

from neurocap_search.config import SearchConfig
from neurocap_search.pruning import PruningPolicy
from neurocap_search.training import ImageData
from neurocap_search.tune.policies import make_policy
from neurocap_search.tune.policy_scheduler import PolicyScheduler
from neurocap_search.tune.samplers import make_sampler
from neurocap_search.tune.searcher import Proposal, RecordedSearch

METRIC = "val_accuracy"
TIME_ATTR = "epoch"


def make_scheduler(config: SearchConfig) -> PolicyScheduler:
    """Return the scheduler a configuration names; the search's own record takes the journal's place."""

    def maker(metric: str, mode: Literal["max", "min"]) -> PruningPolicy:
        return make_policy(
            config.scheduler,
            metric=metric,
            mode=mode,
            max_t=config.training.epochs,
            seed=config.seed,
            bounds=(0.0, 1.0),
        )

    return PolicyScheduler(maker, time_attr=TIME_ATTR, metric=METRIC, mode="max", journal=False)


def make_searcher(
    config: SearchConfig, data: ImageData, scheduler: PolicyScheduler, study_name: str
) -> RecordedSearch:
    """Return the seeded searcher of a configuration."""
    search = config.search
    return RecordedSearch(
        Proposal(config.space, data.input_shape, data.num_classes),
        make_sampler(search, config.seed),
        METRIC,
        search.points_to_evaluate,
        scheduler=scheduler,
        told_value=search.told_value,
        deduplicate=search.deduplicate,
        storage=search.storage,
        study_name=study_name,
        seed=config.seed,
    )
