"""What a comparison is computed from: one row for each rule, pool, seed and number of workers."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Unit(NamedTuple):
    """What is resampled: pools are disjoint, so that two units share no architecture.

    Attributes:
        task: Name of the task.
        pool: Number of the pool of architectures within the task.
    """

    task: str
    pool: int


class Guess(NamedTuple):
    """A prediction beside what would have happened.

    Attributes:
        epoch: Epoch it was made at.
        mean: Predicted final metric.
        std: Its standard deviation; nan where the predictor gave none.
        final: The final metric of the trace.
        pruned: Whether the rule pruned this trial in the end.
    """

    epoch: float
    mean: float
    std: float
    final: float
    pruned: bool


class Incumbent(NamedTuple):
    """A point of the curve of the best fully trained trial so far.

    Attributes:
        seconds: Wall-clock since the start, simulated where replayed.
        epochs: Epochs spent by all trials by then.
        final: Its final metric.
    """

    seconds: float
    epochs: float
    final: float


@dataclass(frozen=True)
class RunResult:
    """One rule on one stream of trials.

    Attributes:
        rule: Name of the rule.
        unit: The pool of architectures.
        seed: Of the order of the trials, and of the rule.
        workers: Trials at a time.
        trials: Trials of the stream.
        epochs: Epochs spent.
        full_epochs: Epochs of full training of all.
        seconds: Wall-clock, simulated where replayed.
        pick: The trial the rule ends with: the best final metric among the fully trained; None if there is
            none.
        final: Final metric of the pick; nan if there is none.
        best: Best final metric of the pool: what full training would have found.
        median: Median final metric of the pool.
        test: Test metric of the pick, which nobody chose by; nan where it is unknown.
        best_test: Test metric of the trial with the best final metric.
        winner_pruned_at: Epoch at which the best trial of the pool was pruned; None if it was not.
        incumbents: The best fully trained trial over time.
        guesses: Predictions of the rule, if it makes any.
    """

    rule: str
    unit: Unit
    seed: int
    workers: int
    trials: int
    epochs: float
    full_epochs: float
    seconds: float
    pick: str | None
    final: float
    best: float
    median: float
    test: float = float("nan")
    best_test: float = float("nan")
    winner_pruned_at: float | None = None
    incumbents: tuple[Incumbent, ...] = ()
    guesses: tuple[Guess, ...] = field(default=(), repr=False)

    @property
    def regret(self) -> float:
        """What the rule lost against full training, in the unit of the metric, never negative.

        A rule that trained nobody to the end loses as much as picking the median would.
        """
        loss = self.best - (self.final if self.pick is not None else self.median)
        return abs(loss)

    @property
    def epoch_share(self) -> float:
        """Epochs spent as a share of full training."""
        return self.epochs / self.full_epochs


@dataclass(frozen=True)
class Results:
    """All runs of a comparison.

    Attributes:
        runs: One for each rule, unit, seed and number of workers; the same units and seeds for all rules.
        candidate: The rule that is judged.
        rival: The rule it is judged against.
        kind: Live runs, or replays of recorded ones.
        metric: What was optimised.
        mode: ``max`` or ``min``.
    """

    runs: tuple[RunResult, ...]
    candidate: str = "beta_eff"
    rival: str = "asha"
    kind: Literal["replayed", "live"] = "replayed"
    metric: str = "val_accuracy"
    mode: Literal["max", "min"] = "max"

    @property
    def rules(self) -> list[str]:
        """Names of the rules in the order of their first run."""
        return list(dict.fromkeys(run.rule for run in self.runs))

    def of(self, rule: str) -> list[RunResult]:
        """Return the runs of one rule."""
        return [run for run in self.runs if run.rule == rule]
