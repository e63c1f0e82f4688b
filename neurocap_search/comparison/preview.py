"""What a search or a live comparison will take, before anything is spent."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch

from neurocap_search.comparison.concurrency import trials_at_once
from neurocap_search.comparison.config import CompareConfig
from neurocap_search.comparison.epoch_timing import time_an_epoch
from neurocap_search.comparison.pruning_forecast import Range, epochs_of_search
from neurocap_search.config import SchedulerConfig, SearchConfig
from neurocap_search.errors import UserError


@dataclass(frozen=True)
class RulePreview:
    """What the searches of one rule will take.

    Attributes:
        rule: Its name.
        searches: How many.
        trials: Trials of all of them.
        epochs: Epochs of all of them.
        hours: GPU-hours, or CPU-hours where no GPU is asked for.
        wall_hours: Hours until the last of them has ended, one after another.
    """

    rule: str
    searches: int
    trials: int
    epochs: Range
    hours: Range
    wall_hours: Range


@dataclass(frozen=True)
class Preview:
    """A whole forecast.

    Attributes:
        rules: One for each rule.
        seconds: Wall-clock of an epoch of one trial.
        device: What hours are of.
        per_trial: How many of them a trial has.
        workers: Trials at a time.
        price_per_hour: Of a device; None where nobody said.
        is_timed_elsewhere: A GPU is asked for and there is none here: an epoch was timed on a processor.
        sampler_learns: The sampler proposes better networks as it goes, of which fewer are pruned than is
            said to be likely.
    """

    rules: tuple[RulePreview, ...]
    seconds: float
    device: Literal["GPU", "CPU"]
    per_trial: float
    workers: int
    price_per_hour: float | None
    is_timed_elsewhere: bool
    sampler_learns: bool

    @property
    def total(self) -> RulePreview:
        """All rules together."""
        first, *others = self.rules
        for rule in others:
            first = replace(
                first,
                searches=first.searches + rule.searches,
                trials=first.trials + rule.trials,
                epochs=first.epochs.plus(rule.epochs),
                hours=first.hours.plus(rule.hours),
                wall_hours=first.wall_hours.plus(rule.wall_hours),
            )
        return replace(first, rule="total")

    def price(self, hours: Range) -> Range | None:
        """Return what hours cost; None where nobody said what one costs."""
        return None if self.price_per_hour is None else hours.times(self.price_per_hour)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        rows = [self._row(rule) for rule in self.rules]
        kept = {name: value for name, value in asdict(self).items() if name != "rules"}
        return {**kept, "rules": rows, "total": self._row(self.total)}

    def _row(self, rule: RulePreview) -> dict[str, Any]:
        price = self.price(rule.hours)
        ranges = {"epochs": rule.epochs, "hours": rule.hours, "wall_hours": rule.wall_hours, "price": price}
        plain = {"rule": rule.rule, "searches": rule.searches, "trials": rule.trials}
        return plain | {name: value and value._asdict() for name, value in ranges.items()}


def preview_search(
    config: SearchConfig, *, workers: int | None = None, price_per_hour: float | None = None
) -> Preview:
    """Say what a search will take; trains two epochs of three networks to know.

    Args:
        config: The search.
        workers: Trials at a time; None: as many as there is room for here.
        price_per_hour: Of a GPU, or of a processor core where no GPU is asked for.

    Raises:
        UserError: If data or space cannot be used.
    """
    return _preview(config, {config.scheduler.name: config.scheduler}, 1, False, workers, price_per_hour)


def preview_comparison(
    config: CompareConfig, *, workers: int | None = None, price_per_hour: float | None = None
) -> Preview:
    """Say what a live comparison will take; see :func:`preview_search`.

    Raises:
        UserError: If data or space cannot be used, or the comparison trains nothing.
    """
    if config.live is None:
        raise UserError(
            "A replayed comparison trains nothing: its recorded trainings are paid for. Run neurocap compare "
            "with --dry-run to see its size."
        )
    live = config.live
    return _preview(live.search, live.rules, config.seeds, live.retrain, workers, price_per_hour)


def _preview(
    search: SearchConfig,
    rules: dict[str, SchedulerConfig],
    seeds: int,
    retrain: bool,
    workers: int | None,
    price_per_hour: float | None,
) -> Preview:
    resources = search.resources
    at_once = min(workers or trials_at_once(search), search.search.num_trials)
    seconds = time_an_epoch(search)
    devices = resources.gpus_per_trial or resources.cpus_per_trial
    devices *= resources.workers_per_trial
    epochs, trials = search.training.epochs, search.search.num_trials
    rows = []
    for name, rule in rules.items():
        of_one = epochs_of_search(rule, epochs, trials, at_once)
        if retrain:  # the winner trains once more
            of_one = of_one.plus(Range(epochs, epochs, epochs))
        # However many workers there are, the last trial has to be trained to the end.
        wall = Range(*(max(number / at_once, epochs) for number in of_one)).times(seconds / 3600)
        hours = of_one.times(seconds * devices / 3600)
        ranges = [value.times(seeds) for value in (of_one, hours, wall)]
        rows.append(RulePreview(name, seeds, seeds * trials, *ranges))
    needs_gpu = resources.gpus_per_trial > 0
    elsewhere = needs_gpu and not torch.cuda.is_available()
    device: Literal["GPU", "CPU"] = "GPU" if needs_gpu else "CPU"
    learns = search.search.sampler != "random"
    return Preview(tuple(rows), seconds, device, devices, at_once, price_per_hour, elsewhere, learns)
