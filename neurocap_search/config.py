"""One typed configuration of a search, read from YAML."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from search_spaces import AnySearchSpace
from search_spaces.frozen import FrozenModel

AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
"""A path that still means the same when a search is resumed from another folder."""


class DataConfig(FrozenModel):
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
    root: AbsolutePath = Field(Path("data"), validate_default=True)
    download: bool = False
    train_files: tuple[AbsolutePath, ...] = ()
    test_files: tuple[AbsolutePath, ...] = ()
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


class TrainingConfig(FrozenModel):
    """How a trial trains. Learning rate, weight decay and batch size may be searched by the space.

    Attributes:
        epochs: Epochs of full training.
        batch_size: Images in a step.
        learning_rate: Initial learning rate.
        weight_decay: L2 penalty (SGD) or decoupled decay (AdamW).
        optimizer: ``sgd`` (Nesterov momentum 0.9) or ``adamw``.
        schedule: ``cosine`` to zero over the epochs, or ``constant``.
        probe_samples: Training images on which beta_eff is measured after each epoch.
        graph_measures: Report degree, centrality, strength and fluctuation after each epoch too.
        device: ``auto`` takes a GPU if ``resources.gpus_per_trial`` gives the trial one.
    """

    epochs: int = Field(20, ge=1)
    batch_size: int = Field(64, ge=2)
    learning_rate: float = Field(0.05, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    schedule: Literal["cosine", "constant"] = "cosine"
    probe_samples: int = Field(512, ge=1)
    graph_measures: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"


class SamplerConfig(FrozenModel):
    """What is searched and who proposes it.

    Attributes:
        num_trials: Architectures tried.
        sampler: Optuna's sampler by name.
        startup_trials: Random proposals before the sampler learns (nsga2: its population); None keeps
            Optuna's number.
        max_concurrent: Trials at once; None runs as many as the cluster has room for.
        points_to_evaluate: Optuna parameters of architectures to try first.
    """

    num_trials: int = Field(24, ge=1)
    sampler: Literal["tpe", "random", "gp", "nsga2", "cmaes"] = "tpe"
    startup_trials: int | None = Field(None, ge=1)
    max_concurrent: int | None = Field(None, ge=1)
    points_to_evaluate: tuple[dict[str, Any], ...] = ()


class SchedulerConfig(FrozenModel):
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


class ResourcesConfig(FrozenModel):
    """What a trial gets of the cluster.

    Attributes:
        cpus_per_trial: Cores, also the threads torch may use.
        gpus_per_trial: GPUs; 0.25 lets four trials share one.
        address: Address of a running Ray cluster (``auto`` finds one); None takes the environment variable
            ``RAY_ADDRESS``, and without it starts Ray on this machine.
        num_cpus: Cores for a Ray started here; None takes all.
    """

    cpus_per_trial: float = Field(1, gt=0)
    gpus_per_trial: float = Field(0, ge=0)
    address: str | None = None
    num_cpus: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _whole_gpus(self) -> Self:
        if self.gpus_per_trial > 1 and self.gpus_per_trial % 1:
            raise ValueError(
                f"gpus_per_trial: {self.gpus_per_trial} is neither a share of one GPU nor a number of them"
            )
        return self


class TrackingConfig(FrozenModel):
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


class OutputConfig(FrozenModel):
    """Where a search writes.

    Attributes:
        dir: Folder in which each search makes its own.
    """

    dir: AbsolutePath = Field(Path("runs"), validate_default=True)


class SearchConfig(FrozenModel):
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
