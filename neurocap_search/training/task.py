"""What all trials of a search share."""

from dataclasses import dataclass, replace
from typing import Any

from neurocap_search.config import ResourcesConfig, TrainingConfig
from neurocap_search.training.data import ImageData
from neurocap_search.training.distributed import ALONE, WorkerGroup
from neurocap_search.training.loop import Training
from neurocap_search.training.settings import trial_settings
from search_spaces import SearchSpace


@dataclass(frozen=True)
class Task:
    """What all trials of a search share.

    Attributes:
        data: The images.
        space: Builds the networks.
        training: Settings of the training, before the searched ones.
        metric: Name of the number that is optimised.
        seed: Seeds initial weights and order of the images: the same for every trial, so that the
            same architecture gives the same curve.
        resources: What a trial gets.
        milestones: Epochs whose reports carry a checkpoint, beside the last.
        early_stops: Shares of the first epoch at which trials report too.
    """

    data: ImageData
    space: SearchSpace
    training: TrainingConfig
    metric: str
    seed: int
    resources: ResourcesConfig
    milestones: frozenset[int] = frozenset()
    early_stops: tuple[float, ...] = ()

    @property
    def threads(self) -> int:
        """Threads torch may use in a worker."""
        return max(1, int(self.resources.cpus_per_trial))

    def with_seed(self, seed: int) -> "Task":
        """Return the same task with another seed."""
        return replace(self, seed=seed)

    def settings(self, config: dict[str, Any]) -> TrainingConfig:
        """Return the settings of a trial."""
        return trial_settings(self.training, config["training"])

    def start(self, config: dict[str, Any], group: WorkerGroup = ALONE) -> Training:
        """Build the network of a trial and return its training, before the first epoch.

        Raises:
            ValueError: If the architecture or a setting is malformed.
        """
        shape, classes = self.data.input_shape, self.data.num_classes
        model = self.space.build(config["architecture"], shape, classes, seed=self.seed)
        return Training(model, self.data, self.settings(config), seed=self.seed, group=group)
