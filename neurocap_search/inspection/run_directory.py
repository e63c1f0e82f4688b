"""A run directory read back: its configuration, its record, and the networks of its trials."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from neurocap_search.config import SearchConfig, TrainingConfig
from neurocap_search.config_reader import read_config
from neurocap_search.errors import UserError
from neurocap_search.tracking import Journal, SearchRecord, TrialRecord
from neurocap_search.training import ImageData, trial_settings
from neurocap_search.training.weights import WEIGHTS_FILE
from search_spaces.network import CandidateNetwork

METRIC = "val_accuracy"
"""What a search maximises."""


@dataclass(frozen=True)
class RunDirectory:
    """What a search has left behind, read and not changed; the search may still run.

    Attributes:
        path: The folder.
        config: The search's configuration.
        record: Its trials so far.
    """

    path: Path
    config: SearchConfig
    record: SearchRecord

    @classmethod
    def is_at(cls, path: Path) -> bool:
        """Return whether a folder looks like a run directory."""
        return (path / "config.yaml").is_file() and (path / "journal.jsonl").is_file()

    @classmethod
    def read(cls, path: Path) -> "RunDirectory":
        """Read configuration and journal.

        Raises:
            UserError: If one of them is missing, damaged or of another version.
        """
        config = read_config(path / "config.yaml")
        record = SearchRecord(METRIC, config.training.epochs, config.search.num_trials)
        for event in Journal(path / "journal.jsonl").read():
            record.apply(event)
        return cls(path, config, record)

    def trial(self, number: int | None) -> TrialRecord:
        """Return the trial of a number, or the best one for None.

        Raises:
            UserError: If there is no such trial.
        """
        known = {trial.number: trial for trial in self.record.trials.values()}
        if number is None and self.record.best is not None:
            return self.record.best
        if not known:
            raise UserError(f"{self.path} holds no trial yet: wait for its search, or resume it.")
        numbers = f"this search has the trials {min(known)} to {max(known)}"
        if number is None:
            raise UserError(
                f"{self.path}: no trial was trained to the end, so there is no best one; choose one with "
                f"--trial ({numbers})."
            )
        if number not in known:
            raise UserError(f"--trial: there is no trial {number}; {numbers}.")
        return known[number]

    def build(self, trial: TrialRecord, data: ImageData) -> CandidateNetwork:
        """Return the network of a trial as it was before its training."""
        architecture, seed = trial.config["architecture"], self.config.seed
        return self.config.space.build(architecture, data.input_shape, data.num_classes, seed=seed)

    def weights(self, trial: TrialRecord) -> Path | None:
        """Return the folder with a trial's final weights: the search's own, or ``best``; None if gone."""
        own = [self.path / trial.weights] if trial.weights else []
        kept = [self.path / "best"] if trial is self.record.best else []
        return next((folder for folder in [*own, *kept] if (folder / WEIGHTS_FILE).is_file()), None)

    def settings(self, trial: TrialRecord) -> TrainingConfig:
        """Return the training settings of a trial, on the kind of device that it had."""
        settings = trial_settings(self.config.training, trial.config["training"])
        if settings.device == "auto" and self.config.resources.gpus_per_trial == 0:
            return settings.model_copy(update={"device": "cpu"})
        return settings

    @contextlib.contextmanager
    def threads(self) -> Iterator[None]:
        """Let torch use as many threads as a trial had: sums depend on it in their last digits."""
        before = torch.get_num_threads()
        torch.set_num_threads(max(1, int(self.config.resources.cpus_per_trial)))
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def identity(self, trial: TrialRecord) -> str:
        """Tell a trial from those of all other searches, wherever the run directory lies."""
        return f"{trial.name} of search {self.record.search_id}"
