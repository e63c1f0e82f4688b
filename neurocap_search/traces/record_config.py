"""What ``neurocap record`` reads from YAML."""

from typing import Any, Self

from pydantic import Field, model_validator

from neurocap_search.config import DataConfig, ResourcesConfig, TrainingConfig
from search_spaces import AnySearchSpace
from search_spaces.frozen import FrozenModel


class PopulationConfig(FrozenModel):
    """Which networks are trained, and how often.

    Attributes:
        architectures: Different points of the space, hyper-parameters included, drawn at random.
        seed: Draws them.
        repeated: The first so many are trained with ``seeds`` seeds, the others with one.
        seeds: Trainings of each repeated architecture; how far they agree is the ceiling of what any
            signal can predict.
        repeated_best: As many of the best, by their first training, are trained with ``seeds`` seeds too:
            the ceiling among the best is another one, and few of the best are among the first.
    """

    architectures: int = Field(250, ge=1)
    seed: int = Field(0, ge=0, lt=2**32)
    repeated: int = Field(0, ge=0)
    seeds: int = Field(3, ge=1)
    repeated_best: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _repeats_fit(self) -> Self:
        for name in ("repeated", "repeated_best"):
            if (number := getattr(self, name)) > self.architectures:
                raise ValueError(
                    f"{name}: {number} exceeds architectures = {self.architectures}; lower the one or "
                    "raise the other"
                )
        return self


class RecordConfig(FrozenModel):
    """The whole configuration of a recording.

    Attributes:
        name: Names the task and its file.
        seed: The first seed of initial weights and order of the images; the others follow it.
        data_licence: What the README beside the traces says of the images.
    """

    name: str = Field("traces", pattern=r"^[A-Za-z0-9._-]+$")
    seed: int = Field(0, ge=0, lt=2**31)
    data_licence: str = "not stated"
    data: DataConfig = DataConfig()
    space: AnySearchSpace
    training: TrainingConfig = TrainingConfig()
    population: PopulationConfig = PopulationConfig()
    resources: ResourcesConfig = ResourcesConfig()

    def protocol(self) -> dict[str, Any]:
        """Return what the traces depend on: no paths, and nothing about the machines.

        How many architectures and seeds there are is left out: more may be recorded later.
        """
        kept = self.model_dump(mode="json", exclude={"resources", "data_licence"})
        data, population = kept["data"], kept["population"]
        for path in ("root", "download"):
            data.pop(path)
        for files in ("train_files", "test_files"):
            data[files] = [file.rpartition("/")[2] for file in data[files]]
        for size in ("architectures", "repeated", "seeds", "repeated_best"):
            population.pop(size)
        return kept
