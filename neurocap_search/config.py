"""One typed configuration of a search, read from YAML."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from search_spaces import AnySearchSpace

Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataConfig(Section):
    """Where the images come from and how many are used.

    Attributes:
        source: ``digits`` (scikit-learn's, embedded), ``torchvision`` (by name) or ``npz`` files.
        name: Class in ``torchvision.datasets`` (source torchvision), for example ``FashionMNIST``.
        root: Folder of torchvision's files.
        download: Let torchvision download what is missing.
        train_files: Files of the source npz for training and validation.
        test_files: Files of the source npz for the final test.
        train_size: Training images; None uses all that validation leaves.
        validation_size: Validation images, taken from the training part; None takes a fifth.
        test_size: Test images; None uses all.
        image_size: Pixels of a side after area averaging; None keeps the images as they are.
        seed: Draws which images are used.
    """

    source: Literal["digits", "torchvision", "npz"] = "digits"
    name: str | None = None
    root: Path = Path("data")
    download: bool = False
    train_files: list[Path] = []
    test_files: list[Path] = []
    train_size: int | None = Field(None, ge=1)
    validation_size: int | None = Field(None, ge=1)
    test_size: int | None = Field(None, ge=1)
    image_size: int | None = Field(None, ge=4)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.source == "torchvision" and self.name is None:
            raise ValueError("source torchvision needs data.name, for example FashionMNIST")
        if self.source == "npz" and not (self.train_files and self.test_files):
            raise ValueError("source npz needs data.train_files and data.test_files, lists of .npz files")
        return self


class TrainingConfig(Section):
    """How a trial trains. Learning rate, weight decay and batch size may be searched by the space.

    Attributes:
        epochs: Epochs of full training.
        batch_size: Images in a step.
        learning_rate: Initial learning rate.
        weight_decay: L2 penalty (SGD) or decoupled decay (AdamW).
        optimizer: ``sgd`` (Nesterov momentum 0.9) or ``adamw``.
        schedule: ``cosine`` to zero over the epochs, or ``constant``.
        probe_samples: Training images on which beta_eff is measured after each epoch.
        device: ``auto`` takes a GPU where the trial has one.
    """

    epochs: int = Field(20, ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(0.05, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    schedule: Literal["cosine", "constant"] = "cosine"
    probe_samples: int = Field(512, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"


class SamplerConfig(Section):
    """What is searched and who proposes it.

    Attributes:
        num_trials: Architectures tried.
        sampler: Optuna's sampler by name.
        startup_trials: Random proposals before the sampler learns; None keeps Optuna's number.
        max_concurrent: Trials at once; None runs as many as the cluster has room for.
        points_to_evaluate: Optuna parameters of architectures to try first.
    """

    num_trials: int = Field(24, ge=1)
    sampler: Literal["tpe", "random", "gp", "nsga2", "cmaes"] = "tpe"
    startup_trials: int | None = Field(None, ge=1)
    max_concurrent: int | None = Field(None, ge=1)
    points_to_evaluate: list[dict[str, Any]] = []


class SchedulerConfig(Section):
    """Which trials go on.

    Attributes:
        name: ``neural_capacitance`` prunes on the predicted final accuracy, ``asha`` on the accuracy
            seen, ``none`` trains everything.
        grace_period: Epochs before the first rung.
        reduction_factor: One in how many goes on at each rung.
        brackets: Brackets of successive halving.
    """

    name: Literal["neural_capacitance", "asha", "none"] = "neural_capacitance"
    grace_period: int = Field(4, ge=1)
    reduction_factor: float = Field(3, gt=1)
    brackets: int = Field(1, ge=1)


class ResourcesConfig(Section):
    """What a trial gets of the cluster.

    Attributes:
        cpus_per_trial: Cores, also the threads torch may use.
        gpus_per_trial: GPUs; 0.25 lets four trials share one.
        address: Address of a running Ray cluster (``auto`` finds one); None starts Ray on this machine.
        num_cpus: Cores for a Ray started here; None takes all.
    """

    cpus_per_trial: float = Field(1, gt=0)
    gpus_per_trial: float = Field(0, ge=0)
    address: str | None = None
    num_cpus: int | None = Field(None, ge=1)


class TrackingConfig(Section):
    """Where MLflow keeps the record.

    Attributes:
        uri: Tracking URI such as ``http://127.0.0.1:5000``; None keeps ``mlflow.db`` in the run directory.
        experiment: Name of the MLflow experiment.
    """

    uri: str | None = None
    experiment: str = "neurocap"

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        if self.uri is not None and "@" in urlsplit(self.uri).netloc:
            raise ValueError(
                "uri holds a name or password, which would be written to the run directory; leave them out "
                "and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        return self


class OutputConfig(Section):
    """Where a search writes.

    Attributes:
        dir: Folder in which each search makes its own.
    """

    dir: Path = Path("runs")


class SearchConfig(Section):
    """The whole configuration of a search.

    Attributes:
        name: Begins the name of the run directory.
        seed: Seeds sampler, initial weights and data order.
    """

    name: str = Field("search", pattern=r"^[A-Za-z0-9._-]+$")
    seed: int = Field(0, ge=0, lt=2**32)
    data: DataConfig = DataConfig()
    space: AnySearchSpace
    training: TrainingConfig = TrainingConfig()
    search: SamplerConfig = SamplerConfig()
    scheduler: SchedulerConfig = SchedulerConfig()
    resources: ResourcesConfig = ResourcesConfig()
    tracking: TrackingConfig = TrackingConfig()
    output: OutputConfig = OutputConfig()

    @model_validator(mode="after")
    def _grace_fits(self) -> Self:
        grace, epochs = self.scheduler.grace_period, self.training.epochs
        if grace > epochs:
            raise ValueError(
                f"scheduler.grace_period: {grace} exceeds training.epochs = {epochs}; lower the one or raise "
                "the other"
            )
        return self
