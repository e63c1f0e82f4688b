"""What ``neurocap compare`` reads from YAML: a replayed or a live comparison."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializationInfo, field_serializer, field_validator, model_validator

from neurocap_search.config import (
    AbsolutePath,
    OutputConfig,
    SchedulerConfig,
    SearchConfig,
    TrackingConfig,
)
from search_spaces.frozen import FrozenModel

_SET_BY = {"scheduler": "live.rules", "seed": "seed", "tracking": "tracking", "output": "output"}
"""Keys of a search that the comparison sets, and by which of its own."""

RuleName = Annotated[str, Field(min_length=1)]

DEFAULT_RULES = (
    "learned_promotion",
    "learned_promotion:no_audit",
    "beta_eff",
    "beta_eff_promotion",
    "asha",
    "ray_asha",
    "asha_promotion",
    "sync_halving",
    "hyperband",
    "hyperband_promotion",
    "median",
    "optuna:MedianPruner",
    "optuna:PercentilePruner",
    "optuna:SuccessiveHalvingPruner",
    "optuna:HyperbandPruner",
    "halving:beta_eff",
    "halving:train_loss",
    "halving:running_mean",
    "halving:parameters",
)
"""Replayed where nobody names others."""


class ReplayConfig(FrozenModel):
    """A comparison on recorded trainings.

    Attributes:
        bank: Folder or file of traces; None takes the bank that comes with the package.
        tasks: Names of the bank's tasks; none takes all. They must share a metric.
        rules: Names of the rules. Full training, the oracle and the i-epoch front are always added.
        trials: Architectures of a pool, and trials of each replay.
        workers: Numbers of trials at a time.
        grace_period: Epochs before the first decision.
        reduction_factor: One in how many goes on at each rung.
    """

    bank: AbsolutePath | None = None
    tasks: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    rules: tuple[RuleName, ...] = Field(DEFAULT_RULES, min_length=1)
    trials: int = Field(50, ge=2)
    workers: tuple[Annotated[int, Field(ge=1)], ...] = Field((1, 4, 16, 64), min_length=1)
    grace_period: int = Field(1, ge=1)
    reduction_factor: float = Field(3, gt=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name, values in (("tasks", self.tasks), ("rules", self.rules), ("workers", self.workers)):
            if twice := [value for value in values if values.count(value) > 1]:
                raise ValueError(f"{name}: {twice[0]!r} stands there twice; leave one out")
        return self


class LiveConfig(FrozenModel):
    """A comparison by real searches: one for each rule and seed.

    The sampler is ``random`` unless the search names another. It proposes the same architectures to all
    rules, so that they are compared on the same work. A sampler that learns, such as ``tpe``, is told other
    results by each rule and soon proposes other architectures: then two rules differ also by luck of the
    draw, their regret has no common best, and the runs are no pairs.

    Attributes:
        search: The search that is repeated; seed, scheduler, tracking and output come from the comparison.
        rules: A scheduler under each name of a rule. One that trains everything (``name: none``) tells what
            the pruned trials would have come to; without it nobody knows.
        retrain: Train each winner again with another seed: what is left of its lead is no luck.
    """

    search: SearchConfig
    rules: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")], SchedulerConfig] = Field(min_length=2)
    retrain: bool = True

    @field_validator("search", mode="before")
    @classmethod
    def _paired(cls, search: Any) -> Any:
        """Let the sampler be one that learns nothing, and refuse what the comparison sets itself."""
        if not isinstance(search, dict):
            return search
        for key, instead in _SET_BY.items():
            if key in search:
                raise ValueError(f"{key} is set for all searches by {instead}; move it there")
        sampler = search.get("search", {})
        sampler = {"sampler": "random", **sampler} if isinstance(sampler, dict) else sampler
        return {**search, "search": sampler, "scheduler": {"name": "none", "grace_period": 1}}

    @field_serializer("search")
    def _without_what_is_set(self, search: SearchConfig, info: SerializationInfo) -> dict[str, Any]:
        return search.model_dump(mode=info.mode or "python", exclude=set(_SET_BY))

    @model_validator(mode="after")
    def _each_rule_fits(self) -> Self:
        for name, scheduler in self.rules.items():
            grace, epochs = scheduler.grace_period, self.search.training.epochs
            if grace > epochs:
                raise ValueError(
                    f"rules.{name}.grace_period: {grace} exceeds search.training.epochs = {epochs}; lower "
                    "the one or raise the other"
                )
        return self

    @property
    def is_paired(self) -> bool:
        """Whether all rules see the same architectures."""
        return self.search.search.sampler == "random"


class CompareConfig(FrozenModel):
    """The whole configuration of a comparison: what is common, and either ``replay`` or ``live``.

    Attributes:
        name: Begins the name of the comparison's folder.
        candidate: The rule that is judged.
        rival: The rule it is judged against.
        seed: The first seed; draws the pools of a replay.
        seeds: Seeds of each rule: order of the trials in a replay; sampler, initial weights and order of the
            images in live searches.
        replay: A comparison on recorded trainings.
        live: A comparison by real searches.
    """

    name: str = Field("comparison", pattern=r"^[A-Za-z0-9._-]+$")
    candidate: RuleName = "beta_eff"
    rival: RuleName = "asha"
    seed: int = Field(0, ge=0, lt=2**31)
    seeds: int = Field(30, ge=1)
    replay: ReplayConfig | None = None
    live: LiveConfig | None = None
    tracking: TrackingConfig = TrackingConfig()
    output: OutputConfig = OutputConfig()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.replay is None) == (self.live is None):
            received = "neither" if self.replay is None else "both"
            raise ValueError(f"give one of the sections replay: and live:, received {received}")
        if self.candidate == self.rival:
            raise ValueError(f"candidate and rival are both {self.rival!r}; name two rules")
        for role in ("candidate", "rival"):
            if (rule := getattr(self, role)) not in self.rules:
                raise ValueError(f"{role}: {rule!r} is none of the rules {', '.join(self.rules)}; add it")
        return self

    @property
    def kind(self) -> Literal["replayed", "live"]:
        """Which of the two it is."""
        return "replayed" if self.live is None else "live"

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that are asked for."""
        return tuple(self.live.rules) if self.live else self.replay.rules if self.replay else ()

    @property
    def all_seeds(self) -> range:
        """The seeds."""
        return range(self.seed, self.seed + self.seeds)
