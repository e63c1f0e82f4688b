"""The record of a search: what its events add up to."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from neurocap_search.prediction import Prediction, Report
from neurocap_search.pruning import Action, Decision, Insight
from neurocap_search.tracking.events import Event


class TrialState(StrEnum):
    """Where a trial stands; only COMPLETED has a final accuracy."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass
class TrialRecord:
    """Everything known of one trial.

    Attributes:
        number: Order of suggestion, from 0.
        trial_id: The framework's name of the trial.
        config: What was proposed: in a search of this project ``architecture`` and ``training`` (the
            searched hyper-parameters), in another Tune program whatever its trials are given.
        description: The architecture in a few words.
        parameters: Number of weights.
        multiply_adds: Multiply-adds of one image.
        state: Where the trial stands.
        reports: One for each epoch, and those from within the first.
        decisions: One for each report.
        error: Why it failed.
        weights: Folder with the weights, relative to the run directory, once fully trained.
        checkpoint: Folder of the latest checkpoint of a trial that is to go on from it, relative likewise.
        checkpoint_epoch: The epoch it was written after; 0 without one.
        given_up: The decision that ended it while it was paused, when it had no report to answer.
    """

    number: int
    trial_id: str
    config: dict[str, Any]
    description: str = ""
    parameters: int = 0
    multiply_adds: int = 0
    state: TrialState = TrialState.RUNNING
    reports: list[Report] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    error: str | None = None
    weights: str | None = None
    checkpoint: str | None = None
    checkpoint_epoch: int = 0
    given_up: Decision | None = None

    @property
    def name(self) -> str:
        """Readable name, such as ``trial-0007``."""
        return f"trial-{self.number:04d}"

    @property
    def is_architecture(self) -> bool:
        """Whether it was proposed by a search of this project, not by another Tune program."""
        parts = self.config.values()
        return self.config.keys() == {"architecture", "training"} and all(isinstance(p, dict) for p in parts)

    @property
    def epochs(self) -> float:
        """Epochs trained."""
        return self.reports[-1].epoch if self.reports else 0

    @property
    def curve(self) -> list[Report]:
        """The reports after whole epochs."""
        return [report for report in self.reports if not report.is_early]

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the epochs trained."""
        return sum(report.seconds or 0.0 for report in self.reports)

    @property
    def last_decision(self) -> Decision | None:
        """The latest decision, also one made while the trial was paused."""
        return self.given_up or (self.decisions[-1] if self.decisions else None)

    @property
    def prediction(self) -> Prediction | None:
        """The latest prediction."""
        return self.decisions[-1].prediction if self.decisions else None

    def value(self, metric: str) -> float | None:
        """Return a number as it was last reported; within the first epoch most are not known yet."""
        last = self.reports[-1] if self.reports else None
        value = None if last is None else last.get(metric)
        return None if last is not None and last.is_early and value != value else value

    def final(self, metric: str) -> float | None:
        """Return the metric after full training, or None for a trial without it."""
        return self.value(metric) if self.state is TrialState.COMPLETED else None


@dataclass
class SearchRecord:
    """All trials of a search, built from its events.

    Args:
        metric: The number that is optimised.
        max_t: Epochs of full training; 0 where nobody knows.
        num_trials: Trials the search is to have.
        mode: ``"max"`` if a larger metric is better, ``"min"`` otherwise.

    Attributes:
        trials: The trials by id.
        lost_epochs: Epochs of interrupted trials that had to start over.
        search_id: Tells this search from all others, also from one in a folder of the same name.
        proposed: Trials proposed so far, dropped ones among them; the number of the next one.
        insight: What the policy has learned of its signals; None if it learns nothing.
    """

    metric: str
    max_t: int
    num_trials: int
    mode: Literal["max", "min"] = "max"
    trials: dict[str, TrialRecord] = field(default_factory=dict)
    lost_epochs: float = 0
    search_id: str = ""
    proposed: int = 0
    insight: Insight | None = None

    def apply(self, event: Event) -> None:
        """Take in one event, live or read from a journal."""
        handler = getattr(self, f"_on_{event['event']}")
        handler(event)

    def add_report(self, trial_id: str, report: Report, decision: Decision) -> None:
        """Take in a report with its decision, as their event does."""
        trial = self.trials[trial_id]
        self._forget_from(trial, report.epoch)
        trial.reports.append(report)
        trial.decisions.append(decision)
        if decision.action is Action.PAUSE:
            trial.state = TrialState.PAUSED

    def __iter__(self) -> Any:
        """Iterate over the trials by number."""
        return iter(sorted(self.trials.values(), key=lambda trial: trial.number))

    def in_state(self, *states: TrialState) -> list[TrialRecord]:
        """Return the trials in any of the states, by number."""
        return [trial for trial in self if trial.state in states]

    @property
    def finished(self) -> list[TrialRecord]:
        """Trials that need no more training: completed, pruned or failed."""
        return self.in_state(TrialState.COMPLETED, TrialState.PRUNED, TrialState.FAILED)

    @property
    def best(self) -> TrialRecord | None:
        """The fully trained trial with the best final metric; the earlier one of equals."""
        completed = [t for t in self.in_state(TrialState.COMPLETED) if t.final(self.metric) is not None]
        sign = 1 if self.mode == "max" else -1
        return max(completed, key=lambda trial: sign * (trial.final(self.metric) or 0.0), default=None)

    def _on_search(self, event: Event) -> None:
        self.search_id = event["search_id"]

    def _on_suggested(self, event: Event) -> None:
        self.proposed = max(self.proposed, event["number"] + 1)
        keys = ("number", "trial_id", "config", "description", "parameters", "multiply_adds")
        self.trials[event["trial_id"]] = TrialRecord(**{key: event[key] for key in keys})

    def _on_dropped(self, event: Event) -> None:
        """Forget a trial that began but that the framework no longer knows."""
        self.lost_epochs += self.trials.pop(event["trial_id"]).epochs

    def _on_report(self, event: Event) -> None:
        report, decision = Report.from_json(event["report"]), Decision.from_json(event["decision"])
        self.add_report(event["trial_id"], report, decision)

    def _forget_from(self, trial: TrialRecord, epoch: float) -> None:
        """Forget what a trial that went on from an earlier epoch had reported from there on."""
        if trial.epochs < epoch:
            return
        kept = sum(report.epoch < epoch for report in trial.reports)
        trained = trial.epochs
        del trial.reports[kept:], trial.decisions[kept:]
        self.lost_epochs += trained - trial.epochs

    def _on_continued(self, event: Event) -> None:
        self.trials[event["trial_id"]].state = TrialState.RUNNING

    def _on_checkpoint(self, event: Event) -> None:
        trial = self.trials[event["trial_id"]]
        trial.checkpoint, trial.checkpoint_epoch = event["path"], event["epoch"]

    def _on_ended(self, event: Event) -> None:
        trial = self.trials[event["trial_id"]]
        trial.state = TrialState(event["state"])
        trial.error, trial.weights = event["error"], event["weights"]
        if trial.state is TrialState.COMPLETED and trial.checkpoint_epoch == trial.epochs:
            trial.weights = trial.weights or trial.checkpoint
        trial.given_up = Decision.from_json(event["decision"]) if event.get("decision") else None

    def _on_resumed(self, event: Event) -> None:
        """Take interrupted trials back to their checkpoints, or to the start where they have none."""
        for trial_id in event["restarted"]:
            trial = self.trials[trial_id]
            goes_back = trial.checkpoint_epoch < trial.epochs
            self._forget_from(trial, trial.checkpoint_epoch + 1)
            if goes_back or trial.state is not TrialState.PAUSED:
                trial.state = TrialState.INTERRUPTED

    def _on_restarted(self, event: Event) -> None:
        """An interrupted trial runs again; the framework calls it ``trial_id`` now, the record as before."""
        trial = self.trials[event["old_id"]]
        if trial.state is TrialState.INTERRUPTED:
            trial.state = TrialState.RUNNING

    def _on_learned(self, event: Event) -> None:
        self.insight = Insight.from_json(event["insight"])

    def _on_retried(self, event: Event) -> None:
        """A trial that failed is tried again; what it reports from then on replaces what it had reported."""
        self.trials[event["trial_id"]].state = TrialState.RUNNING
