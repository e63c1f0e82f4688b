"""One typed configuration of a search, read from YAML."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, model_validator

from search_spaces import AnySearchSpace
from search_spaces.frozen import FrozenModel

_SECRET_WORDS = ("password", "passwd", "pwd", "token", "secret", "apikey", "api_key", "odbc_connect")

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


def carries_secret(uri: str) -> bool:
    """Return whether an address holds a login, or a query that looks like a password or token.

    Example:
        >>> carries_secret("http://127.0.0.1:5000"), carries_secret("https://host/?access_token=abc")
        (False, True)
    """
    parts = urlsplit(uri)
    keys = [key.lower() for key, _ in parse_qsl(parts.query, keep_blank_values=True)]
    return "@" in parts.netloc or any(word in key for word in _SECRET_WORDS for key in keys)


def _study_storage(url: str) -> str:
    """Check the address of an Optuna storage and make a relative path in it absolute."""
    if url.startswith("journal:") and len(url) > len("journal:"):
        return f"journal:{Path(url.removeprefix('journal:')).absolute()}"
    parts = urlsplit(url)
    if not parts.scheme or not url.startswith(f"{parts.scheme}://"):
        raise ValueError(
            f"{url!r} is no storage; give journal:PATH, or a database URL such as sqlite:///PATH"
        )
    if carries_secret(url):
        raise ValueError(
            "storage holds a name or password, which would be written to the run directory; leave them out "
            "and let the database's own client supply them, as PGUSER and PGPASSWORD do for PostgreSQL"
        )
    if parts.scheme == "sqlite" and len(parts.path) > 1:
        query = f"?{parts.query}" if parts.query else ""
        return f"sqlite:///{Path(parts.path[1:]).absolute()}{query}"
    return url


StudyStorage = Annotated[str, AfterValidator(_study_storage)]
"""``journal:PATH`` or a database URL without secrets."""


class SamplerConfig(FrozenModel):
    """What is searched and who proposes it.

    Attributes:
        num_trials: Architectures tried.
        sampler: Optuna's sampler by name.
        startup_trials: Random proposals before the sampler learns (nsga2: its population); None keeps
            Optuna's number.
        max_concurrent: Trials at once; None runs as many as the cluster has room for.
        points_to_evaluate: Optuna parameters of architectures to try first.
        told_value: What the sampler is told of a pruned trial: ``lower_bound`` of the predicted final metric
            (mean minus two standard deviations), ``last`` metric seen, ``predicted`` mean, or only that it
            was ``pruned``, which gp, nsga2 and cmaes would forget.
        deduplicate: Do not train an architecture twice; a search that has tried them all ends.
        storage: Where the study is kept so that ``optuna-dashboard`` shows the search while it runs, for
            example ``journal:study.log`` or ``sqlite:///study.db``; None keeps it in memory.
    """

    num_trials: int = Field(24, ge=1)
    sampler: Literal["tpe", "random", "gp", "nsga2", "cmaes"] = "tpe"
    startup_trials: int | None = Field(None, ge=1)
    max_concurrent: int | None = Field(None, ge=1)
    points_to_evaluate: tuple[dict[str, Any], ...] = ()
    told_value: Literal["lower_bound", "last", "predicted", "pruned"] = "lower_bound"
    deduplicate: bool = True
    storage: StudyStorage | None = None


class SchedulerConfig(FrozenModel):
    """Which trials go on.

    Attributes:
        name: ``learned`` prunes by a learned combination of many signals, beta_eff among them;
            ``neural_capacitance`` on the final accuracy predicted from beta_eff alone, ``asha`` on the
            accuracy seen; ``hyperband`` and ``median`` on the accuracy seen by their rules; ``i_epoch``
            trains all for ``grace_period`` epochs and finishes the best ``keep``; ``none`` trains
            everything.
        type: ``stopping`` decides for good at each rung; ``promotion`` pauses trials there and lets the
            best go on later. Default: promotion for ``learned``, stopping otherwise.
        grace_period: Epochs before the first decision. Default: 1 for ``learned``, 4 otherwise.
        reduction_factor: One in how many goes on at each rung; of ``learned`` one in its square. Default:
            3.5 (4 without ``early_stops``), or 2.5 in the stopping type, for ``learned``; 3 otherwise.
        early_stops: Shares of the first epoch at each of which ``learned`` ends the worse half of the trials
            by their training loss and accuracy so far. Default: 0.25 for ``learned`` with ``grace_period`` 1;
            who raises that wants nobody judged so soon.
        audit: Share of the trials that ``learned`` never prunes, to measure what pruning costs.
        brackets: Brackets of successive halving, stopping type.
        keep: Trials that i_epoch finishes.
        min_trials: Trials the median rule wants to have seen.
        max_paused: Most trials that may be paused, each with a checkpoint; None: no bound.
        patience: A trial whose accuracy improved within so many epochs is not pruned; 0: no such rule.
        protect_best: Trials whose best accuracy is among the best so many of all are not pruned.
        size_ratio: Trials compete only with those whose number of parameters lies in the same power of
            it; None: all with all.
    """

    name: Literal["learned", "neural_capacitance", "asha", "hyperband", "median", "i_epoch", "none"] = (
        "learned"
    )
    type: Literal["stopping", "promotion"] = "stopping"
    grace_period: int = Field(4, ge=1)
    reduction_factor: float = Field(3, gt=1)
    early_stops: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    audit: float = Field(0.05, ge=0, le=1)
    brackets: int = Field(1, ge=1)
    keep: int = Field(3, ge=1)
    min_trials: int = Field(5, ge=1)
    max_paused: int | None = Field(None, ge=1)
    patience: int = Field(0, ge=0)
    protect_best: int = Field(0, ge=0)
    size_ratio: float | None = Field(None, gt=1)

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_name(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("name", "learned") != "learned":
            return given
        stops = given.get("early_stops", (0.25,) if given.get("grace_period", 1) == 1 else ())
        # As pruning's usual_factor, whose import takes a second of every command; a test compares them.
        factor = 2.5 if given.get("type") == "stopping" else 3.5 if stops else 4
        known = {"grace_period": 1, "reduction_factor": factor, "early_stops": stops}
        return {"type": "promotion", **known, **given}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.type == "promotion" and self.name in ("median", "none"):
            raise ValueError(f"type: promotion is no type of {self.name!r}; leave it out")
        if self.type == "promotion" and self.brackets > 1 and self.name != "hyperband":
            raise ValueError("brackets: only the stopping type has brackets; use name hyperband")
        if self.brackets > 1 and self.name == "learned":
            raise ValueError("brackets: 'learned' has none; leave them out, or use name neural_capacitance")
        if self.early_stops and self.name != "learned":
            raise ValueError(f"early_stops: only 'learned' has them, received name {self.name!r}")
        if list(self.early_stops) != sorted(set(self.early_stops)):
            raise ValueError(f"early_stops: must ascend, received {list(self.early_stops)}")
        return self


class ResourcesConfig(FrozenModel):
    """What a trial gets of the cluster.

    Attributes:
        cpus_per_trial: Cores, also the threads torch may use; with several workers those of each.
        gpus_per_trial: GPUs; 0.25 lets four trials share one. With several workers 0, or 1 for each.
        workers_per_trial: Processes that train a network together, each on its part of every batch. More
            than one only where an epoch takes far longer than a second: small networks get slower.
        address: Address of a running Ray cluster (``auto`` finds one); None takes the environment variable
            ``RAY_ADDRESS``, and without it starts Ray on this machine.
        num_cpus: Cores for a Ray started here; None takes all.
        max_failures: How often a trial whose worker or node died is tried again, from its last checkpoint.
    """

    cpus_per_trial: float = Field(1, gt=0)
    gpus_per_trial: float = Field(0, ge=0)
    workers_per_trial: int = Field(1, ge=1)
    address: str | None = None
    num_cpus: int | None = Field(None, ge=1)
    max_failures: int = Field(2, ge=0)

    @model_validator(mode="after")
    def _whole_gpus(self) -> Self:
        if self.gpus_per_trial > 1 and self.gpus_per_trial % 1:
            raise ValueError(
                f"gpus_per_trial: {self.gpus_per_trial} is neither a share of one GPU nor a number of them"
            )
        if self.workers_per_trial > 1 and self.gpus_per_trial not in (0, 1):
            raise ValueError(
                f"gpus_per_trial: {self.gpus_per_trial} with workers_per_trial: {self.workers_per_trial}; "
                "each worker trains on one GPU of its own, give 0 or 1"
            )
        return self


class TrackingConfig(FrozenModel):
    """Where MLflow keeps the record.

    Attributes:
        uri: Tracking URI such as ``http://127.0.0.1:5000``; None keeps ``mlflow.db`` in the run directory.
        experiment: Name of the MLflow experiment.
        registered_model: Name of a registered model of which the best network becomes a version; None
            registers none.
    """

    uri: str | None = None
    experiment: str = "neurocap"
    registered_model: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        if self.uri is not None and carries_secret(self.uri):
            raise ValueError(
                "uri holds a name, password or token, which would be written to the run directory; leave it "
                "out and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
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
